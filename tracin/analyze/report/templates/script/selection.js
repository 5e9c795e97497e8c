// ---- several tiles at once: click, drag, shift, one decision for all ----
const selection = (() => {
  const chosen = new Set();
  let anchor = null, drag = null;

  function set(wanted) {
    for (const card of suspectCards) {
      const yes = wanted.has(card);
      if (yes === chosen.has(card)) continue;
      if (yes) chosen.add(card); else chosen.delete(card);
      card.classList.toggle("selected", yes);
      press(card.querySelector(".check"), yes);
    }
    const n = cards.shown().length;
    $("selection").hidden = !chosen.size;
    $("selected").textContent = `${chosen.size} selected`;
    $("select-all").textContent = n === suspectCards.length ? `Select all ${n}` : `Select all ${n} shown`;
  }
  function between(from, to) {
    const items = cards.shown(), ends = [items.indexOf(from), items.indexOf(to)].sort((a, b) => a - b);
    return ends[0] < 0 ? [to] : items.slice(ends[0], ends[1] + 1);
  }
  // `cards_` as well as, or no longer among, those of `before`.
  const changed = (before, cards_, yes) => {
    const wanted = new Set(before);
    cards_.forEach((card) => { if (yes) wanted.add(card); else wanted.delete(card); });
    return wanted;
  };
  function toggle(card, isRange) {
    if (isRange && anchor) set(changed(chosen, between(anchor, card), true));
    else { set(changed(chosen, [card], !chosen.has(card))); anchor = card; }
    say(`${chosen.size} selected`);
  }
  function extend(card) { if (!anchor) anchor = cards.current(); set(changed(chosen, between(anchor || card, card), true)); }
  function clear() { anchor = null; set(new Set()); }
  const selectAll = () => { set(new Set(cards.shown())); say(`${chosen.size} selected`); };
  // These alone, in the grid, whatever the filters hid.
  function only(wanted) {
    filters.showAll();
    if (!cards.isGrid()) grid.toggle();
    set(new Set(wanted));
    anchor = null;
    if (wanted.length) cards.go(wanted[0]);
  }
  // One step for all selected; they stay in view, and no longer selected.
  function choose(what, name) {
    const numbers = cards.shown().filter((card) => chosen.has(card)).map(cards.numberOf);
    if (decisions.choose(numbers, what, name)) clear();
  }
  // A click in the grid opens a tile large, unless it means the selection.
  function takes(event, card) {
    if (!cards.isGrid()) return false;
    if (!event.shiftKey && !event.ctrlKey && !event.metaKey && !chosen.size) return false;
    toggle(card, event.shiftKey);
    return true;
  }

  const tileAt = (target) => target.closest("#cards.grid .suspect");
  function startDrag(event) {
    const card = tileAt(event.target);
    if (!card || event.button !== 0 || event.pointerType === "touch" || event.shiftKey) return;
    drag = { card, before: new Set(chosen), yes: !chosen.has(card), moved: false };
  }
  function dragOver(event) {
    const card = drag && tileAt(event.target);
    if (!card || (card === drag.card && !drag.moved)) return;
    drag.moved = true;
    anchor = drag.card;
    set(changed(drag.before, between(drag.card, card), drag.yes));
  }
  function endDrag() {
    if (drag && drag.moved) {
      // The click that may follow belongs to the drag.
      const swallow = (event) => { event.stopPropagation(); event.preventDefault(); };
      addEventListener("click", swallow, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", swallow, { capture: true }), 0);
    }
    drag = null;
  }
  if (cards.list) {
    document.addEventListener("pointerdown", startDrag);
    document.addEventListener("pointerover", dragOver);
    addEventListener("pointerup", endDrag);
    addEventListener("pointercancel", () => { drag = null; });
    cards.list.addEventListener("click", (event) => {
      const check = event.target.closest(".check");
      if (check) toggle(check.closest(".suspect"), event.shiftKey);
    });
    all("[data-all]").forEach((button) => button.addEventListener("click", () => {
      choose(button.dataset.all);
      $("select-all").focus();
    }));
    marks.offer($("all-other"), null);
    $("all-other").addEventListener("change", () => {
      if ($("all-other").value) choose("other", $("all-other").value);
      $("all-other").value = "";
    });
    $("select-all").addEventListener("click", selectAll);
    $("select-none").addEventListener("click", () => { clear(); $("select-all").focus(); });
    filters.listen(() => set(new Set(cards.shown().filter((card) => chosen.has(card)))));
    set(new Set());
  }
  return { toggle, extend, only, clear, selectAll, choose, takes, size: () => chosen.size };
})();
