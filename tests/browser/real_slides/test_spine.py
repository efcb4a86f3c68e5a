"""The whole way in a real browser on real tissue: a slide goes in, a signed score comes out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmdnet.lab import open_lab
from mmdnet.settings import load_settings
from tests.browser import steps
from tests.browser.lab_process import ROOT, RunningLab

pytestmark = pytest.mark.browser
SLIDE = "slides/liver_he_fields.svs"
JOB_MS = 600_000  # for a job in the background: adding the slide, training, scoring
PRESSED_GRADES = ("200", "211", "322", "130", "101", "312", "020", "231", "102", "300", "121", "032")
MOST_CLICKS = 2  # from the first page to the signature: a rectangle is drawn; all else goes by the keyboard
PICTURES = ROOT / "docs" / "pictures"


class Walk:
    """A person at the browser."""

    def __init__(self, page, lab: RunningLab, pictures: bool) -> None:
        self.page, self.lab, self.pictures = page, lab, pictures
        self.pressed = 0  # of the mouse
        page.expose_function("mousePressed", self._mouse_pressed)
        page.add_init_script("addEventListener('pointerdown', () => mousePressed(), true)")

    def _mouse_pressed(self) -> None:
        self.pressed += 1

    def tab_to(self, wanted, most: int = 60) -> None:
        """Go from control to control by the keyboard until this one has the keys."""
        for _ in range(most):
            if wanted.evaluate("it => it.contains(document.activeElement)"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not come to {wanted}")

    def heading(self, words: str) -> None:
        self.page.get_by_role("heading", name=words, exact=True).first.wait_for()
        self.at_rest()

    def at_rest(self) -> None:
        """Wait until the page has stopped drawing itself."""
        steps.at_rest(self.page)

    def press(self, name: str) -> None:
        """A button, by the keyboard."""
        button = self.page.get_by_role("button", name=name).first
        button.wait_for()
        self.tab_to(button, most=120)
        self.page.keyboard.press("Enter")
        self.at_rest()

    def turn_to(self, page_name: str) -> None:
        """Another page of the menu, by the keyboard."""
        self.at_rest()
        self.tab_to(self.page.get_by_role("link", name=page_name, exact=True), most=200)
        self.page.keyboard.press("Enter")

    def no_fault(self) -> None:
        assert self.page.get_by_test_id("stException").count() == 0
        assert self.page.get_by_test_id("stAlertContentError").count() == 0

    def picture(self, name: str) -> None:
        if self.pictures:
            PICTURES.mkdir(parents=True, exist_ok=True)
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=PICTURES / f"{name}.jpg", type="jpeg", quality=80)


@pytest.fixture
def walk(
    page, running_lab: RunningLab, real_data: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Walk]:
    open_lab(load_settings(home=running_lab.home))  # as the launcher does: the database first, then those who use it
    running_lab.start_app()
    running_lab.start_worker("cpu", "cpu,gpu")
    yield Walk(page, running_lab, request.config.getoption("--pictures"))
    page.screenshot(path=tmp_path / "last.png")  # what was on the screen when it ended, for whoever mends a failure


def make_project(walk: Walk) -> None:
    """By the keyboard alone: the page begins in the field, a form ends with Enter."""
    walk.page.goto(walk.lab.url)
    walk.page.locator(".st-key-new_project_name input:focus").wait_for()
    walk.page.keyboard.type("Liver")
    walk.tab_to(walk.page.get_by_role("textbox", name="Your name"))
    walk.page.keyboard.type("Ada")
    walk.page.keyboard.press("Enter")


def add_slide(walk: Walk, path: Path) -> None:
    walk.heading("Slides")
    walk.page.locator(".st-key-add_path input:focus").wait_for()
    walk.page.keyboard.type(str(path))
    walk.tab_to(walk.page.get_by_role("combobox", name="Stain"))
    walk.page.keyboard.type("H&E")
    walk.page.keyboard.press("Enter")
    walk.tab_to(walk.page.get_by_test_id("stFormSubmitButton").get_by_role("button", name="Add slides"))
    walk.page.keyboard.press("Enter")
    listed = walk.page.get_by_role("link", name=path.name)
    listed.wait_for(timeout=JOB_MS)
    walk.at_rest()
    walk.no_fault()
    listed.locator("img").wait_for()
    listed.press("Enter")
    walk.heading(path.name)


def look_and_queue(walk: Walk) -> int:
    """The viewer's tiles come through the guarded route, a click shows the patch there, a rectangle queues patches.

    Returns:
        How often the mouse was pressed for what the job does not need: the mask, a look at one patch.
    """
    answers: list[tuple[str, int]] = []
    walk.page.on("response", lambda answer: answers.append((answer.url, answer.status)))
    walk.page.reload()
    walk.at_rest()
    stage = walk.page.locator(".stage")
    whole = stage.and_(walk.page.locator("[data-whole]:not([data-whole=''])"))
    whole.wait_for()
    tiles = [status for url, status in answers if "/api/zoom/slide/" in url]
    assert tiles and set(tiles) == {200}
    with walk.page.expect_response(lambda answer: "/api/zoom/tissue/" in answer.url) as mask:
        walk.page.get_by_role("checkbox", name="Tissue").check()
    assert mask.value.status == 200
    whole.wait_for()
    walk.page.get_by_role("checkbox", name="Tissue").uncheck()

    def spot(x: float, y: float) -> tuple[float, float]:
        box = stage.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    walk.page.mouse.click(*spot(0.33, 0.5))
    walk.page.get_by_text("150 µm wide").wait_for()
    walk.at_rest()
    assert "patch=" in walk.page.url
    aside = walk.pressed
    walk.page.get_by_role("button", name="Rectangle").click()
    walk.page.mouse.move(*spot(0.25, 0.4))
    walk.page.mouse.down()
    walk.page.mouse.move(*spot(0.48, 0.64), steps=6)
    walk.page.mouse.up()
    queued = walk.page.get_by_text(re.compile(r"\d+ patches queued for Ada"))
    queued.wait_for()
    assert int(re.match(r"(\d+)", queued.inner_text()).group(1)) >= len(PRESSED_GRADES)
    return aside


def label(walk: Walk) -> None:
    """Twelve patches by key press, each saved before the next is asked for."""
    walk.turn_to("Label")
    steps.canvas_ready(walk.page)
    for number, keys in enumerate(PRESSED_GRADES):
        patch = steps.patch_shown(walk.page)
        steps.press(walk.page, keys[:2])
        if number == 6:
            walk.picture("label")
        walk.page.keyboard.press(keys[2])
        if number < len(PRESSED_GRADES) - 1:
            steps.next_patch(walk.page, patch)
    steps.done(walk.page, len(PRESSED_GRADES))


def train(walk: Walk) -> None:
    walk.turn_to("Train")
    walk.heading("Train")
    walk.page.get_by_text("12 labelled patches").first.wait_for()
    epochs = walk.page.get_by_role("spinbutton", name="Epochs")
    walk.tab_to(epochs)
    walk.page.keyboard.press("Control+a")
    walk.page.keyboard.type("2")
    walk.page.keyboard.press("Enter")
    walk.at_rest()
    walk.press("Start training")
    walk.page.get_by_role("button", name="Score slides with it").wait_for(timeout=JOB_MS)
    walk.at_rest()
    walk.no_fault()
    walk.page.get_by_text("Training", exact=True).first.wait_for()


def score(walk: Walk) -> None:
    walk.press("Score slides with it")
    walk.heading("Score")
    walk.press("Score 1 slide")
    walk.page.get_by_role("heading", name="Scores").wait_for(timeout=JOB_MS)
    walk.at_rest()
    walk.no_fault()


def report_and_sign(walk: Walk, name: str) -> None:
    walk.turn_to("Report")
    walk.heading(name)
    walk.page.locator(".stage .osd canvas").first.wait_for()
    walk.no_fault()
    for words in ("> 33–66 %", "Where the grades come from", "Drew most attention", "Research use only"):
        assert walk.page.get_by_text(words).first.is_visible()
    assert walk.page.get_by_text("not validated on other patients").first.is_visible()  # 12 labels, two epochs
    steps.press(walk.page, "g111", pause_ms=200)  # nothing is filled in by such a model
    walk.page.get_by_text("NAS 3 (S1 I1 B1)").first.wait_for()
    walk.at_rest()
    walk.page.keyboard.press("Enter")
    walk.page.get_by_text("signed by Ada").first.wait_for()
    walk.at_rest()


def amend_by_keys(walk: Walk) -> None:
    """Another grade and its signature, by the keyboard alone."""
    steatosis = walk.page.locator(".st-key-sign_panel").get_by_role("radiogroup", name="Steatosis")
    walk.tab_to(steatosis, most=200)
    two = steatosis.get_by_role("radio", name="2", exact=True)
    while not two.evaluate("it => it === document.activeElement"):  # within a group the arrows go
        walk.page.keyboard.press("ArrowRight")
    walk.page.keyboard.press("Enter")
    walk.at_rest()
    walk.tab_to(walk.page.get_by_role("textbox", name="Why the signed grades change"))
    walk.page.keyboard.type("counted again")
    walk.page.keyboard.press("Enter")
    walk.at_rest()
    walk.tab_to(walk.page.get_by_role("button", name="Amend as Ada"))
    walk.page.keyboard.press("Enter")
    walk.page.get_by_text("amended since").first.wait_for()
    walk.at_rest()


def download(walk: Walk, kind: str) -> str:
    with walk.page.expect_download() as waiting:
        walk.page.get_by_test_id("stDownloadButton").get_by_role("button", name=kind).click()
    return Path(waiting.value.path()).read_text("utf-8")


@pytest.mark.timeout(2400)
def test_a_real_slide_goes_in_and_a_signed_score_comes_out(walk: Walk, real_data: Path):
    path = real_data / SLIDE
    make_project(walk)
    add_slide(walk, path)
    aside = look_and_queue(walk)
    walk.picture("slides")
    label(walk)
    train(walk)
    score(walk)
    report_and_sign(walk, path.name)
    clicks = walk.pressed - aside
    print(f"clicks for the whole job: {clicks}")
    assert clicks <= MOST_CLICKS
    amend_by_keys(walk)
    assert walk.pressed - aside == clicks

    html = download(walk, "HTML")
    assert path.name in html and "esearch use only" in html and "Ada" in html
    table = list(csv.reader(io.StringIO(download(walk, "CSV"))))
    assert any("steatosis" in cell.lower() for row in table for cell in row)

    lab = open_lab(load_settings(home=walk.lab.home))
    (project,) = lab.projects.list()
    given = [[str(label.grades[task]) for task in steps.ASKED] for label in lab.labels.current(project.id)]
    assert sorted(map("".join, given)) == sorted(PRESSED_GRADES)
    (run,) = lab.training.runs(project.id)
    assert [row["epoch"] for row in lab.training.history(run.id)] == [1, 2]
    (scored,) = lab.scoring.list(project.id)
    assert scored.signed and scored.summary.patches == project.patches
    assert [signed.reader for signed in lab.reports.sign_offs(scored.id)] == ["Ada", "Ada"]
    assert lab.reports.sign_offs(scored.id)[-1].grades["steatosis"] == 2


def test_a_deep_link_into_a_fresh_server_shows_the_page_in_its_frame(page, running_lab: RunningLab):
    running_lab.start_app()
    page.goto(f"{running_lab.url}/slides?project=1&slide=7")
    page.get_by_text("Research use only").wait_for()
    assert page.get_by_test_id("stSidebarNavLink").count() >= 6
