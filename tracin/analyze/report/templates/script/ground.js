// ---- the page's data, its elements, and what the browser remembers ----
const data = JSON.parse(document.getElementById("data").textContent);
const images = data.images;
const $ = (id) => document.getElementById(id);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const press = (button, yes) => button.setAttribute("aria-pressed", String(Boolean(yes)));
const say = (text) => { $("said").textContent = text; };
const plural = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const fileName = (path) => path.split("/").pop();
const suspectCards = all(".suspect");

// A page must work where nothing may be kept.
const memory = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); return true; } catch { return false; } },
};
