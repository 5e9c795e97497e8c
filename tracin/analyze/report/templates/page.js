"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // ---- what the browser remembers; a page must work where it may not ----
  const memory = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); return true; } catch { return false; } },
  };

  // ---- colours ----
  const theme = $("theme");
  const paint = (name) => { document.documentElement.dataset.theme = name; theme.value = name; };
  paint(memory.get("tracin-theme") || "auto");
  theme.addEventListener("change", () => { paint(theme.value); memory.set("tracin-theme", theme.value); });

  // ---- pictures: decoded when they come near ----
  const show = (image) => {
    image.src = "data:image/jpeg;base64," + data.pictures[image.dataset.picture];
    image.removeAttribute("data-picture");
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { watcher.unobserve(entry.target); show(entry.target); }
    }
  }, { rootMargin: "1200px" });
  all("img[data-picture]").forEach((image) => watcher.observe(image));
  addEventListener("beforeprint", () => all("img[data-picture]").forEach(show));

  // ---- navigation ----
  const links = all("nav a");
  const spy = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => {
        const isHere = link.hash === "#" + entry.target.id;
        if (isHere) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
        if (isHere) link.parentElement.scrollTo({ left: link.offsetLeft - 60 });
      });
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  all("main > section").forEach((section) => spy.observe(section));

  // ---- decisions: by image, so that every place that shows it agrees ----
  let state = { decisions: {}, history: [] };
  try {
    const kept = JSON.parse(memory.get(data.key));
    if (kept && kept.decisions && Array.isArray(kept.history)) state = kept;
  } catch { /* damaged: begin anew */ }
  const holders = all("[data-path]");
  const order = [...new Set(holders.map((holder) => holder.dataset.path))];
  const here = new Set(order);
  const cards = all(".suspect");
  let remembered = true;

  const decisionOn = (path) => Object.hasOwn(state.decisions, path) ? state.decisions[path] : null;
  const words = (decision) => ({
    relabel: () => "relabel to " + decision.new_class, delete: () => "delete", keep: () => "keep the label",
  })[decision.action]();

  function decide(path, decision) {
    const before = decisionOn(path);
    if (JSON.stringify(before) === JSON.stringify(decision)) return;
    state.history.push({ path, before });
    if (state.history.length > 1000) state.history.shift();
    put(path, decision);
    say(path.split("/").pop() + ": " + (decision ? words(decision) : "no decision"));
  }
  function put(path, decision) {
    if (decision) state.decisions[path] = decision; else delete state.decisions[path];
    remembered = memory.set(data.key, JSON.stringify(state));
    $("saved").hidden = true;
    refresh(path);
  }
  function undo() {
    const last = state.history.pop();
    if (!last) { say("Nothing to undo"); return; }
    put(last.path, last.before);
    say("Undone: " + last.path.split("/").pop());
    const card = cards.find((each) => each.dataset.path === last.path && !each.hidden);
    if (card) go(card);
  }
  function say(text) { $("said").textContent = text; }

  function choose(holder, what, name) {
    const { path, given, suggested } = holder.dataset;
    const to = what === "relabel" ? suggested : name;
    if (what === "undo") decide(path, null);
    else if (what === "delete") decide(path, { action: "delete", new_class: "" });
    else if (what === "keep" || to === given) decide(path, { action: "keep", new_class: "" });
    else decide(path, { action: "relabel", new_class: to });
  }

  function refresh(path) {
    for (const holder of holders) {
      if (path !== undefined && holder.dataset.path !== path) continue;
      const decision = decisionOn(holder.dataset.path);
      holder.classList.toggle("decided", Boolean(decision));
      const pressed = (button) => decision && (
        button.dataset.do === "relabel" ? decision.action === "relabel" && decision.new_class === holder.dataset.suggested
          : button.dataset.do === "to" ? decision.action === "relabel" && decision.new_class === button.dataset.to
            : decision.action === button.dataset.do);
      for (const button of all("button[data-do]", holder)) {
        if (button.dataset.do === "undo") button.hidden = !decision;
        else button.setAttribute("aria-pressed", String(Boolean(pressed(button))));
      }
      const select = holder.querySelector("select[data-do]");
      if (select) select.value = decision && decision.action === "relabel" && decision.new_class !== holder.dataset.suggested ? decision.new_class : "";
      const verdict = holder.querySelector(".verdict");
      if (verdict) verdict.textContent = decision ? words(decision) : "";
    }
    const made = order.filter(decisionOn);
    const times = (action) => made.filter((each) => decisionOn(each).action === action).length;
    $("progress").textContent = made.length
      ? `${made.length} of ${order.length} decided: ${times("relabel")} relabel, ${times("delete")} delete, ${times("keep")} keep` + (remembered ? "" : " (this browser forgets them when the page closes)")
      : `No decision yet on ${order.length} ${order.length === 1 ? "image" : "images"}`;
    $("track").style.width = order.length ? 100 * made.length / order.length + "%" : "0";
    $("export").disabled = $("clear").disabled = !made.length;
    $("bar").classList.toggle("any", made.length > 0);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-do]");
    const holder = button && button.closest("[data-path]");
    if (!holder) return;
    choose(holder, button.dataset.do, button.dataset.to);
    if (button.hidden) holder.querySelector("button[data-do]").focus();
  });

  // ---- actions.csv ----
  // As tracin/results/cells.py: no spreadsheet shall run a name, and --apply reads it as it was.
  const neutral = (text) => /^'*[=+\-@\t\r\n＝＋－＠]/.test(text) ? "'" + text : text;
  const cell = (text) => /[",\r\n]/.test(text) || text !== text.trim() ? '"' + text.replaceAll('"', '""') + '"' : text;
  function table() {
    const rows = order.filter(decisionOn).map((path) => {
      const { action, new_class } = decisionOn(path);
      return [path, action, new_class].map(neutral).map(cell).join(",");
    });
    return ["train_path,action,new_class", ...rows, ""].join("\n");
  }
  $("export").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv;charset=utf-8" }));
    link.download = "actions.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    $("saved").hidden = false;
    say("Saved actions.csv");
  });
  let confirmTimer = 0;
  $("clear").addEventListener("click", () => {
    clearTimeout(confirmTimer);
    if ($("clear").dataset.confirming) {
      state.history = [];
      for (const path of order) delete state.decisions[path];
      memory.set(data.key, JSON.stringify(state));
      refresh();
      say("All decisions cleared");
    }
    const asked = !$("clear").dataset.confirming;
    const label = (yes) => {
      if (yes) $("clear").dataset.confirming = "1"; else delete $("clear").dataset.confirming;
      $("clear").textContent = yes ? "Really clear all?" : "Clear all";
    };
    label(asked);
    if (asked) confirmTimer = setTimeout(() => label(false), 4000);
  });
  $("bar").hidden = !order.length;
  refresh();

  // ---- suspects: sort, filter, search ----
  if (cards.length) suspects();
  function suspects() {
    const list = $("cards");
    const option = (select, name, value = name) => select.add(new Option(name, value));
    const classes = [...new Set(cards.flatMap((card) => [card.dataset.given, card.dataset.suggested]))];
    const known = [...data.classes.filter((name) => classes.includes(name)), ...classes.filter((name) => !data.classes.includes(name))];
    known.forEach((name) => option($("by-class"), name));
    for (const card of cards) {
      const select = card.querySelector("select[data-do]");
      data.classes.forEach((name) => { if (name !== card.dataset.given) option(select, name); });
      select.addEventListener("change", () => { if (select.value) choose(card, "other", select.value); });
    }
    const keys = data.classes.slice(0, 10);
    keys.forEach((name, index) => {
      const key = document.createElement("kbd");
      key.textContent = (index + 1) % 10;
      const text = document.createElement("bdi");
      text.textContent = name;
      $("class-keys").append(key, " ", text);
    });

    const pairOf = () => $("by-pair").selectedOptions[0].dataset;
    const number = (name) => (card) => Number(card.dataset[name]);
    const compare = new Intl.Collator(undefined, { numeric: true }).compare;
    const fileName = (card) => card.dataset.path.split("/").pop();
    const sorts = {
      rank: (a, b) => number("rank")(a) - number("rank")(b),
      agreement: (a, b) => number("agreement")(a) - number("agreement")(b),
      margin: (a, b) => number("margin")(a) - number("margin")(b),
      self: (a, b) => number("self")(b) - number("self")(a),
      pair: (a, b) => compare(a.dataset.given, b.dataset.given) || compare(a.dataset.suggested, b.dataset.suggested) || sorts.rank(a, b),
      gain: (a, b) => number("gain")(b) - number("gain")(a),
      name: (a, b) => compare(fileName(a), fileName(b)) || sorts.rank(a, b),
    };
    const plain = (text) => text.normalize("NFC").toLocaleLowerCase();
    function fits(card) {
      const { path, given, suggested } = card.dataset;
      const name = $("by-class").value, pair = pairOf(), wanted = $("by-decision").value;
      const decision = decisionOn(path);
      return plain(path).includes(plain($("search").value.trim()))
        && (!name || name === given || name === suggested)
        && (!pair.given || (pair.given === given && pair.suggested === suggested))
        && (!wanted || (wanted === "open" ? !decision : wanted === "decided" ? decision : decision && decision.action === wanted));
    }
    function arrange() {
      list.append(...[...cards].sort(sorts[$("sort").value]));
      let shown = 0;
      for (const card of cards) { card.hidden = !fits(card); shown += !card.hidden; }
      $("count").textContent = `${shown} of ${cards.length} shown`;
      $("no-match").hidden = shown > 0;
    }
    for (const id of ["by-class", "by-pair", "by-decision", "sort"]) $(id).addEventListener("change", arrange);
    $("search").addEventListener("input", arrange);
    $("reset").addEventListener("click", () => {
      for (const id of ["search", "by-class", "by-pair", "by-decision"]) $(id).value = "";
      arrange();
      $("search").focus();
    });

    // ---- keys ----
    for (const id of ["keys-on", "advance"]) {
      const kept = memory.get("tracin-" + id);
      if (kept !== null) $(id).checked = kept === "true";
      $(id).addEventListener("change", () => memory.set("tracin-" + id, String($(id).checked)));
    }
    const visible = () => [...list.children].filter((card) => !card.hidden);
    const move = (step) => {
      const shown = visible();
      if (!shown.length) return;
      const at = shown.indexOf(current());
      go(shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + step))]);
    };
    document.addEventListener("keydown", (event) => {
      if (!$("keys-on").checked || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.target.closest("input, select, textarea")) return;
      const key = event.key.toLowerCase(), card = current();
      if (key === "j" || key === "k") move(key === "j" ? 1 : -1);
      else if (key === "u") undo();
      else if (!card || card.hidden) return;
      else if (key === "r" || key === "d" || key === "o") by(card, { r: "relabel", d: "delete", o: "keep" }[key]);
      else if (/^[0-9]$/.test(key) && keys[(Number(key) + 9) % 10] !== undefined) by(card, "other", keys[(Number(key) + 9) % 10]);
      else return;
      event.preventDefault();
    });
    function by(card, what, name) {
      choose(card, what, name);
      if ($("advance").checked) move(1);
    }
    document.addEventListener("focusin", (event) => {
      const card = event.target.closest(".suspect");
      if (card) mark(card);
    });
    document.addEventListener("click", (event) => {
      const card = event.target.closest(".suspect");
      if (card) mark(card);
    });
    addEventListener("hashchange", arrive);
    arrive();
    function arrive() {
      const card = cards.find((each) => "#" + each.id === location.hash);
      if (!card) return;
      if (card.hidden) $("reset").click();
      go(card);
    }
  }
  function current() { return document.querySelector(".suspect.current"); }
  function mark(card) {
    if (current() !== card) {
      cards.forEach((each) => { each.classList.remove("current"); each.removeAttribute("aria-current"); });
      card.classList.add("current");
      card.setAttribute("aria-current", "true");
    }
  }
  function go(card) {
    mark(card);
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "center", behavior: "instant" });
  }

  // ---- mistakes ----
  const mistakePair = $("mistake-pair");
  if (mistakePair) mistakePair.addEventListener("change", () => {
    const pair = mistakePair.selectedOptions[0].dataset;
    for (const card of all(".mistake")) {
      card.hidden = Boolean(pair.true) && (pair.true !== card.dataset.true || pair.predicted !== card.dataset.predicted);
    }
  });
})();
