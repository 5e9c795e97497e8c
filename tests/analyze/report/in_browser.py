"""The review page in a real browser, as tests drive it: Chromium, headless."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
WIDTHS = {"desktop": (1280, 1000), "phone": (390, 844)}


@contextmanager
def started_chrome(downloads: Path) -> Iterator[Chrome]:
    """A browser that saves files in ``downloads``."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    # The page scrolls smoothly unless asked not to, and a click while it moved hit the bar below.
    options.add_argument("--force-prefers-reduced-motion")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield browser
    finally:
        browser.quit()


def set_size(page: Chrome, where: str) -> None:
    """The window of a ``desktop`` or ``phone``; a mouse either way."""
    width, height = WIDTHS[where]
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def open_page(page: Chrome, report: Path, *, where: str = "desktop", at: str = "") -> None:
    """``report`` with nothing decided or remembered, scrolled to ``at`` where one is named."""
    set_size(page, where)
    forget = "const kept = localStorage.length; localStorage.clear(); return kept"
    for _ in range(2):  # what was remembered shows until the page is loaded again
        page.get("about:blank")  # else a change of the part after # alone would not load it anew
        page.get(report.as_uri() + at)
        if not page.execute_script(forget):
            break


def js(page: Chrome, script: str, *values: object) -> Any:
    return page.execute_script(f"return {script}", *values)


def choose(page: Chrome, select: str, text: str) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.select import Select

    Select(page.find_element(By.ID, select)).select_by_visible_text(text)


def press(page: Chrome, *keys: str) -> None:
    """Each of ``keys`` on its own; of a longer text, each letter."""
    from selenium.webdriver.common.action_chains import ActionChains

    chain = ActionChains(page, duration=0)
    for key in "".join(keys):
        chain.send_keys(key)
    chain.perform()


def click(page: Chrome, selector: str) -> None:
    """The mouse on the middle of the first element of ``selector`` that is in the layout."""
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page, duration=0).move_to_element(one(page, selector)).click().perform()


def one(page: Chrome, selector: str) -> Any:
    """The first element of ``selector`` that takes up room, scrolled to the middle."""
    found = js(
        page,
        "[...document.querySelectorAll(arguments[0])].find(each => each.checkVisibility())",
        selector,
    )
    assert found is not None, f"nothing is shown of {selector}"
    page.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found
    )
    return found


def box_of(page: Chrome, selector: str) -> list[float]:
    """(left, top, right, bottom) in the window of the first element of ``selector``."""
    box = js(page, "document.querySelector(arguments[0]).getBoundingClientRect()", selector)
    return [float(box[side]) for side in ("left", "top", "right", "bottom")]


def log_of(page: Chrome, kind: str) -> list[dict[str, Any]]:
    return list(page.get_log(kind))  # type: ignore[no-untyped-call]


def images(page: Chrome) -> list[dict[str, Any]]:
    """What the page knows of each image."""
    return list(js(page, "JSON.parse(document.getElementById('data').textContent).images"))


def shown(page: Chrome) -> list[str]:
    """Paths of the suspects that the filters leave, in order."""
    numbers = js(
        page,
        "[...document.querySelectorAll('.suspect')].filter(c => !c.hidden)"
        ".map(c => Number(c.dataset.image))",
    )
    known = images(page)
    return [str(known[number]["path"]) for number in numbers]


def decisions(page: Chrome) -> dict[str, dict[str, str]]:
    """What the browser keeps, by path."""
    kept = js(
        page, "localStorage.getItem(JSON.parse(document.getElementById('data').textContent).key)"
    )
    return dict(json.loads(kept)["decisions"]) if kept else {}


def current(page: Chrome) -> str | None:
    """Path of the suspect whose card has the focus, or holds what has it."""
    number = js(page, "document.activeElement.closest('.suspect')?.dataset.image")
    return None if number is None else str(images(page)[int(number)]["path"])


LOW_CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const known = new Map();
const rgba = (colour) => {
  if (!known.has(colour)) known.set(colour, painted(colour));
  return known.get(colour);
};
const painted = (colour) => {
  canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data].map((part) => part / 255);
};
const over = (top, below) =>
  top.slice(0, 3).map((part, i) => part * top[3] + below[i] * (1 - top[3]));
const luminance = (colour) => {
  const [r, g, b] = colour.map(
    (part) => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4);
  return .2126 * r + .7152 * g + .0722 * b;
};
const backs = new Map();
const behind = (element) => {
  if (!element) return [1, 1, 1];
  if (!backs.has(element)) backs.set(element, paintedBehind(element));
  return backs.get(element);
};
const paintedBehind = (element) => {
  const own = rgba(getComputedStyle(element).backgroundColor);
  return own[3] === 1 ? own.slice(0, 3) : over(own, behind(element.parentElement));
};
const opacity = (element) =>
  element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1;
const low = [];
for (const element of document.querySelectorAll(arguments[0])) {
  const speaks = element.matches("select, [type=search]") ||
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!speaks || !element.checkVisibility() || element.closest("svg, .hidden, .skip")) continue;
  const back = behind(element), ink = rgba(getComputedStyle(element).color);
  ink[3] *= opacity(element);
  const [dark, light] = [luminance(over(ink, back)), luminance(back)].sort((a, b) => a - b);
  const contrast = (light + .05) / (dark + .05);
  if (contrast < 4.5) low.push(`${contrast.toFixed(2)} ${element.outerHTML.slice(0, 120)}`);
}
return low;
"""


def low_contrast(page: Chrome, selector: str = "body *") -> list[str]:
    """Elements with text of a contrast below 4.5, by computed colours (WCAG 2.2, 1.4.3)."""
    return list(page.execute_script(LOW_CONTRAST, selector))


KINDS = """
const seen = new Map();
for (const element of document.querySelectorAll("button, select, summary, a, input")) {
  if (!element.checkVisibility()) continue;
  const { className, disabled, dataset, parentElement } = element;
  const kind = [element.tagName, className, disabled, dataset.do, element.ariaPressed,
                element.ariaCurrent, parentElement.className].join();
  const before = seen.get(kind) || 0;
  seen.set(kind, before + 1);
  element.toggleAttribute("data-sample", before < 1);
}
"""


def sample_controls(page: Chrome) -> str:
    """A selector of one control of each kind that is shown."""
    page.execute_script(KINDS)
    return "[data-sample]"


def force(page: Chrome, selector: str, *states: str) -> None:
    """Make every element of ``selector`` look as in ``states``: hover, active, focus-visible."""
    for domain in ("DOM", "CSS"):
        page.execute_cdp_cmd(f"{domain}.enable", {})
    root = page.execute_cdp_cmd("DOM.getDocument", {"depth": 0})["root"]["nodeId"]
    query = {"nodeId": root, "selector": selector}
    for node in page.execute_cdp_cmd("DOM.querySelectorAll", query)["nodeIds"]:
        page.execute_cdp_cmd(
            "CSS.forcePseudoState", {"nodeId": node, "forcedPseudoClasses": list(states)}
        )
