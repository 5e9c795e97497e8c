// ---- how many of the suspects are likely wrong still, and how many the next fifty hold ----
{
  const NEXT = 50;
  const place = $("still-wrong");
  const suspects = suspectCards.map((card) => ({ path: images[card.dataset.image].path, probability: Number(card.dataset.probability) }));
  // Of cards in the order of their suspicion, as the analysis lists them.
  const expected = (cards) => Math.round(cards.reduce((sum, card) => sum + card.probability, 0));
  function show() {
    const open = suspects.filter(({ path }) => !decisions.on(path)), decided = suspects.filter(({ path }) => decisions.on(path));
    const wrong = decided.filter(({ path }) => decisions.on(path).action !== "keep").length;
    const next = open.slice(0, NEXT);
    const parts = [];
    if (decided.length) parts.push(`Of the ${plural(decided.length, "suspect")} decided, ${wrong.toLocaleString("en")} ${wrong === 1 ? "was" : "were"} relabelled or deleted; the probabilities on their cards add up to ${expected(decided).toLocaleString("en")}.`);
    if (open.length) parts.push(`By the probabilities on the cards, about ${expected(open).toLocaleString("en")} of the ${open.length.toLocaleString("en")} left ${expected(open) === 1 ? "has a wrong label" : "have wrong labels"}${open.length > NEXT ? `, and ${expected(next)} of the ${NEXT} most suspicious of them` : ""}.`);
    place.textContent = parts.join(" ");
  }
  if (place) { decisions.listen(show); show(); }
}
