// ---- colours ----
{
  const theme = $("theme");
  const paint = (name) => { document.documentElement.dataset.theme = name; theme.value = name; };
  paint(memory.get("tracin-theme") || "auto");
  theme.addEventListener("change", () => { paint(theme.value); memory.set("tracin-theme", theme.value); });
}
