// ---- search, filter and sort the suspects; filter the mistakes ----
const filters = (() => {
  const listeners = [];
  const plain = (text) => text.normalize("NFC").toLocaleLowerCase();
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  const rising = (name) => (a, b) => Number(a.dataset[name]) - Number(b.dataset[name]);
  const falling = (name) => (a, b) => rising(name)(b, a);
  const pathOf = (card) => images[card.dataset.image].path;
  const sorts = {
    rank: rising("rank"), agreement: rising("agreement"), margin: rising("margin"),
    self: falling("self"), gain: falling("gain"),
    live: (a, b) => live.of(b) - live.of(a) || sorts.rank(a, b),
    pair: (a, b) => compare(a.dataset.given, b.dataset.given) || compare(a.dataset.suggested, b.dataset.suggested) || sorts.rank(a, b),
    name: (a, b) => compare(fileName(pathOf(a)), fileName(pathOf(b))) || sorts.rank(a, b),
  };
  // An option names one class or two; where it names none, everything fits.
  const isOf = (card, wanted, names) => names.every((name) => !wanted[name] || wanted[name] === card.dataset[name]);

  // Of the columns of a list: a card has the place of its value in each.
  const columns = all("[data-list-column]");
  const isOfColumns = (card) => columns.every((select) => !select.value || select.value === card.dataset.listColumns.split(" ")[select.dataset.listColumn]);

  function suspectFits(card) {
    const { given, suggested } = card.dataset;
    const name = $("by-class").value, wanted = $("by-decision").value, decision = decisions.on(pathOf(card));
    return plain(pathOf(card)).includes(plain($("search").value.trim()))
      && (!name || name === given || name === suggested)
      && isOf(card, $("by-pair").selectedOptions[0].dataset, ["given", "suggested"])
      && isOfColumns(card)
      && (!wanted || (wanted === "open" ? !decision : wanted === "decided" ? decision : decision && decision.action === wanted));
  }
  function arrange(at = null, next = []) {
    cards.list.append(...[...suspectCards].sort(sorts[$("sort").value]));
    for (const card of suspectCards) card.hidden = !suspectFits(card);
    pagers.get("cards").show([at, ...next].find((card) => card && !card.hidden) || null);
    const n = cards.shown().length;
    $("count").textContent = `${n} of ${suspectCards.length} shown`;
    $("no-match").hidden = n > 0;
    listeners.forEach((listener) => listener());
  }
  // Arrange the cards anew after `change`: whoever looks at one goes on there.
  function again(change) {
    const at = cards.current(), focused = document.activeElement, top = at && at.getBoundingClientRect().top;
    // Where a filter hides it from now on, whoever looked at it goes on with what came next.
    const next = at ? cards.shown().slice(cards.shown().indexOf(at) + 1) : [];
    if (change()) arrange(at, next);
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    if (at && !at.hidden) scrollBy({ top: at.getBoundingClientRect().top - top, behavior: "instant" });
  }
  function showAll() {
    for (const input of [...["search", "by-class", "by-pair", "by-decision"].map($), ...columns]) input.value = "";
    arrange();
  }
  function filterMistakes() {
    const wanted = $("mistake-pair").selectedOptions[0].dataset;
    for (const card of all(".mistake")) card.hidden = !isOf(card, wanted, ["true", "predicted"]);
    pagers.get("mistake-cards").show(null);
  }
  if (cards.list) {
    const met = new Set(suspectCards.flatMap((card) => [card.dataset.given, card.dataset.suggested]));
    for (const name of new Set([...data.classes.filter((each) => met.has(each)), ...met])) $("by-class").add(new Option(name, name));
    for (const id of ["by-class", "by-pair", "by-decision", "sort"]) $(id).addEventListener("change", () => arrange());
    columns.forEach((select) => select.addEventListener("change", () => arrange()));
    $("search").addEventListener("input", () => arrange());
    $("reset").addEventListener("click", () => { showAll(); $("search").focus(); });
  }
  if ($("mistake-pair")) $("mistake-pair").addEventListener("change", filterMistakes);

  // The table of classes leads to the cards and mistakes of a label.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-select]");
    if (!link) return;
    const select = $(link.dataset.select), key = link.dataset.select === "by-pair" ? "given" : "true";
    if (key === "given") showAll();
    const option = [...select.options].find((each) => each.dataset[key] === link.dataset.label && each.value.startsWith("label-"));
    select.value = option.value;
    if (key === "given") arrange(); else filterMistakes();
  });
  // `listener` is called when other cards are shown than before.
  return { again, showAll, listen: (listener) => { listeners.push(listener); } };
})();
