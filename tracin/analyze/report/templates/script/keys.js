// ---- keys ----
{
  const digits = data.classes.slice(0, 10);
  const verbs = { r: "relabel", d: "delete", o: "keep" };
  const isOn = () => !$("keys-on") || $("keys-on").checked;
  const advances = () => !$("advance") || $("advance").checked;
  if (cards.list) {
    digits.forEach((name, index) => {
      const key = Object.assign(document.createElement("kbd"), { textContent: (index + 1) % 10 });
      $("class-keys").append(key, " ", Object.assign(document.createElement("bdi"), { textContent: name }));
    });
    for (const id of ["keys-on", "advance"]) {
      const kept = memory.get("tracin-" + id);
      if (kept !== null) $(id).checked = kept === "true";
      $(id).addEventListener("change", () => memory.set("tracin-" + id, String($(id).checked)));
    }
  }
  // Where a key must not reach a suspect that is out of sight.
  const isApart = (focused) => focused.closest("#map, #sample") !== null;
  // Of the picture or card that has the focus, else of the current suspect.
  function subject() {
    const focused = document.activeElement;
    const picture = focused.closest(".pic[data-image]");
    if (picture) return picture;
    if (isApart(focused)) return null;
    const holder = focused.closest(".mistake, .copy");
    return holder ? holder.querySelector(".pic") : cards.current() && cards.current().querySelector(".pic");
  }
  function decide(what, name) {
    if (menu.isOpen()) { decisions.choose([menu.image()], what, name); menu.close(); return; }
    if (large.isOpen()) { if (decisions.choose([large.image()], what, name) && advances()) large.move(1); return; }
    if (sample.holds(document.activeElement)) { sample.choose(what, name); return; }
    if (selection.size() && !isApart(document.activeElement)) { selection.choose(what, name); return; }
    const picture = subject();
    if (!picture || !decisions.choose([Number(picture.dataset.image)], what, name)) return;
    if (picture.matches(".suspect .subject-picture") && advances()) cards.move(1);
  }
  function undo() {
    const touched = decisions.undo();
    const card = touched.length === 1 && cards.byNumber.get(touched[0]);
    if (card && !card.hidden && !large.isOpen() && !menu.isOpen()) cards.go(card);
  }
  function moveInGrid(key, isRange) {
    const step = { arrowleft: -1, arrowright: 1, arrowup: -grid.columns(), arrowdown: grid.columns() }[key];
    const from = cards.current();
    cards.move(step);
    if (isRange && from) { selection.extend(from); selection.extend(cards.current()); }
  }
  const inGrid = () => cards.isGrid() && !large.isOpen() && !menu.isOpen() && document.activeElement.closest("#cards, body") !== null;
  // What a letter means; false: nothing here.
  function letter(key, event) {
    if (key === "u") undo();
    else if (verbs[key]) decide(verbs[key]);
    else if (/^[0-9]$/.test(key) && digits[(Number(key) + 9) % 10] !== undefined) decide("other", digits[(Number(key) + 9) % 10]);
    else if (large.isOpen() && (key === "j" || key === "k")) large.move(key === "j" ? 1 : -1);
    else if (large.isOpen() && key === "z") large.close();
    else if (key === "m" && subject() && !menu.isOpen()) menu.openAt(subject());
    else if (large.isOpen() || menu.isOpen()) return false;
    else if (key === "z" && subject()) large.open(subject());
    else if (sample.holds(document.activeElement) && "jkn".includes(key)) { if (key === "n") sample.goToOpen(); else sample.go(key === "j" ? 1 : -1); }
    else if (!cards.list) return false;
    else if (key === "j" || key === "k") cards.move(key === "j" ? 1 : -1);
    else if (key === "n") cards.goToOpen();
    else if (key === "g") grid.toggle();
    else if (key === "/") $("search").focus();
    else if (!inGrid()) return false;
    else if (key === "a") selection.selectAll();
    else if (key === "x" && cards.current()) selection.toggle(cards.current(), event.shiftKey);
    else if (key === "+" || key === "-") grid.resize(key === "+" ? 1 : -1);
    else return false;
    return true;
  }
  function other(key, event) {
    const focused = document.activeElement;
    if (large.isOpen() && !menu.isOpen() && (key === "arrowleft" || key === "arrowright")) large.move(key === "arrowleft" ? -1 : 1);
    else if (large.isOpen() || menu.isOpen()) return false;
    else if (key === "enter" && focused.matches(".suspect, .mistake")) large.open(focused.querySelector(".pic"));
    else if (!inGrid()) return false;
    else if (key === "escape" && selection.size()) selection.clear();
    else if (key.startsWith("arrow") && focused.closest("#cards")) moveInGrid(key, event.shiftKey);
    else if (key === " " && focused.closest("#cards .pic")) selection.toggle(cards.current(), event.shiftKey);
    else return false;
    return true;
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    if (event.target.matches("input[type=search], textarea")) return;
    const key = event.key.toLowerCase();
    const isLetter = key.length === 1 && key !== " ";
    if (event.target.matches("select") && (!isLetter || focus.isOpen(event.target))) return;
    if (event.target.matches("input[type=range]") && !isLetter) return;
    if (isLetter ? isOn() && letter(key, event) : other(key, event)) event.preventDefault();
    // No letter chooses an option: it means the same wherever the focus is.
    else if (isLetter && isOn() && event.target.matches("select")) event.preventDefault();
  });
}
