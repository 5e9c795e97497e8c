// ---- pictures: decoded when they come near ----
const pictures = (() => {
  const source = (number) => "data:image/jpeg;base64," + data.pictures[images[number].picture];
  function show(img) {
    img.src = source(img.parentElement.dataset.image);
    img.removeAttribute("data-waiting");
  }
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) { watcher.unobserve(entry.target); show(entry.target); }
    }
  }, { rootMargin: "1000px" });
  all("img[data-waiting]").forEach((img) => watcher.observe(img));
  addEventListener("beforeprint", () => all("img[data-waiting]").forEach(show));

  function wordsOf({ is_test, path, label }) {
    return `${is_test ? "Test" : "Training"} image ${path}${label ? `, labelled ${label}` : ""}`;
  }
  // A picture as the templates write it, for places that the script fills.
  function make(number) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pic";
    button.dataset.image = number;
    if (images[number].picture === null) {
      button.classList.add("none");
      button.textContent = "no picture";
      button.setAttribute("aria-label", wordsOf(images[number]) + " (no picture)");
    } else {
      const img = document.createElement("img");
      img.src = source(number);
      img.alt = wordsOf(images[number]);
      img.draggable = false;
      button.append(img);
    }
    return button;
  }
  return { make };
})();
