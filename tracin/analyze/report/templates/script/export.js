// ---- the bar: how far, undo, actions.csv ----
{
  // As tracin/results/cells.py: no spreadsheet shall run a name, and --apply reads it as it was.
  const neutral = (text) => /^'*[=+\-@\t\r\n＝＋－＠]/.test(text) ? "'" + text : text;
  const cell = (text) => /[",\r\n]/.test(text) || text !== text.trim() ? '"' + text.replaceAll('"', '""') + '"' : text;
  // The column is called train_path, and its paths begin with the split: test/… is a test image.
  const table = () => ["train_path,action,new_class", ...decisions.made().map((number) => {
    const { path } = images[number], { action, new_class } = decisions.on(path);
    return [path, action, new_class].map(neutral).map(cell).join(",");
  }), ""].join("\n");

  const listed = new Set(suspectCards.map((card) => Number(card.dataset.image)));
  function tell() {
    const made = decisions.made();
    const suspects = made.filter((number) => listed.has(number)).length, others = made.length - suspects;
    const times = (action) => made.filter((number) => decisions.on(images[number].path).action === action).length;
    const parts = [];
    if (listed.size) parts.push(`${suspects} of ${plural(listed.size, "suspect")} decided`);
    if (others) parts.push(plural(others, listed.size ? "other image" : "image") + (listed.size ? "" : " decided"));
    $("progress").textContent = made.length
      ? `${parts.join(", ")}: ${times("relabel")} relabel, ${times("delete")} delete, ${times("keep")} keep` + (decisions.isRemembered() ? "" : " (this browser forgets them when the page closes)")
      : "No decision yet" + (listed.size ? ` on ${plural(listed.size, "suspect")}` : "");
    $("track").style.width = listed.size ? 100 * suspects / listed.size + "%" : "0";
    $("export").disabled = $("clear").disabled = !made.length;
    $("undo").disabled = !decisions.canUndo();
    $("bar").classList.toggle("any", made.length > 0 || decisions.canUndo());
  }
  decisions.listen(() => { $("saved").hidden = true; tell(); });
  $("bar").hidden = !images.length;
  tell();

  $("export").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv;charset=utf-8" }));
    link.download = "actions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    $("saved").hidden = false;
    say("Saved actions.csv");
  });
  // Nothing to confirm: it is one step, and undone as one.
  $("clear").addEventListener("click", () => {
    decisions.decide(decisions.made().map((number) => [images[number].path, null]));
    $("undo").focus();
  });
  $("undo").addEventListener("click", () => decisions.undo());
}
