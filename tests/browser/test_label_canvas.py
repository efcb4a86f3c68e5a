"""What else the canvas offers, in a real browser: keys of one's own, looks, ruler, atlas, suggestions, and a way without it."""

from __future__ import annotations

import signal
from dataclasses import asdict

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import load_settings
from mmdnet.workflows.labelling.views import PatchGrades
from tests.browser.drawn import make_label_home
from tests.browser.lab_process import RunningLab
from tests.browser.steps import at_rest, canvas_ready, choose_reader, done, next_patch, patch_shown, press
from tests.browser.test_label_keys import open_canvas
from tests.label_bench import write_score
from tests.mmdnet.jobs.conftest import wait_for

pytestmark = pytest.mark.browser


@pytest.fixture
def home(shared_lab: RunningLab, request):
    """A project and a reader of this test's own in the shared lab."""
    return make_label_home(shared_lab.home, project=request.node.name[-60:], reader=request.node.name[-60:])


@pytest.fixture
def lab(shared_lab):
    return open_lab(load_settings(home=shared_lab.home))


@pytest.fixture
def canvas(page, shared_lab, home, lab):
    open_canvas(page, shared_lab, home, lab.readers.get(home.reader).name)
    return page


def pixels(page) -> list[int]:
    """Red, green and blue of some pixels of what is shown."""
    return page.locator(".stage canvas.top").evaluate(
        "el => [50, 150, 250, 350].flatMap((at) => [...el.getContext('2d').getImageData(at, at, 1, 1).data].slice(0, 3))"
    )


def test_a_key_of_ones_own_holds_after_a_reload_and_one_that_is_taken_is_refused(canvas, lab, home):
    canvas.keyboard.press("k")
    canvas.locator("[data-act=ignore]").click()
    canvas.keyboard.press("f")
    assert "is the key of “Flag for later” already" in canvas.locator("[data-part=keyproblem]").inner_text()
    canvas.keyboard.press("q")
    canvas.get_by_role("button", name="Save").click()
    canvas.locator("[data-part=keys]").wait_for(state="hidden")
    assert lab.readers.keys(home.reader)["ignore"] == "q"
    canvas.reload()
    canvas_ready(canvas)
    press(canvas, "iq")
    done(canvas, 1)
    assert [label.ignored for label in lab.labels.current(home.project)] == [True]


def test_looks_change_what_is_seen_and_a_key_brings_back_what_was_scanned(canvas, lab, home):
    scanned, first = pixels(canvas), patch_shown(canvas)
    for key in ("n", "e", "b", "v"):
        canvas.keyboard.press(key)
        seen = pixels(canvas)
        assert seen != scanned
        if key in "ne":
            assert seen[0::3] == seen[1::3] == seen[2::3]  # one stain alone is grey
    press(canvas, "012")
    next_patch(canvas, first)
    press(canvas, ("x", "ArrowLeft"))
    canvas.locator(f".canvas[data-patch='{first}']").wait_for()
    assert pixels(canvas) == scanned
    done(canvas, 1)
    with lab.db() as session:
        from db import labels as rows

        ((event, _),) = rows.current(session, home.project)
    assert event.shown["look"] == {"brightness": 1.2, "contrast": 1.3, "stain": "counterstain"}


def test_the_ruler_measures_in_microns_by_drag_and_by_keys(canvas):
    box = canvas.locator(".stage").bounding_box()
    canvas.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 100)
    canvas.mouse.down()
    canvas.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 100, steps=4)
    canvas.mouse.up()
    assert canvas.locator("[data-part=length]").inner_text() == "60 µm"  # 0.4 of 149.5 µm
    canvas.keyboard.press("Escape")
    assert canvas.locator("[data-part=length]").is_hidden()
    before = patch_shown(canvas)
    press(canvas, ("m", *["ArrowRight"] * 5))
    assert canvas.locator("[data-part=length]").inner_text() == "35 µm"  # 25, and five times 2
    assert patch_shown(canvas) == before


