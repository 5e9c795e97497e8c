// ---- the map: every image a point; a lasso, a click or keys select ----
if (data.map) {
  const MOST_PICTURES = 24, MOST_RINGS = 40, NEAR = 14, STEP = 10, FAR_STEP = 50, LABELS_NAMED = 4;
  const given = data.map, canvas = $("map-canvas"), pen = canvas.getContext("2d");
  const numbers = (text) => new Uint16Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const [xs, ys, labels, kinds] = [given.x, given.y, given.labels, given.kinds].map(numbers);
  const isTest = (point) => kinds[point] & 1, isSuspect = (point) => kinds[point] & 2, isMistake = (point) => kinds[point] & 4;
  const numberOf = new Map(images.map((image, number) => [image.path, number]));
  const points = [...xs.keys()];
  const still = document.createElement("canvas"); // all but the lasso: a lasso is drawn many times
  let scale = 1, left = 0, top = 0, shown = [], lasso = [], cursor = null, selected = [], isDragging = false;

  const at = (point) => [left + xs[point] * scale, top + ys[point] * scale];
  // The points that the controls above the map let through.
  function findShown() {
    const label = $("map-class").value, trains = $("map-train").checked, tests = $("map-test").checked;
    shown = points.filter((point) => (isTest(point) ? tests : trains) && (!label || labels[point] === Number(label)));
  }
  // Variables of the style are no colours to a canvas until an element has them.
  function colour(name) { canvas.style.color = `var(--${name})`; return getComputedStyle(canvas).color; }

  function fit() {
    const ratio = devicePixelRatio || 1, width = canvas.clientWidth, edge = 26;
    const height = Math.round(Math.min(width * Math.max(.5, Math.min(1.1, given.size[1] / (given.size[0] || 1))), Math.max(300, innerHeight * .62)));
    canvas.style.height = height + "px";
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    scale = Math.min((width - 2 * edge) / (given.size[0] || 1), (height - 2 * edge) / (given.size[1] || 1));
    left = (width - given.size[0] * scale) / 2;
    top = (height - given.size[1] * scale) / 2;
    drawAll();
  }
  function drawDots() {
    const size = shown.length > 10000 ? 2 : shown.length > 1000 ? 3 : 5, soft = colour("soft");
    pen.globalAlpha = .8;
    for (const point of shown) {
      const [x, y] = at(point);
      pen.fillStyle = given.colours ? given.colours[labels[point]] : soft;
      pen.fillRect(x - size / 2, y - size / 2, size, size);
    }
    pen.globalAlpha = 1;
  }
  function drawMarks() {
    pen.lineWidth = 1.8;
    pen.strokeStyle = colour("hurt-ink");
    for (const [x, y] of shown.filter(isMistake).map(at)) {
      pen.beginPath();
      pen.moveTo(x - 4, y - 4); pen.lineTo(x + 4, y + 4);
      pen.moveTo(x - 4, y + 4); pen.lineTo(x + 4, y - 4);
      pen.stroke();
    }
    pen.strokeStyle = colour("ink");
    for (const [x, y] of shown.filter(isSuspect).map(at)) {
      pen.beginPath();
      pen.arc(x, y, 5, 0, 2 * Math.PI);
      pen.stroke();
    }
  }
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  function drawNames() {
    if (!given.colours) return;
    pen.font = "600 14px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    const [edge, ink] = [colour("card"), colour("ink")];
    given.names.forEach((name, label) => {
      const members = shown.filter((point) => labels[point] === label).map(at);
      if (!members.length) return;
      const shortened = name.length > 24 ? name.slice(0, 23) + "…" : name, x = middle(members.map((each) => each[0])), y = middle(members.map((each) => each[1]));
      const half = pen.measureText(shortened).width / 2 + 4, inside = Math.max(half, Math.min(canvas.clientWidth - half, x));
      pen.strokeStyle = edge; pen.strokeText(shortened, inside, y);
      pen.fillStyle = ink; pen.fillText(shortened, inside, y);
    });
  }
  function drawLasso() {
    pen.strokeStyle = colour("accent");
    pen.lineWidth = 2;
    if (lasso.length) {
      pen.beginPath();
      lasso.forEach(([x, y], corner) => { if (corner) pen.lineTo(x, y); else pen.moveTo(x, y); });
      if (!isDragging && selected.length) {
        pen.closePath();
        pen.globalAlpha = .12; pen.fillStyle = pen.strokeStyle; pen.fill(); pen.globalAlpha = 1;
      }
      pen.stroke();
    }
    for (const point of selected.length > MOST_RINGS ? [] : selected) {
      const [x, y] = at(point);
      pen.beginPath();
      pen.arc(x, y, 8, 0, 2 * Math.PI);
      pen.stroke();
    }
    if (cursor && document.activeElement === canvas) {
      const [x, y] = cursor;
      pen.beginPath();
      pen.moveTo(x - 10, y); pen.lineTo(x + 10, y); pen.moveTo(x, y - 10); pen.lineTo(x, y + 10);
      pen.stroke();
    }
  }
  function drawAll() {
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    drawDots();
    drawMarks();
    drawNames();
    Object.assign(still, { width: canvas.width, height: canvas.height });
    still.getContext("2d").drawImage(canvas, 0, 0);
    draw();
  }
  function draw() {
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    pen.drawImage(still, 0, 0, canvas.clientWidth, canvas.clientHeight);
    drawLasso();
    canvas.style.color = "";
  }

  // Whether a place lies within the lasso: an odd number of its sides stand to the right.
  function isInside([x, y]) {
    let inside = false;
    lasso.forEach(([ax, ay], corner) => {
      const [bx, by] = lasso[(corner + 1) % lasso.length];
      if (ay > y !== by > y && x < (bx - ax) * (y - ay) / (by - ay) + ax) inside = !inside;
    });
    return inside;
  }
  function nearest([x, y]) {
    let best = null, distance = NEAR;
    for (const point of shown) {
      const [px, py] = at(point), away = Math.hypot(px - x, py - y);
      // Of points in one place, what is marked.
      if (away < distance || (away === distance && kinds[point] > kinds[best])) { best = point; distance = away; }
    }
    return best;
  }
  function words() {
    const tests = selected.filter(isTest).length, of = new Map();
    selected.forEach((point) => of.set(labels[point], (of.get(labels[point]) || 0) + 1));
    const most = [...of].sort((a, b) => b[1] - a[1]), named = most.slice(0, LABELS_NAMED).map(([label, n]) => `${n.toLocaleString("en")} ${given.names[label]}`);
    if (most.length > LABELS_NAMED) named.push(`${plural(most.length - LABELS_NAMED, "more label")}`);
    const marked = [[isSuspect, "label looks wrong", "labels look wrong"], [isMistake, "mistake", "mistakes"]]
      .map(([test, one, more]) => [selected.filter(test).length, one, more]).filter(([n]) => n).map(([n, one, more]) => `${n.toLocaleString("en")} ${n === 1 ? one : more}`);
    return `${plural(selected.length, "image")}${tests ? `, ${tests.toLocaleString("en")} of them test` : ""}: ${named.join(", ")}.${marked.length ? ` ${marked.join(", ")}.` : ""}`;
  }
  const cardsIn = () => selected.map((point) => cards.byNumber.get(numberOf.get(given.paths[point]))).filter(Boolean);
  function select(found) {
    selected = found;
    $("map-found").hidden = !found.length;
    if (found.length) {
      $("map-says").textContent = found.length === 1 ? `${given.paths[found[0]]}, labelled ${given.names[labels[found[0]]]}.` : words();
      // What can be judged here: the page has no pictures of the others.
      const seen = [...found].sort((a, b) => kinds[b] - kinds[a]).map((point) => numberOf.get(given.paths[point])).filter((number) => number !== undefined && images[number].picture !== null);
      const made = seen.slice(0, MOST_PICTURES).map(pictures.make);
      made.forEach(marks.show);
      $("map-pictures").replaceChildren(...made);
      const suspects = cardsIn().length;
      $("map-select").hidden = !suspects;
      $("map-select").textContent = suspects === 1 ? "Show the suspect in the grid" : `Select the ${suspects.toLocaleString("en")} suspects in the grid`;
      $("map-paths").value = found.map((point) => given.paths[point]).join("\n");
    } else if (lasso.length) say("No image there");
    draw();
  }
  function close() { select(lasso.length > 2 ? shown.filter((point) => isInside(at(point))) : []); }
  function take(place) {
    const point = nearest(place);
    lasso = [];
    select(point === null ? [] : [point]);
  }
  function clear() { lasso = []; select([]); }

  const placeOf = (event) => { const frame = canvas.getBoundingClientRect(); return [event.clientX - frame.left, event.clientY - frame.top]; };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || (event.pointerType === "touch" && !canvas.classList.contains("drawing"))) return;
    isDragging = true;
    cursor = null;
    lasso = [placeOf(event)];
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!isDragging) return;
    lasso.push(placeOf(event));
    draw();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!isDragging) return;
    isDragging = false;
    const place = placeOf(event), far = lasso.some(([x, y]) => Math.hypot(x - lasso[0][0], y - lasso[0][1]) > 5);
    if (far) close(); else take(place);
  });
  canvas.addEventListener("pointercancel", () => { isDragging = false; clear(); });
  // Without drawing, a finger scrolls, and a tap takes a point.
  canvas.addEventListener("click", (event) => { if (event.pointerType === "touch" && !canvas.classList.contains("drawing")) take(placeOf(event)); });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    cursor ||= [canvas.clientWidth / 2, canvas.clientHeight / 2];
    if (step) {
      const by = event.shiftKey ? FAR_STEP : STEP;
      cursor = [Math.max(0, Math.min(canvas.clientWidth, cursor[0] + by * step[0])), Math.max(0, Math.min(canvas.clientHeight, cursor[1] + by * step[1]))];
    } else if (event.key === " ") {
      if (selected.length) clear();
      lasso.push([...cursor]);
    } else if (event.key === "Enter") { if (lasso.length > 2) close(); else take(cursor); }
    else if (event.key === "Escape") clear();
    else return;
    event.preventDefault();
    draw();
  });
  canvas.addEventListener("focus", draw);
  canvas.addEventListener("blur", draw);
  $("map-lasso").addEventListener("click", () => press($("map-lasso"), canvas.classList.toggle("drawing")));
  for (const id of ["map-class", "map-train", "map-test"]) $(id).addEventListener("change", () => { findShown(); clear(); drawAll(); });
  $("map-select").addEventListener("click", () => selection.only(cardsIn()));
  decisions.listen(() => all(".pic", $("map-pictures")).forEach(marks.show));
  $("theme").addEventListener("change", drawAll);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new ResizeObserver(() => { if (canvas.clientWidth * (devicePixelRatio || 1) !== canvas.width) { lasso = []; fit(); } }).observe(canvas);
  findShown();
  fit();
}
