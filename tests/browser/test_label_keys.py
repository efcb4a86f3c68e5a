"""Labelling by keys in a real browser: what was pressed is what the database holds, whatever happens in between."""

from __future__ import annotations

import random

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from mmdnet.workflows.labelling.views import LabelAct
from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab
from tests.browser.steps import at_rest, canvas_ready, choose_reader, digits, done, next_patch, patch_shown, press

pytestmark = pytest.mark.browser
AS_IF_UPDATED = """el => {
  const fetched = window.fetch  // the new script's first look at the queue takes a second
  window.fetch = async (path, options) => {
    if (String(path).includes('/label/progress')) {
      window.newScript = true
      await new Promise((go) => setTimeout(go, 1000))
    }
    return fetched(path, options)
  }
  let at = el
  while (!at.labelCanvas) at = at.parentNode ?? at.host
  const { labelCanvas } = at
  labelCanvas.script = {}
  labelCanvas.api.renew()  // and once more while no answer comes, as the canvas does whenever it is refused
  const again = setInterval(() => (window.newScript ? clearInterval(again) : labelCanvas.api.renew()), 5000)
}"""


@pytest.fixture
def home(shared_lab: RunningLab, request):
    """A project of this test's own in the shared lab."""
    return make_label_home(shared_lab.home, project=request.node.name[-60:])


def labels_of(lab: RunningLab):
    return open_lab(load_settings(home=lab.home)).labels


def grades_of(labels, project: int) -> dict[int, tuple[int | None, ...]]:
    """Patch to its current grades, in the order of the tasks."""
    return {label.patch_id: tuple(label.grades.values()) for label in labels.current(project)}


def open_canvas(page, lab: RunningLab, home, reader: str = "Ada") -> None:
    page.goto(f"{lab.url}/label?project={home.project}")
    choose_reader(page, reader)
    canvas_ready(page)


def grades(count: int, seed: int = 3) -> list[tuple[int, int, int]]:
    rng = random.Random(seed)
    return [(rng.randint(0, 2), rng.randint(0, 3), rng.randint(0, 3)) for _ in range(count)]


def test_three_digits_grade_a_patch_and_it_is_saved_where_it_was_pressed(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    patch, given = patch_shown(page), {}
    for values in grades(8):
        press(page, digits([values]))
        given[patch] = values
        patch = next_patch(page, patch)
    done(page, 8)
    assert grades_of(labels_of(shared_lab), home.project) == given


def test_ignore_unknown_flag_undo_and_clicks_do_what_they_say(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session)]
    press(page, ("i", "u", "2", "-", "f", "1", "1", "1", "0", "9", "3", "Backspace", "1", "2"))
    page.locator(f".canvas[data-patch='{order[4]}']").wait_for()
    page.locator("button[data-task='ballooning'][data-grade='1']").click()
    page.locator("button[data-task='inflammation'][data-grade='0']").click()
    page.locator("button[data-task='steatosis'][data-grade='unknown']").click()
    page.locator(f".canvas[data-patch='{order[5]}']").wait_for()
    done(page, 5)
    given = {label.patch_id: label for label in labels.current(home.project)}
    assert given[order[0]].ignored and given[order[2]].flagged
    assert [tuple(given[patch].grades.values()) for patch in order[1:5]] == [
        (None, 2, None),
        (1, 1, 1),
        (2, 1, 0),
        (1, 0, None),
    ]
    page.keyboard.press("Backspace")
    page.locator(f".canvas[data-patch='{order[4]}']").wait_for()
    done(page, 4)
    assert len(labels.current(home.project)) == 4


