// ---- a decision shows wherever its image does ----
const marks = (() => {
  const places = new Map(); // by number of the image
  for (const element of all("[data-image]")) {
    const number = Number(element.dataset.image);
    if (!places.has(number)) places.set(number, []);
    places.get(number).push(element);
  }
  const short = ({ action, new_class }) => ({ relabel: "→ " + new_class, delete: "✕ delete", keep: "✓ keep" })[action];

  function show(element) {
    const image = images[element.dataset.image], decision = decisions.on(image.path);
    if (element.matches(".pic")) {
      if (decision) { element.dataset.verdict = short(decision); element.dataset.action = decision.action; }
      else { delete element.dataset.verdict; delete element.dataset.action; }
      return;
    }
    element.classList.toggle("decided", Boolean(decision));
    const to = decision && decision.action === "relabel" ? decision.new_class : "";
    for (const button of all("button[data-do]", element)) {
      const what = button.dataset.do;
      if (what === "undo") button.hidden = !decision;
      else if (what === "relabel") { press(button, to && to === image.suggested); button.hidden = !image.suggested; }
      else if (what === "to") press(button, to && to === button.dataset.to);
      else press(button, decision && decision.action === what);
    }
    const select = element.querySelector("select[data-do]");
    if (select) {
      const other = to !== image.suggested ? to : "";
      if (other) offer(select, image.label);
      select.value = other;
    }
    const verdict = element.querySelector(".verdict");
    if (verdict) verdict.textContent = decision ? decisions.words(decision) : "";
  }
  // For the menu and the large view, whose image changes.
  function fill(element, number) {
    const { path, label, suggested, is_test } = images[number];
    element.dataset.image = number;
    const put = (selector, text) => all(selector, element).forEach((each) => { each.textContent = text; });
    put(".path", path);
    put(".of-split", is_test ? "test image" : "training image");
    put(".its-label", label);
    put(".to-suggested", suggested);
    element.querySelector("select[data-do]").length = 1;
    show(element);
  }
  // The classes that an image of `label` may get instead.
  function offer(select, label) {
    if (select.length > 1) return;
    data.classes.forEach((name) => { if (name !== label) select.add(new Option(name, name)); });
  }
  // Only when somebody is about to choose: five hundred lists of classes are slow to make.
  for (const kind of ["pointerdown", "focusin"]) {
    document.addEventListener(kind, (event) => {
      const select = event.target.closest("select[data-do]");
      if (select) offer(select, images[select.closest(".holder").dataset.image].label);
    });
  }
  decisions.listen((numbers) => {
    numbers.forEach((number) => (places.get(number) || []).forEach(show));
    [$("menu"), $("large")].forEach((each) => {
      if (each.dataset.image) [each, ...all(".pic", each)].forEach(show);
    });
  });
  places.forEach((elements, number) => { if (decisions.on(images[number].path)) elements.forEach(show); });
  all(".holder[data-image] button[data-do]:not([data-do=undo])").forEach((button) => {
    if (!button.hasAttribute("aria-pressed")) press(button, false);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    const holder = button && button.closest(".holder");
    if (!holder) return;
    decisions.choose([Number(holder.dataset.image)], button.dataset.do, button.dataset.to);
    if (button.hidden) holder.querySelector("button[data-do]:not([hidden])").focus();
  });
  document.addEventListener("change", (event) => {
    const select = event.target.closest("select[data-do]");
    if (select && select.value) decisions.choose([Number(select.closest(".holder").dataset.image)], "other", select.value);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-path]");
    if (!button) return;
    const { path } = images[button.closest(".holder").dataset.image];
    copy(path).then(() => say("Copied " + path), () => say(path));
  });
  async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    throw new Error("no clipboard"); // of pages from disk in some browsers: the path can be selected
  }
  return { show, fill, offer };
})();
