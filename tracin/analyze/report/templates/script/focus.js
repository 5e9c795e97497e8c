// ---- after a choice the focus goes back, so that keys go on ----
const focus = (() => {
  let from = null, isStepping = false;
  const isTool = (element) => element.matches("select, input");
  const isOpen = (select) => { try { return select.matches(":open"); } catch { return false; } };
  document.addEventListener("focusin", (event) => {
    isStepping = false;
    if (!isTool(event.target)) from = event.target;
  });
  function giveBack(tool) {
    const holder = tool.closest("#large") || tool.closest(".suspect, .copy, .mistake");
    if (holder) { holder.focus(); return; }
    if (from && from.isConnected && from.checkVisibility() && from !== document.body) { from.focus({ preventScroll: true }); return; }
    const first = cards.current() || cards.shown()[0];
    if (first && tool.closest("#suspects")) cards.go(first, { scroll: false }); else tool.blur();
  }
  // Arrows on a closed select choose at each press: whoever steps through them stays there.
  document.addEventListener("keydown", (event) => {
    const tool = event.target;
    if (!tool.matches("select, input[type=search], input[type=range]")) return;
    if (tool.matches("select") && isOpen(tool)) return;
    if (/^(Arrow|Home|End|Page)/.test(event.key)) isStepping = true;
    if (event.key === "Enter" || event.key === "Escape") {
      if (event.key === "Escape" && tool.matches("[type=search]") && tool.value) return; // empties it
      giveBack(tool);
      event.preventDefault();
    }
  }, { capture: true });
  document.addEventListener("change", (event) => {
    if (event.target.matches("select") && !isStepping && !event.target.closest("#menu")) giveBack(event.target);
  });
  return { isOpen };
})();
