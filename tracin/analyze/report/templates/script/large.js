// ---- a picture, large, beside its nearest ----
const large = (() => {
  const box = $("large"), stage = $("large-picture"), near = $("large-near");
  let steps = [], at = 0;
  // The pictures that the arrows go through: the suspects shown, the mistakes, or the row it is in.
  function sequence(picture) {
    const card = picture.closest(".suspect, .mistake");
    if (picture.matches(".subject-picture") && card) {
      const list = pagers.get(card.parentElement.id);
      return list.fitting().map((each) => each.querySelector(".subject-picture"));
    }
    return all(".pic[data-image]", picture.closest("ul, ol, .two") || picture.parentElement);
  }
  // What stands beside an image where it is a card's subject.
  const subjects = new Map();
  for (const card of all(".suspect, .mistake")) subjects.set(Number(card.dataset.image), card);
  function group(title, numbers) {
    const part = document.createElement("div"), heading = document.createElement("p"), row = document.createElement("div");
    heading.append(Object.assign(document.createElement("bdi"), { textContent: title }));
    row.className = "row";
    row.append(...numbers.map(pictures.make));
    row.querySelectorAll(".pic").forEach(marks.show);
    part.append(heading, row);
    return part;
  }
  function showBeside(number) {
    const card = subjects.get(number);
    const groups = card ? all("[data-near]", card).map((part) => group(
      part.dataset.near, all(".pic", part).map((each) => Number(each.dataset.image)))) : [];
    near.replaceChildren(...groups);
    $("large-score").textContent = card && card.querySelector(".score") ? card.querySelector(".score").textContent.trim() : "";
  }
  function show() {
    const number = Number(steps[at].dataset.image), { label, suggested } = images[number];
    marks.fill(box, number);
    const picture = pictures.make(number);
    marks.show(picture);
    stage.replaceChildren(picture);
    showBeside(number);
    const tag = (name) => Object.assign(document.createElement("bdi"), { className: "tag", textContent: name });
    box.querySelector(".its-words").replaceChildren(...(label ? ["Labelled ", tag(label)] : ["Label unknown"]), ...(suggested ? [", looks like ", tag(suggested)] : []));
    $("large-at").textContent = `${at + 1} of ${steps.length}`;
    $("large-back").disabled = at === 0;
    $("large-on").disabled = at === steps.length - 1;
  }
  function open(picture) {
    if (stage.contains(picture)) return;
    if (box.contains(picture)) { // one of those beside: the arrows now go through its row
      steps = sequence(picture).map((each) => each.cloneNode(true));
      at = steps.findIndex((each) => each.dataset.image === picture.dataset.image);
    } else {
      steps = sequence(picture);
      at = steps.indexOf(picture);
    }
    show();
    if (!box.open) { box.showModal(); box.focus(); document.documentElement.classList.add("behind"); }
  }
  function move(step) {
    if (!steps[at + step]) return;
    at += step;
    show();
    const card = cards.byNumber.get(image());
    if (card) say(`${$("large-at").textContent}, labelled ${images[image()].label}`);
  }
  const image = () => Number(box.dataset.image);
  function close() { box.close(); }
  // The focus goes to the picture that was seen last.
  let outside = null;
  box.addEventListener("close", () => {
    document.documentElement.classList.remove("behind");
    const last = steps[at].isConnected ? steps[at] : outside;
    const card = last.closest(".suspect, .mistake");
    if (card && card.matches(".suspect")) { cards.go(card); if (!cards.isGrid()) last.focus({ preventScroll: true }); return; }
    if (card) pagers.get(card.parentElement.id).show(card);
    last.focus({ preventScroll: true });
    last.scrollIntoView({ block: "nearest", behavior: "instant" });
  });
  $("large-close").addEventListener("click", close);
  $("large-back").addEventListener("click", () => move(-1));
  $("large-on").addEventListener("click", () => move(1));
  document.addEventListener("click", (event) => {
    const picture = event.target.closest(".pic[data-image]");
    if (!picture) return;
    const card = picture.closest(".suspect");
    if (card && selection.takes(event, card)) return;
    if (!box.contains(picture)) outside = picture;
    open(picture);
  });
  return { open: (picture) => { if (!box.contains(picture)) outside = picture; open(picture); }, close, move, image, isOpen: () => box.open };
})();
