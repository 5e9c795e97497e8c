// ---- the menu of sections, and links to suspects ----
{
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

  function arrive(hash) {
    const card = suspectCards.find((each) => "#" + each.id === hash);
    if (!card) return false;
    if (card.hidden) filters.showAll();
    cards.go(card);
    return true;
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.to-suspect");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    history.pushState(null, "", link.hash);
    arrive(link.hash);
    event.preventDefault();
  });
  addEventListener("popstate", () => arrive(location.hash));
  // What is covered at the top: jumps end below it.
  const cover = new ResizeObserver(() => {
    const { style } = document.documentElement, bar = $("filter-bar");
    style.setProperty("--top", document.querySelector(".top").offsetHeight + "px");
    if (bar) style.setProperty("--bar", getComputedStyle(bar).position === "sticky" ? bar.offsetHeight + "px" : "0px");
  });
  [document.querySelector(".top"), $("filter-bar")].filter(Boolean).forEach((each) => cover.observe(each));
  grid.restore();
  // What the page was opened for, now that every height is known.
  const section = !arrive(location.hash) && all("main > section").find((each) => "#" + each.id === location.hash);
  if (section) section.scrollIntoView({ behavior: "instant" });
}