def test_work_goes_on_at_the_same_patch_after_a_reload_without_asking_who_reads(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    patch = labels.sessions.queue(home.session)[2].patch_id
    press(page, "012" + "111" + "2")
    page.locator(f".canvas[data-patch='{patch}'][data-step='inflammation']").wait_for()
    done(page, 2)
    page.reload()
    canvas_ready(page)
    assert patch_shown(page) == patch
    press(page, "31")
    done(page, 3)
    assert grades_of(labels, home.project)[patch] == (1, 3, 2)


def test_no_label_is_lost_or_misplaced_when_the_lab_is_killed_and_the_page_reloaded(page, shared_lab, request):
    home = make_label_home(shared_lab.home, columns=8, rows=5, project=request.node.name[-60:])
    fetched: set[str] = set()
    page.on("requestfinished", lambda asked: fetched.add(asked.url) if "/api/patch/" in asked.url else None)
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session, 0, 30)]
    while len(fetched) < 30:  # what is shown while the lab is away was fetched before; the test's own limit ends this
        page.wait_for_timeout(50)
    pressed = grades(30, seed=5)
    press(page, digits(pressed[:8]), pause_ms=20)
    shared_lab.kill_app()
    press(page, digits(pressed[8:18]), pause_ms=20)
    page.locator("[data-part=saved]").filter(has_text="not saved yet").wait_for()
    shared_lab.start_app()
    press(page, digits(pressed[18:24]), pause_ms=20)
    done(page, 24)
    page.reload()
    canvas_ready(page)
    press(page, digits(pressed[24:]), pause_ms=20)
    done(page, 30)
    assert grades_of(labels, home.project) == dict(zip(order, pressed, strict=True))
    assert labels.record.verify().intact


def test_a_label_that_comes_too_late_is_refused_and_stays_said_while_the_reader_goes_on(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    labels = labels_of(shared_lab)
    patch = patch_shown(page)
    labels.acts.put(LabelAct("another-tab", home.session, home.reader, patch, grades={"steatosis": 3}))
    press(page, "012")
    refused = page.locator("[data-part=notice]").filter(has_text="An earlier patch was not taken")
    refused.wait_for()
    press(page, "11")
    assert refused.is_visible()
    page.keyboard.press("1")
    done(page, 2)
    given = grades_of(labels, home.project)
    assert given.pop(patch) == (None, None, 3) and list(given.values()) == [(1, 1, 1)]


def test_no_key_is_lost_while_an_updated_lab_brings_its_new_script_under_an_open_page(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    pressed = grades(6, seed=6)
    press(page, digits(pressed[:2]))
    done(page, 2)
    page.locator(".canvas").evaluate(AS_IF_UPDATED)
    press(page, digits(pressed[2:4]), pause_ms=60)  # to the old script, or to both
    page.wait_for_function("window.newScript")
    press(page, digits(pressed[4:]))  # while the new one does not know yet which patch is due
    done(page, 6)
    labels = labels_of(shared_lab)
    order = [item.patch_id for item in labels.sessions.queue(home.session, 0, 6)]
    assert grades_of(labels, home.project) == dict(zip(order, pressed, strict=True))


def test_the_canvas_stays_and_takes_keys_while_the_page_is_drawn_anew_as_by_a_job_that_ends(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    drawn = page.locator(".canvas").element_handle()
    top = page.locator(".canvas").bounding_box()["y"]
    at_rest(page, still_ms=5000)  # by then it has told the page that it runs
    press(page, "r012")  # Streamlit's own key has the page drawn anew
    done(page, 1)
    at_rest(page)
    press(page, "r120")
    done(page, 2)
    at_rest(page)
    assert page.locator(".canvas").evaluate("(now, before) => now === before", drawn)
    assert page.locator(".canvas").bounding_box()["y"] == top


def test_a_second_reader_starts_blind(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    press(page, "012")
    done(page, 1)
    page.context.clear_cookies()
    page.evaluate("sessionStorage.clear()")  # what a tab of their own has not: it remembers who read in it
    answers = []
    page.on("response", lambda answer: answers.append(answer) if "/api/label/queue" in answer.url else None)
    page.goto(f"{shared_lab.url}/label?project={home.project}")
    choose_reader(page, "Ben")
    page.get_by_role("button", name="Start labelling").click()
    canvas_ready(page)
    assert page.locator(".canvas").get_attribute("data-done") == "0"
    seen = [answer.text() for answer in answers]
    assert seen and all('"own":null' in text and '"labelled":true' not in text for text in seen)


def test_keys_typed_into_a_field_grade_nothing(page, shared_lab, home):
    open_canvas(page, shared_lab, home)
    page.get_by_role("combobox", name="Reader").click()
    page.keyboard.type("01")
    canvas = page.locator(".canvas")
    assert canvas.get_attribute("data-step") == "steatosis"
    page.keyboard.type("2012")
    assert (canvas.get_attribute("data-step"), canvas.get_attribute("data-done")) == ("steatosis", "0")
    assert labels_of(shared_lab).current(home.project) == []
