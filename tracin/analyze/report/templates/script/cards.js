// ---- the suspects: which one is current, and going to one ----
const cards = (() => {
  const list = $("cards");
  const shown = () => list ? pagers.get("cards").fitting() : [];
  const isGrid = () => Boolean(list) && list.classList.contains("grid");
  const numberOf = (card) => Number(card.dataset.image);
  const byNumber = new Map(suspectCards.map((card) => [numberOf(card), card]));
  let marked = null;

  function mark(card) {
    if (marked === card) return;
    if (marked) { marked.classList.remove("current"); marked.removeAttribute("aria-current"); }
    marked = card;
    card.classList.add("current");
    card.setAttribute("aria-current", "true");
  }
  const current = () => marked && !marked.hidden ? marked : null;
  function go(card, { scroll = true } = {}) {
    mark(card);
    if (card.classList.contains("off")) pagers.get("cards").show(card);
    (isGrid() ? card.querySelector(".pic") : card).focus({ preventScroll: true });
    const room = innerHeight - $("filter-bar").offsetHeight - $("bar").offsetHeight;
    const block = isGrid() ? "nearest" : card.offsetHeight < room ? "center" : "start";
    if (scroll) card.scrollIntoView({ block, behavior: "instant" });
  }
  function move(step) {
    const items = shown();
    if (!items.length) return;
    const at = items.indexOf(current());
    go(items[at < 0 ? 0 : Math.min(items.length - 1, Math.max(0, at + step))]);
  }
  // The next one without a decision, after the current one and around.
  function goToOpen() {
    const items = shown(), at = items.indexOf(current());
    const next = [...items.slice(at + 1), ...items.slice(0, at + 1)].find((card) => !decisions.on(images[numberOf(card)].path));
    if (next) go(next); else say("Every suspect shown is decided");
  }
  for (const kind of ["focusin", "click"]) {
    document.addEventListener(kind, (event) => {
      const card = event.target.closest(".suspect");
      if (card) mark(card);
    });
  }
  if (list) $("next-open").addEventListener("click", goToOpen);
  return { list, shown, isGrid, numberOf, byNumber, current, go, move, goToOpen };
})();