def test_the_atlas_shows_drawn_exemplars_then_agreed_ones_but_none_of_ones_own_queue(canvas, lab, home):
    ahead = [item.patch_id for item in lab.labels.sessions.queue(home.session, 0, 100)]
    colleague = lab.readers.ensure("Colleague").id
    lab.labels.acts.put_many(home.project, colleague, [PatchGrades(patch, Grades(steatosis=1)) for patch in ahead])
    canvas.keyboard.press("h")
    rows = canvas.locator(".grade-row")
    agreed, drawn = canvas.locator(".exemplar:not(.drawn)"), rows.nth(1).locator(".drawn")
    canvas.get_by_text("made by the simulator, not scanned").wait_for()
    rows.nth(1).get_by_text("simulated").nth(2).wait_for()
    assert "fat in 5-33 %" in rows.nth(1).inner_text()
    assert (agreed.count(), drawn.count()) == (0, 3)
    lab.labels.acts.put_many(
        home.project, home.reader, [PatchGrades(patch, Grades(steatosis=1)) for patch in ahead[-4:]]
    )
    canvas.keyboard.press("h")
    canvas.keyboard.press("h")
    agreed.nth(2).wait_for()
    assert (agreed.count(), drawn.count()) == (3, 0)
    canvas.set_viewport_size({"width": 1280, "height": 720})
    atlas = canvas.locator(".atlas").element_handle()
    canvas.keyboard.press("PageDown")
    canvas.wait_for_function("atlas => atlas.scrollTop > 50", arg=atlas)
    canvas.keyboard.press("PageUp")
    canvas.wait_for_function("atlas => atlas.scrollTop === 0", arg=atlas)


def test_one_key_takes_the_suggested_grades_and_the_log_says_that_they_were_shown(page, shared_lab, lab, home):
    patches = home.patches
    shares = {"ballooning": [0.1, 0.8, 0.1], "inflammation": [0.7, 0.1, 0.1, 0.1], "steatosis": [0.1, 0.1, 0.7, 0.1]}
    write_score(lab.settings, lab.db, home.slide, {task: np.tile(p, (patches, 1)) for task, p in shares.items()})
    lab.labels.suggestions.switch(home.session, home.reader, on=True)
    hints = lab.labels.suggestions.of_queue(home.session, 0, 100)
    open_canvas(page, shared_lab, home, lab.readers.get(home.reader).name)
    shown = patch_shown(page)
    while shown not in hints:  # of the audit stream: blind
        assert page.locator(".hinted").count() == 0
        page.keyboard.press("ArrowRight")
        shown = next_patch(page, shown)
    assert page.locator(".hinted").count() == 3
    page.keyboard.press("Space")
    done(page, 1)
    with lab.db() as session:
        from db import labels as rows

        ((event, _),) = rows.current(session, home.project)
    grades = {"ballooning": event.ballooning, "inflammation": event.inflammation, "steatosis": event.steatosis}
    assert event.patch_id == shown and grades == hints[shown].grades
    assert event.shown["suggestion"] == asdict(hints[shown]) and set(event.shown["accepted"]) == set(grades)


def test_the_deep_zoom_opens_at_the_patch(canvas):
    """Also when the canvas is just about to tell the page that it runs, which would call this page back."""
    shown = patch_shown(canvas)
    canvas.keyboard.press("o")
    canvas.locator(".osd canvas").first.wait_for()
    canvas.wait_for_url(f"**patch={shown}**")
    canvas.get_by_role("dialog").locator(".osd").click()  # its patch, which is in the middle; the page is drawn anew
    at_rest(canvas, still_ms=1500)
    assert f"patch={shown}" in canvas.url
    assert "fat" not in canvas.get_by_role("dialog").inner_text().lower().replace("measured fat and scores are not", "")
    canvas.keyboard.press("Escape")
    canvas.get_by_role("dialog").wait_for(state="detached")
    press(canvas, "012")
    assert next_patch(canvas, shown) != shown


