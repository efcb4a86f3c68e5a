"""The Label many page by mouse: what the lasso caught is what the database holds, and undo takes it back as one."""

from __future__ import annotations

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.browser.drawn import draw_field
from tests.browser.lab_process import RunningLab

pytestmark = pytest.mark.browser
IDLE = ".bulk[data-busy='0']:not([data-patches=''])"


@pytest.fixture
def field(shared_lab: RunningLab):
    """A slide of 8 x 6 patches, twelve of them in Ada's queue."""
    lab = open_lab(load_settings(home=shared_lab.home))
    project = lab.projects.named("Many").id
    path = shared_lab.home / "many.png"
    draw_field(path, 8, 6)
    (outcome,) = lab.slides.register(project, path, mpp=0.5)
    assert outcome.slide_id is not None, outcome.problem
    ada = lab.readers.ensure("Ada").id
    lab.labels.create_session(project, ada, "First", [outcome.slide_id], 12)
    return lab, project, ada


def lasso(page, corners: list[tuple[float, float]], shift: bool = False) -> None:
    """Draw a line through corners given as shares of the plane's width and height."""
    box = page.locator("[data-part=over]").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    if shift:
        page.keyboard.down("Shift")
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in [*places[1:], places[0]]:
        page.mouse.move(*place, steps=6)
    page.mouse.up()
    if shift:
        page.keyboard.up("Shift")
    page.locator(IDLE).wait_for(timeout=30_000)


def count(page) -> int:
    return int(page.locator(".bulk").get_attribute("data-count"))


def test_a_lasso_by_mouse_grades_many_and_undo_takes_it_back(page, shared_lab, field):
    lab, project, ada = field
    page.goto(f"{shared_lab.url}/label_many?project={project}")
    reader = page.get_by_role("combobox", name="Reader")
    reader.wait_for(timeout=30_000)
    reader.click()
    reader.fill("Ada")
    page.keyboard.press("Enter")
    page.locator(IDLE).wait_for(timeout=30_000)
    offered = int(page.locator(".bulk").get_attribute("data-patches"))
    usable = sum(slide.usable for slide in lab.slides.list(project))
    assert offered == usable - 12, "what is in the queue is not offered"

    lasso(page, [(0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99)])
    left = count(page)
    assert 0 < left < offered
    lasso(page, [(0.5, 0.01), (0.99, 0.01), (0.99, 0.99), (0.5, 0.99)], shift=True)
    assert count(page) == offered, "with Shift the lasso adds"
    lasso(page, [(0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99)])
    assert count(page) == left

    page.locator(".tile").first.click()
    assert count(page) == left - 1
    give = page.locator("[data-part=give]")
    assert give.is_disabled(), "no grade was chosen yet"
    page.get_by_role("button", name="Steatosis 2").click()
    give.click()
    page.get_by_text(f"Saved: steatosis 2, {left - 1}").wait_for(timeout=15_000)
    found = lab.labels.current(project, ada)
    assert len(found) == left - 1
    assert {(one.act, one.steatosis, one.ballooning) for one in found} == {("bulk", 2, None)}

    page.reload()
    page.locator(IDLE).wait_for(timeout=30_000)
    page.locator("[data-part=undo]").click()
    page.get_by_text("Taken back").wait_for(timeout=15_000)
    assert lab.labels.current(project, ada) == []
    assert lab.labels.verify().intact


def test_kinds_and_slides_are_chosen_without_a_mouse(page, shared_lab, field):
    _, project, _ = field
    page.goto(f"{shared_lab.url}/label_many?project={project}")
    reader = page.get_by_role("combobox", name="Reader")
    reader.wait_for(timeout=30_000)
    reader.click()
    reader.fill("Ada")
    page.keyboard.press("Enter")
    page.locator(IDLE).wait_for(timeout=30_000)
    page.locator("[data-part=pick]").select_option(label="slide many.png")
    page.locator(IDLE).wait_for(timeout=30_000)
    assert count(page) == int(page.locator(".bulk").get_attribute("data-patches"))
    page.keyboard.press("Escape")
    page.locator(".bulk[data-count='0']").wait_for(timeout=5_000)
