// ---- tables that sort, and boxes that show that they scroll ----
{
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  all(".sorter").forEach((button) => button.addEventListener("click", () => {
    const head = button.closest("th"), table = head.closest("table"), column = head.cellIndex;
    const value = (row) => row.cells[column].dataset.value;
    const rising = head.getAttribute("aria-sort") !== "ascending" && (column === 0 || head.getAttribute("aria-sort") === "descending");
    all("th[aria-sort]", table).forEach((each) => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const rows = [...table.tBodies[0].rows].sort((a, b) => column === 0
      ? compare(a.cells[0].textContent, b.cells[0].textContent) : Number(value(a)) - Number(value(b)));
    table.tBodies[0].append(...(rising ? rows : rows.reverse()));
  }));

  // Which side hides more: the style fades it out.
  function showEdges(box) {
    const left = box.scrollLeft > 2, right = box.scrollLeft + box.clientWidth < box.scrollWidth - 2;
    box.dataset.more = [left && "left", right && "right"].filter(Boolean).join(" ");
  }
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => showEdges(entry.target)));
  all(".scroll, .sideways, .top nav").forEach((box) => {
    box.addEventListener("scroll", () => showEdges(box), { passive: true });
    sizes.observe(box);
  });
}
