"""The Label many page by mouse: what the lasso caught is what the database holds, and undo takes it back as one."""

from __future__ import annotations

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import QueueChoice
from tests.browser import steps
from tests.browser.drawn import draw_field
from tests.browser.lab_process import RunningLab
from tests.browser.steps import MANY_READY

pytestmark = pytest.mark.browser


@pytest.fixture
def field(shared_lab: RunningLab):
    """A slide of 8 x 6 patches, twelve of them in Ada's queue."""
    lab = open_lab(load_settings(home=shared_lab.home))
    project = lab.projects.named("Many").id
    path = shared_lab.home / "many.png"
    draw_field(path, 8, 6)
    (outcome,) = lab.slides.register(project, path, StatedFacts(mpp=0.5))
    assert outcome.slide_id is not None, outcome.problem
    ada = lab.readers.ensure("Ada").id
    lab.labels.sessions.create(project, ada, "First", QueueChoice([outcome.slide_id], 12))
    return lab, project, ada


def lasso(page, corners: list[tuple[float, float]], shift: bool = False) -> None:
    steps.lasso(page, corners, shift=shift)
    page.locator(MANY_READY).wait_for()


def count(page) -> int:
    return int(page.locator(".bulk").get_attribute("data-count"))


def test_a_lasso_by_mouse_grades_many_and_undo_takes_it_back(page, shared_lab, field):
    lab, project, ada = field
    steps.open_many(page, shared_lab.url, project, "Ada")
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
    page.get_by_text(f"Saved: steatosis 2, {left - 1}").wait_for()
    labels = lab.labels.current(project, ada)
    assert len(labels) == left - 1
    assert {(label.act, label.grades["steatosis"], label.grades["ballooning"]) for label in labels} == {
        ("bulk", 2, None)
    }

    page.reload()
    page.locator(MANY_READY).wait_for()
    page.locator("[data-part=undo]").click()
    page.get_by_text("Taken back").wait_for()
    assert lab.labels.current(project, ada) == []
    assert lab.labels.record.verify().intact


def test_kinds_and_slides_are_chosen_without_a_mouse(page, shared_lab, field):
    _, project, _ = field
    steps.open_many(page, shared_lab.url, project, "Ada")
    page.locator("[data-part=pick]").select_option(label="slide many.png")
    page.locator(MANY_READY).wait_for()
    assert count(page) == int(page.locator(".bulk").get_attribute("data-patches"))
    page.keyboard.press("Escape")
    page.locator(".bulk[data-count='0']").wait_for()
