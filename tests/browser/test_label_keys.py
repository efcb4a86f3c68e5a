"""Labelling by keys in a real browser: what was pressed is what the database holds, whatever happens in between."""

from __future__ import annotations

import random

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.workflows.labelling.views import LabelAct
from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab
from tests.browser.steps import READY, choose_reader, settled

pytestmark = pytest.mark.browser
AS_IF_UPDATED = """el => {
  const fetched = window.fetch  // the new script's first look at the queue takes a second
  window.fetch = async (path, options) => {
    if (String(path).includes('/label/progress')) await new Promise((go) => setTimeout(go, 1000))
    return fetched(path, options)
  }
  let at = el
  while (!at.labelCanvas) at = at.parentNode ?? at.host
  at.labelCanvas.script = {}
  at.labelCanvas.api.renew()
}"""


@pytest.fixture
def home(shared_lab: RunningLab, request):
    """A project of this test's own in the shared lab."""
    return make_label_home(shared_lab.home, project=request.node.name[-60:])


def labels_of(lab: RunningLab):
    return open_lab(load_settings(home=lab.home)).labels


def open_canvas(page, lab: RunningLab, home, reader: str = "Ada") -> None:
    page.goto(f"{lab.url}/label?project={home.project}")
    choose_reader(page, reader)
    page.locator(READY).wait_for(timeout=30_000)
    page.wait_for_timeout(300)


def grades(count: int, seed: int = 3) -> list[tuple[int, int, int]]:
    rng = random.Random(seed)
    return [(rng.randint(0, 2), rng.randint(0, 3), rng.randint(0, 3)) for _ in range(count)]


def test_three_digits_grade_a_patch_and_it_is_saved_where_it_was_pressed(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    given = {}
    for three in grades(8):
        patch = int(page.locator(READY).get_attribute("data-patch"))
        for digit in three:
            page.keyboard.press(str(digit))
        page.locator(f".canvas:not([data-patch='{patch}']):not([data-patch=''])").wait_for()
        given[patch] = three
    settled(page)
    found = {one.patch_id: tuple(one.grades.values()) for one in labels_of(shared_lab).current(home.project)}
    assert found == given


def test_ignore_unknown_flag_undo_and_clicks_do_what_they_say(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session)]
    for key in ("i", "u", "2", "-", "f", "1", "1", "1", "0", "9", "3", "Backspace", "1", "2"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    page.locator("button[data-task='ballooning'][data-grade='1']").click()
    page.locator("button[data-task='inflammation'][data-grade='0']").click()
    page.locator("button[data-task='steatosis'][data-grade='unknown']").click()
    page.wait_for_timeout(300)
    settled(page)
    found = {one.patch_id: one for one in labels.current(home.project)}
    assert found[order[0]].ignored
    assert tuple(found[order[1]].grades.values()) == (None, 2, None)
    assert tuple(found[order[2]].grades.values()) == (1, 1, 1) and found[order[2]].flagged
    assert tuple(found[order[3]].grades.values()) == (0, 1, 2)
    assert tuple(found[order[4]].grades.values()) == (1, 0, None)
    page.keyboard.press("Backspace")
    page.locator(f".canvas[data-patch='{order[4]}']").wait_for()
    settled(page)
    assert len(labels.current(home.project)) == 4


def test_work_goes_on_at_the_same_patch_after_a_reload_without_asking_who_reads(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    for key in "012" + "111" + "2":
        page.keyboard.press(key)
        page.wait_for_timeout(120)
    settled(page)
    patch = page.locator(READY).get_attribute("data-patch")
    page.reload()
    page.locator(READY).wait_for(timeout=30_000)
    assert page.locator(READY).get_attribute("data-patch") == patch
    for key in "33":
        page.keyboard.press(key)
    page.locator(".canvas[data-done='3']").wait_for()
    settled(page)
    found = {one.patch_id: tuple(one.grades.values()) for one in labels_of(shared_lab).current(home.project)}
    assert found[int(patch)] == (2, 3, 3)


def test_no_label_is_lost_or_misplaced_when_the_lab_is_killed_and_the_page_reloaded(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    page.wait_for_timeout(2500)
    pressed = grades(30, seed=5)
    for number, three in enumerate(pressed):
        if number == 8:
            shared_lab.kill_app()
        if number == 18:
            assert "not saved yet" in page.locator("[data-part=saved]").inner_text()
            shared_lab.start_app()
        if number == 24:
            settled(page)
            page.reload()
            page.locator(READY).wait_for(timeout=30_000)
        for digit in three:
            page.keyboard.press(str(digit))
            page.wait_for_timeout(60)
    page.locator(".canvas[data-done='30']").wait_for(timeout=30_000)
    settled(page)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session, 0, 30)]
    found = {one.patch_id: tuple(one.grades.values()) for one in labels.current(home.project)}
    assert found == dict(zip(order, pressed, strict=True))
    assert labels.record.verify().intact


def test_a_label_that_comes_too_late_is_refused_and_stays_said_while_the_reader_goes_on(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    patch = int(page.locator(READY).get_attribute("data-patch"))
    labels.acts.put(LabelAct("another-tab", home.session, home.reader, patch, grades={"steatosis": 3}))
    for key in "01211":
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    assert "An earlier patch was not taken" in page.locator("[data-part=notice]").inner_text()
    page.keyboard.press("1")
    settled(page)
    found = {one.patch_id: tuple(one.grades.values()) for one in labels.current(home.project)}
    assert found.pop(patch) == (None, None, 3) and list(found.values()) == [(1, 1, 1)]


def test_no_key_is_lost_while_an_updated_lab_brings_its_new_script_under_an_open_page(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    pressed = grades(6, seed=6)
    for digit in (digit for three in pressed[:2] for digit in three):
        page.keyboard.press(str(digit))
        page.wait_for_timeout(60)
    settled(page)
    page.locator(".canvas").evaluate(AS_IF_UPDATED)
    for digit in (digit for three in pressed[2:] for digit in three):
        page.keyboard.press(str(digit))
        page.wait_for_timeout(60)
    page.locator(".canvas[data-done='6']").wait_for(timeout=20_000)
    settled(page)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session, 0, 6)]
    found = {one.patch_id: tuple(one.grades.values()) for one in labels.current(home.project)}
    assert found == dict(zip(order, pressed, strict=True))


def test_a_second_reader_starts_blind(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    for key in "012":
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    settled(page)
    page.context.clear_cookies()
    seen: list[str] = []
    page.on("response", lambda answer: seen.append(answer.text()) if "/api/label/queue" in answer.url else None)
    page.goto(f"{shared_lab.url}/label?project={home.project}")
    choose_reader(page, "Ben")
    page.get_by_role("button", name="Start labelling").click()
    page.locator(READY).wait_for(timeout=30_000)
    assert page.locator(".canvas").get_attribute("data-done") == "0"
    assert seen and all('"own":null' in text and '"labelled":true' not in text for text in seen)


def test_keys_typed_into_a_field_grade_nothing(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    page.get_by_role("combobox", name="Reader").click()
    page.keyboard.type("012012")
    page.wait_for_timeout(500)
    assert labels_of(shared_lab).current(home.project) == []
