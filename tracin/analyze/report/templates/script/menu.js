// ---- the menu of any picture ----
const menu = (() => {
  const box = $("menu"), more = $("more");
  let opener = null;
  function open(picture, x, y) {
    opener = picture;
    marks.fill(box, Number(picture.dataset.image));
    // Inside a modal dialog only what it holds can be used.
    (picture.closest("dialog") || document.body).append(box);
    box.showPopover();
    const { width, height } = box.getBoundingClientRect();
    box.style.left = Math.max(8, Math.min(x, innerWidth - width - 8)) + "px";
    box.style.top = Math.max(8, Math.min(y, innerHeight - height - 8)) + "px";
    box.querySelector("button:not([hidden])").focus();
  }
  function openAt(picture) {
    const frame = picture.getBoundingClientRect();
    open(picture, frame.left + 12, frame.top + 12);
  }
  const close = () => {
    if (!box.matches(":popover-open")) return;
    box.hidePopover();
    opener.focus({ preventScroll: true });
  };
  box.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-large]")) { close(); large.open(opener); }
    else if (event.target.closest("[data-do], [data-copy-path]") && !event.target.closest("select")) close();
  });
  box.addEventListener("change", close);
  box.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || event.target.matches("select")) return;
    const rows = all("button, select", box).filter((each) => each.checkVisibility());
    rows[(rows.indexOf(document.activeElement) + step + rows.length) % rows.length].focus();
    event.preventDefault();
  });
  box.addEventListener("toggle", (event) => {
    if (event.newState === "closed" && (document.activeElement === document.body || box.contains(document.activeElement))) opener.focus({ preventScroll: true });
  });
  document.addEventListener("contextmenu", (event) => {
    const picture = event.target.closest(".pic[data-image]");
    if (!picture) return;
    event.preventDefault();
    if (event.clientX || event.clientY) open(picture, event.clientX, event.clientY); else openAt(picture);
  });

  // One button for all pictures: it comes to the one under the mouse. Keys have M.
  function offer(picture) {
    const frame = picture.getBoundingClientRect();
    (picture.closest("dialog") || document.body).append(more);
    more.hidden = false;
    const inDialog = Boolean(picture.closest("dialog"));
    more.style.position = inDialog ? "fixed" : "absolute";
    more.style.left = Math.max(0, frame.right - 30) + (inDialog ? 0 : scrollX) + "px";
    more.style.top = frame.top + 4 + (inDialog ? 0 : scrollY) + "px";
    more.dataset.image = picture.dataset.image;
    offered = picture;
  }
  let offered = null;
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const picture = event.target.closest(".pic[data-image]");
    if (picture) offer(picture);
    else if (!event.target.closest("#more")) more.hidden = true;
  });
  more.addEventListener("click", () => openAt(offered));
  return { openAt, close, isOpen: () => box.matches(":popover-open"), image: () => Number(box.dataset.image) };
})();
