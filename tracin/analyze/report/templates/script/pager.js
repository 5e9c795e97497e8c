// ---- long lists in pages: what is laid out has known heights, so jumps land ----
const pagers = (() => {
  function pager(list) {
    const bars = all(".pager").filter((bar) => bar.dataset.list === list.id);
    const fitting = () => [...list.children].filter((item) => !item.hidden);
    let start = 0;
    function draw() {
      const items = fitting();
      start = Math.max(0, Math.min(start, Math.floor((items.length - 1) / data.per_page) * data.per_page));
      items.forEach((item, at) => item.classList.toggle("off", at < start || at >= start + data.per_page));
      for (const bar of bars) {
        bar.hidden = items.length <= data.per_page;
        bar.querySelector("span").textContent = `${start + 1}–${Math.min(start + data.per_page, items.length)} of ${items.length}`;
        bar.querySelector("[data-turn='-1']").disabled = start === 0;
        bar.querySelector("[data-turn='1']").disabled = start + data.per_page >= items.length;
      }
    }
    // Turn to the page of `item`; without one, to the first.
    function show(item) {
      start = item ? Math.floor(fitting().indexOf(item) / data.per_page) * data.per_page : 0;
      draw();
    }
    bars.forEach((bar) => bar.addEventListener("click", (event) => {
      const button = event.target.closest("[data-turn]");
      if (!button) return;
      start += Number(button.dataset.turn) * data.per_page;
      draw();
      const first = fitting()[start];
      first.scrollIntoView({ block: "start", behavior: "instant" });
      if (first.tabIndex === -1) first.focus({ preventScroll: true });
    }));
    draw();
    return { fitting, show };
  }
  return new Map(["cards", "mistake-cards", "duplicate-pairs"].map($).filter(Boolean).map((list) => [list.id, pager(list)]));
})();
