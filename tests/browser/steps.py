"""What a person does on the labelling pages, as tests and benchmarks have it done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

READY = ".canvas[data-patch]:not([data-patch=''])"
MANY_READY = ".bulk[data-busy='0']:not([data-patches=''])"


def choose_reader(page: Any, name: str) -> None:
    box = page.get_by_role("combobox", name="Reader")
    box.wait_for(timeout=60_000)
    box.click()
    box.fill(name)
    page.keyboard.press("Enter")


def settled(page: Any) -> None:
    """Wait until all that was pressed on the canvas is in the database."""
    page.locator(".canvas[data-unsaved='0']").wait_for(timeout=30_000)


def open_many(page: Any, url: str, project: int, reader: str) -> None:
    """The Label many page, its patches loaded."""
    page.goto(f"{url}/label_many?project={project}")
    choose_reader(page, reader)
    page.locator(MANY_READY).wait_for(timeout=60_000)


def lasso(page: Any, corners: Sequence[tuple[float, float]], *, shift: bool = False, steps: int = 6) -> None:
    """Draw a closed line through corners given as shares of the plane's width and height."""
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
