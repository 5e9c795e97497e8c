// ---- suspicion as decided: computed anew from the suspects' factors and the sums of their classes ----
// The formula of compute/labels/label_quality.py, of the images as they are labelled by now: what is deleted
// is left out, what is relabelled is compared with under its new label, what is kept stays.
const live = (() => {
  const given = data.live;
  if (!given) return { of: null };
  const classes = data.classes.length, { width } = given;
  const slots = new Map(given.labels.map((label, slot) => [label, slot]));
  const classOf = new Map(data.classes.map((name, index) => [name, index]));
  const rowOf = new Map(given.images.map((number, row) => [number, row]));
  const counts = [...given.counts];
  const carried = [...given.given]; // the class that each suspect counts for; -1: none
  const MANY_PLACES = 10;
  let checkpoints = null, before = null, now = null;

  const floats = (text) => Float64Array.from(new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer));
  // Only once something is decided: opening the page does not wait for it.
  function load() {
    checkpoints = given.checkpoints.map((each) => ({ errors: floats(each.errors), inputs: floats(each.inputs), sums: floats(each.class_sums) }));
    before = given.images.map((_, row) => suspicion(row));
    now = [...before];
  }
  // The error signal of a suspect under a label, and its length.
  function error(errors, row, label) {
    const signal = errors.slice(row * classes, (row + 1) * classes);
    signal[given.given[row]] += 1;
    signal[label] -= 1;
    return { signal, length: Math.hypot(...signal) };
  }
  function add(row, label, sign) {
    const slot = slots.get(label);
    if (slot === undefined) return; // no suspect carries it
    counts[slot] += sign;
    for (const { errors, inputs, sums } of checkpoints) {
      const { signal, length } = error(errors, row, label);
      if (!length) continue;
      signal.forEach((value, k) => {
        const start = (slot * classes + k) * width, factor = sign * value / length;
        for (let d = 0; d < width; d++) sums[start + d] += factor * inputs[row * width + d];
      });
    }
  }
  function suspicion(row) {
    const label = given.given[row], slot = slots.get(label), itself = carried[row] === label ? 1 : 0;
    const others = counts[slot] - itself;
    let agreement = 0, norm = 0;
    for (const { errors, inputs, sums } of checkpoints) {
      const { signal, length } = error(errors, row, label);
      norm += length / checkpoints.length;
      if (!length || others <= 0) continue;
      let cosines = -itself;
      signal.forEach((value, k) => {
        const start = (slot * classes + k) * width;
        let dot = 0;
        for (let d = 0; d < width; d++) dot += sums[start + d] * inputs[row * width + d];
        cosines += value / length * dot;
      });
      agreement += cosines / others / checkpoints.length;
    }
    return (1 - agreement) * norm;
  }
  const wanted = (row) => {
    const decision = decisions.on(images[given.images[row]].path);
    if (!decision || decision.action === "keep") return given.given[row];
    return decision.action === "relabel" && classOf.has(decision.new_class) ? classOf.get(decision.new_class) : -1;
  };
  function follow(numbers) {
    const rows = numbers.map((number) => rowOf.get(number)).filter((row) => row !== undefined && wanted(row) !== carried[row]);
    if (rows.length && !checkpoints) load();
    const touched = new Set();
    for (const row of rows) {
      for (const [label, sign] of [[carried[row], -1], [wanted(row), 1]]) {
        if (label < 0) continue;
        add(row, label, sign);
        touched.add(label);
      }
      carried[row] = wanted(row);
    }
    now?.forEach((_, row) => { if (touched.has(given.given[row])) now[row] = suspicion(row); });
    show();
  }

  const of = (card) => now ? now[rowOf.get(cards.numberOf(card))] : -Number(card.dataset.rank);
  const shown = (value) => value.toFixed(2);
  const ordinal = (n) => n.toLocaleString("en") + (n % 100 > 10 && n % 100 < 14 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th");
  const isOpen = (row) => !decisions.on(images[given.images[row]].path);
  // The places among the open suspects, by row.
  function places(values) {
    const rows = values.map((_, row) => row).filter(isOpen).sort((a, b) => values[b] - values[a] || a - b);
    return new Map(rows.map((row, at) => [row, at + 1]));
  }
  function moved() {
    if (!now || now.every((value, row) => shown(value) === shown(before[row]))) return "";
    const was = places(before), is = places(now), parts = [];
    const steps = [...is].map(([row, place]) => ({ row, place, by: Math.abs(place - was.get(row)) })).sort((a, b) => b.by - a.by);
    const far = steps.filter(({ by }) => by >= MANY_PLACES).length;
    const cleared = steps.filter(({ row }) => before[row] >= given.cut && now[row] < given.cut).length;
    if (!is.size) return "";
    const changed = steps.filter(({ by }) => by).length, left = is.size.toLocaleString("en");
    if (changed) parts.push(`After your decisions ${plural(changed, "suspect")} of the ${left} left changed place${far ? `, ${far.toLocaleString("en")} by ${MANY_PLACES} or more` : ""}.`);
    else parts.push(`After your decisions suspicion changed, and the order of the ${left} left did not.`);
    if (steps.length && steps[0].by) parts.push(`Farthest: ${fileName(images[given.images[steps[0].row]].path)}, from ${ordinal(was.get(steps[0].row))} to ${ordinal(steps[0].place)}.`);
    if (cleared) parts.push(`${plural(cleared, "suspect")} no longer ${cleared === 1 ? "reaches" : "reach"} a suspicion of ${given.cut}.`);
    return parts.join(" ");
  }
  function show() {
    for (const card of suspectCards) {
      const row = rowOf.get(cards.numberOf(card)), place = card.querySelector(".now");
      const text = now && shown(now[row]) !== shown(before[row]) ? ` · ${shown(now[row])} as decided` : "";
      if (place.textContent !== text) place.textContent = text;
      if (now) card.dataset.now = now[row].toFixed(6);
    }
    const text = moved();
    filters.again(() => {
      const isSorted = $("sort").value === "live";
      $("moved").hidden = !text;
      $("moved").querySelector("span").textContent = text;
      $("sort-live").hidden = isSorted;
      return isSorted;
    });
  }
  decisions.listen(follow);
  $("sort-live").addEventListener("click", () => {
    $("sort").value = "live";
    show();
    $("sort").focus();
  });
  $("sort").addEventListener("change", show);
  follow(given.images); // decided when the page was open before
  return { of };
})();
