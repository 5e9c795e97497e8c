// ---- decisions: by path, so that every place that shows an image agrees ----
const decisions = (() => {
  const MOST_CHANGES = 5000; // that can be undone: what the browser keeps is limited
  let state = { decisions: {}, history: [] };
  try {
    const kept = JSON.parse(memory.get(data.key));
    if (kept && kept.decisions && Array.isArray(kept.history)) state = kept;
  } catch { /* damaged: begin anew */ }
  // Version 1 kept single changes where now a step may hold many.
  state.history = state.history.map((step) => Array.isArray(step) ? step : [step]);
  const numberOf = new Map(images.map((image, number) => [image.path, number]));
  const order = [...new Set([...suspectCards.map((card) => Number(card.dataset.image)), ...images.keys()])];
  const listeners = [];
  let remembered = true;

  const on = (path) => Object.hasOwn(state.decisions, path) ? state.decisions[path] : null;
  const same = (a, b) => a === b || Boolean(a && b && a.action === b.action && a.new_class === b.new_class);
  const words = (decision) => !decision ? "no decision"
    : { relabel: "relabel to " + decision.new_class, delete: "delete", keep: "keep the label" }[decision.action];

  function put(changes) {
    for (const [path, decision] of changes) {
      if (decision) state.decisions[path] = decision; else delete state.decisions[path];
    }
    remembered = memory.set(data.key, JSON.stringify(state));
    const touched = changes.map(([path]) => numberOf.get(path)).filter((number) => number !== undefined);
    listeners.forEach((listener) => listener(touched));
    return touched;
  }
  // One step, undone as one. `wanted`: [path, decision or null] each.
  function decide(wanted) {
    const changes = wanted.filter(([path, decision]) => !same(on(path), decision));
    if (!changes.length) return;
    state.history.push(changes.map(([path]) => ({ path, before: on(path) })));
    let kept = state.history.reduce((sum, step) => sum + step.length, 0);
    while (kept > MOST_CHANGES && state.history.length > 1) kept -= state.history.shift().length;
    put(changes);
    const [path, decision] = changes[0];
    say(changes.length === 1 ? `${fileName(path)}: ${words(decision)}` : `${plural(changes.length, "image")} decided; U undoes it`);
  }
  function undo() {
    const step = state.history.pop();
    if (!step) { say("Nothing to undo"); return []; }
    const touched = put(step.map(({ path, before }) => [path, before]));
    say("Undone: " + (step.length === 1 ? fileName(step[0].path) : plural(step.length, "image")));
    return touched;
  }
  // What a button or key means for an image; undefined: nothing.
  function meant({ label, suggested }, what, name) {
    if (what === "undo") return null;
    if (what === "delete") return { action: "delete", new_class: "" };
    const to = what === "relabel" ? suggested : name;
    if (what === "keep" || to === label) return { action: "keep", new_class: "" };
    return to ? { action: "relabel", new_class: to } : undefined;
  }
  // What was chosen for the images of these numbers; false: for none of them does it mean anything.
  function choose(numbers, what, name) {
    const wanted = numbers.map((number) => [images[number].path, meant(images[number], what, name)]);
    const useful = wanted.filter(([, decision]) => decision !== undefined);
    if (!useful.length) { say("Nothing is suggested for this image: choose a class"); return false; }
    decide(useful);
    return true;
  }
  return {
    on, words, decide, undo, choose,
    made: () => order.filter((number) => on(images[number].path)),
    canUndo: () => state.history.length > 0,
    isRemembered: () => remembered,
    // `listener` gets the numbers of the images whose decision changed.
    listen: (listener) => { listeners.push(listener); },
  };
})();
