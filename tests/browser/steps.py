"""What a person does on the labelling pages, as tests and benchmarks have it done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

WAIT_MS = (
    120_000  # how long a page may take for anything: it only ends tests that fail, on a machine that has much to do
)
READY = ".canvas[data-patch]:not([data-patch=''])"
TASKS = ("ballooning", "inflammation", "steatosis")  # as grades are kept
ASKED = TASKS[::-1]  # as keys are pressed
AT_REST = """still => new Promise((go) => {
  let since = performance.now()
  const look = () => {
    const now = performance.now()
    if (document.querySelector('.stApp')?.dataset.testScriptState !== 'notRunning') since = now
    if (now - since >= still) go()
    else setTimeout(look, 50)
  }
  look()
})"""
NEXT_LASSO = "() => ({ seen: new Promise((go) => addEventListener('mmdnet:lassoed', () => go(), { once: true })) })"
MANY_READY = ".bulk[data-busy='0']:not([data-patches=''])"


def choose_reader(page: Any, name: str) -> None:
    box = page.get_by_role("combobox", name="Reader")
    box.wait_for()
    opens = page.get_by_test_id("stExpandSidebarButton")
    folded = opens.is_visible()
    if folded:
        opens.click()
    box.click()
    box.fill(name)
    page.keyboard.press("Enter")
    if folded:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()


def settled(page: Any) -> None:
    """Wait until nothing is unsaved; keys that still wait for their patch are not seen by this (see `done`)."""
    page.locator(".canvas[data-unsaved='0']").wait_for()


def at_rest(page: Any, still_ms: int = 500) -> None:
    """Wait until the page has drawn itself and has stood still for a while: a press takes a moment to reach the lab."""
    page.locator(".stApp").wait_for()
    page.evaluate(AT_REST, still_ms)


def canvas_ready(page: Any) -> None:
    """Wait until the canvas shows a patch and takes keys: it takes them from whoever had them as the last thing."""
    page.locator(READY).wait_for()
    page.locator(".canvas:focus").wait_for()


def patch_shown(page: Any) -> int:
    """The patch on the canvas."""
    return int(page.locator(READY).get_attribute("data-patch"))


def next_patch(page: Any, patch: int) -> int:
    """Wait until another patch than this is on the canvas; which."""
    page.locator(f".canvas:not([data-patch='{patch}']):not([data-patch=''])").wait_for()
    return patch_shown(page)


def press(page: Any, keys: Iterable[str], pause_ms: int = 0) -> None:
    """Press keys one after another; those that come before their patch is shown wait for it on the canvas."""
    for key in keys:
        page.keyboard.press(key)
        if pause_ms:
            page.wait_for_timeout(pause_ms)


def digits(given: Iterable[Sequence[int]]) -> list[str]:
    """The keys that give patches these grades, each in the order of `TASKS`."""
    return [str(grade) for grades in given for grade in reversed(grades)]


def done(page: Any, labels: int) -> None:
    """Wait until so many patches are labelled and all of it is in the database.

    The count comes first: keys that wait for their patch are not labels yet, and meanwhile nothing is unsaved.
    """
    page.locator(f".canvas[data-done='{labels}'][data-unsaved='0']").wait_for()


def open_many(page: Any, url: str, project: int, reader: str) -> None:
    """The Label many page, its patches loaded."""
    page.goto(f"{url}/label_many?project={project}")
    choose_reader(page, reader)
    page.locator(MANY_READY).wait_for()


def lasso(page: Any, corners: Sequence[tuple[float, float]], *, shift: bool = False, steps: int = 6) -> None:
    """Draw a closed line through corners given as shares of the plane's width and height, and wait until it is taken."""
    lassoed = page.evaluate_handle(NEXT_LASSO)
    box = page.locator("[data-part=over]").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in [*places[1:], places[0]]:
        page.mouse.move(*place, steps=steps)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")
    lassoed.evaluate("lassoed => lassoed.seen")