CLICK_WHEN_DONE = """([root, link]) => new MutationObserver(async (_, seen) => {
  if (!root.textContent.includes('All labelled')) return
  seen.disconnect()
  await holdLab()
  link.click()
}).observe(root, { childList: true, subtree: true, characterData: true })"""


def test_a_link_clicked_as_the_last_label_is_saved_leads_where_it_says(page, shared_lab):
    """What the canvas then has to tell the page names this page, and must not overtake or call back the other, however
    long a busy lab takes to begin it."""
    home = make_label_home(shared_lab.home, columns=3, rows=1, project="Soon done")
    open_canvas(page, shared_lab, home, "Ada")
    for _ in range(home.patches - 1):
        shown = patch_shown(page)
        press(page, "000")
        next_patch(page, shown)
    page.wait_for_timeout(4000)  # earlier clicks are forgotten by then
    link = page.get_by_role("link", name="Agreement", exact=True)
    held = []
    page.expose_function("holdLab", lambda: held.append(shared_lab.app.send_signal(signal.SIGSTOP)))
    page.evaluate(CLICK_WHEN_DONE, [page.locator(".canvas").element_handle(), link.element_handle()])
    press(page, "000")  # and from here on the canvas may be gone at any moment
    try:
        wait_for(lambda: page.wait_for_timeout(50) or held)
        page.wait_for_timeout(5000)
    finally:
        shared_lab.app.send_signal(signal.SIGCONT)
    page.get_by_role("heading", name="Agreement").wait_for()
    page.locator(".canvas").wait_for(state="detached")
    at_rest(page, still_ms=4000)  # whatever the canvas had to say has been said by then
    assert "/agreement" in page.url
    assert page.get_by_role("heading", name="Agreement").is_visible()
    page.go_back()  # one step, whatever places both pages wrote into their addresses
    page.locator(".canvas").wait_for()
    assert "/label?" in page.url


def test_where_the_canvas_cannot_run_plain_buttons_are_offered(page, shared_lab, lab, home):
    page.add_init_script(
        "const made = URL.createObjectURL; URL.createObjectURL = (what) => {"
        " if (/javascript/.test(what.type)) throw new Error('blocked'); return made(what) }"
    )
    page.goto(f"{shared_lab.url}/label?project={home.project}")
    choose_reader(page, lab.readers.get(home.reader).name)
    page.get_by_role("button", name="Use plain buttons").click()
    page.get_by_text("2: two or more ballooned hepatocytes").click()
    page.get_by_role("button", name="Save and go on").click()
    page.get_by_text(f"1 of {home.patches}").wait_for()
    (label,) = lab.labels.current(home.project)
    assert dict(label.grades) == {"ballooning": 2, "inflammation": None, "steatosis": None}


@pytest.mark.parametrize(("words", "taken"), [("Connection error", True), ("New label session", False)])
def test_a_key_is_the_patchs_while_the_connection_notice_has_the_focus_and_a_dialogs_own_otherwise(
    canvas, words, taken
):
    canvas.evaluate(
        "(words) => { const el = document.createElement('div'); el.setAttribute('role', 'dialog');"
        " el.innerHTML = `${words}<button>Here</button>`; document.body.append(el); el.lastChild.focus() }",
        words,
    )
    canvas.keyboard.press("1")
    assert canvas.locator(".canvas").get_attribute("data-step") == ("inflammation" if taken else "steatosis")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1440, 900), (1024, 768), (820, 1180)])
def test_patch_grades_and_progress_fit_the_screen(page, shared_lab, lab, home, width, height):
    open_canvas(page, shared_lab, home, lab.readers.get(home.reader).name)  # a reader is chosen beside the open bar
    page.set_viewport_size({"width": width, "height": height})
    at_rest(page)
    for part in ("[data-part=stage]", "[data-part=grades]", "[data-part=count]", "[data-part=strip]", ".canvas .help"):
        box = page.locator(part).bounding_box()
        assert box["x"] + box["width"] <= width and box["y"] + box["height"] <= height, part
