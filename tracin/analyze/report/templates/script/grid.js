// ---- the grid: the same cards as tiles ----
const grid = (() => {
  const list = cards.list, sizes = $("tile-size");
  function setView(name) {
    const at = cards.current();
    list.classList.toggle("grid", name === "grid");
    $("suspects").classList.toggle("has-grid", name === "grid");
    all("[data-view]").forEach((button) => press(button, button.dataset.view === name));
    memory.set("tracin-view", name);
    selection.clear();
    pagers.get("cards").show(at);
    if (at) at.scrollIntoView({ block: "center", behavior: "instant" });
  }
  function setSize(pixels) {
    sizes.value = pixels;
    list.style.setProperty("--tile", sizes.value + "px");
  }
  function choose(pixels) {
    setSize(pixels);
    memory.set("tracin-tile", sizes.value);
  }
  const columns = () => getComputedStyle(list).gridTemplateColumns.split(" ").length;
  if (list) {
    all("[data-view]").forEach((button) => button.addEventListener("click", () => setView(button.dataset.view)));
    sizes.addEventListener("input", () => choose(sizes.value));
    setSize(memory.get("tracin-tile") || sizes.value);
  }
  return {
    columns,
    toggle: () => setView(cards.isGrid() ? "cards" : "grid"),
    resize: (steps) => choose(Number(sizes.value) + steps * Number(sizes.step)),
    restore: () => { if (list && memory.get("tracin-view") === "grid") setView("grid"); },
  };
})();
