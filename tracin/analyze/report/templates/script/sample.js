// ---- how many labels are wrong: a sample, and what its answers say of all images ----
const sample = (() => {
  const box = $("sample-card"), drawn = data.sample;
  if (!box) return { holds: () => false };
  const select = $("sample-class");
  let at = 0;

  const decisionOn = (position) => decisions.on(images[drawn.images[position]].path);
  // Only what was answered here counts: whoever decides the most suspicious elsewhere draws no sample.
  const key = data.key + "-sample";
  let answers = {}; // the action of each answer, by path
  try { answers = JSON.parse(memory.get(key)) || {}; } catch { /* damaged: begin anew */ }
  const pathAt = (position) => images[drawn.images[position]].path;
  const isOpen = (position) => !decisionOn(position) || !Object.hasOwn(answers, pathAt(position));
  function keep(path, action) {
    if (action) answers[path] = action; else delete answers[path];
    memory.set(key, JSON.stringify(answers));
  }
  // A duplicate may have been deleted since, whose label was called right.
  const isWrong = (position) => ({ keep: false, relabel: true, delete: answers[pathAt(position)] !== "keep" })[decisionOn(position).action];

  // The formula of tracin/analyze/figures/review_sample.py, where its source is named.
  function wrongShare(sizes, reviewed, wrong) {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let share = 0, middle = 0, variance = 0;
    for (const [stratum, size] of sizes.entries()) {
      if (!size) continue;
      const n = reviewed[stratum], k = wrong[stratum];
      if (!n) return null;
      const rate = (k + 0.5) / (n + 1), unseen = size - n;
      share += size * k / n / total;
      middle += (k + unseen * rate) / total;
      variance += size * unseen * rate * (1 - rate) / n / total ** 2;
    }
    const half = drawn.z * Math.sqrt(variance);
    return { share, low: Math.max(0, Math.min(share, middle - half)), high: Math.min(1, Math.max(share, middle + half)) };
  }
  function estimate() {
    const reviewed = drawn.sizes.map(() => 0), wrong = drawn.sizes.map(() => 0);
    drawn.strata.forEach((stratum, position) => {
      if (isOpen(position)) return;
      reviewed[stratum] += 1;
      if (isWrong(position)) wrong[stratum] += 1;
    });
    return { seen: reviewed.reduce((sum, n) => sum + n, 0), ...wrongShare(drawn.sizes, reviewed, wrong) };
  }
  function showResult() {
    const { seen, share, low, high } = estimate(), of = drawn.images.length;
    const percent = (value) => (100 * value).toFixed(1);
    $("sample-result").textContent = `${seen} of ${of} answered. ` + (share === undefined
      ? "An estimate needs answers on images of every degree of suspicion: go on."
      : low === high ? `${percent(share)}% of the labels are wrong: these are all images.`
        : `${percent(share)}% of the labels are wrong, between ${percent(low)}% and ${percent(high)}% (95% interval).`
          + (seen < of ? " The rest makes it narrower." : ""));
  }
  function show() {
    const number = drawn.images[at], { path, label } = images[number], decision = decisionOn(at);
    const picture = pictures.make(number).firstChild; // no button: the menu and the large view suggest
    $("sample-picture").replaceChildren(picture);
    $("sample-at").textContent = `${at + 1} of ${drawn.images.length}${decision && isOpen(at) ? ", decided elsewhere: counts once it is answered here" : ""}`;
    $("sample-path").textContent = path;
    $("sample-label").textContent = label;
    all("[data-answer]", box).forEach((button) => press(button, decision && decision.action === button.dataset.answer));
    select.length = 1;
    marks.offer(select, label);
    select.value = decision && decision.action === "relabel" ? decision.new_class : "";
    $("sample-back").disabled = at === 0;
    $("sample-skip").disabled = at === drawn.images.length - 1;
  }
  function go(position) {
    at = Math.max(0, Math.min(drawn.images.length - 1, position));
    show();
  }
  function goToOpen() {
    const positions = [...drawn.images.keys()];
    const next = [...positions.slice(at + 1), ...positions.slice(0, at + 1)].find(isOpen);
    if (next === undefined) say("Every image of the sample is answered"); else go(next);
  }
  // An answer for the image shown; then the next one comes.
  function choose(what, name) {
    if (what === "relabel") { say("Choose the class that it is: here nothing is suggested"); return; }
    if (!decisions.choose([drawn.images[at]], what, name)) return;
    keep(pathAt(at), decisions.on(pathAt(at))?.action);
    showResult();
    if (at < drawn.images.length - 1) go(at + 1);
    box.focus({ preventScroll: true });
  }
  box.addEventListener("click", (event) => {
    const button = event.target.closest("[data-answer]");
    if (button) choose(button.dataset.answer);
  });
  select.addEventListener("change", () => { if (select.value) choose("other", select.value); });
  $("sample-back").addEventListener("click", () => go(at - 1));
  $("sample-skip").addEventListener("click", () => go(at + 1));
  $("sample-open").addEventListener("click", goToOpen);
  decisions.listen((numbers) => {
    for (const number of numbers) if (!decisions.on(images[number].path)) keep(images[number].path, null);
    show();
    showResult();
  });
  const first = [...drawn.images.keys()].find(isOpen);
  go(first === undefined ? 0 : first);
  showResult();
  return { holds: (element) => box.contains(element), choose, go: (step) => go(at + step), goToOpen };
})();
