"""Two readers label the real liver slide and a simulated one, agree, settle, export, and a fresh lab holds the same."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmdnet.lab import open_lab
from mmdnet.labels.agreement import coefficient
from mmdnet.settings import load_settings
from mmdnet.simulate import SlideRecipe, simulate_slide
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import LabelChoice
from tests.browser import steps
from tests.browser.lab_process import ROOT, RunningLab
from tests.browser.steps import ASKED, MANY_READY, canvas_ready, next_patch, patch_shown
from tests.browser.steps import at_rest as rest

pytestmark = pytest.mark.browser
ONE_BY_ONE = 40  # patches each reader reads with keys and mouse; the others are labelled with the lasso
BY_MOUSE = 8
EVERY = 10  # Ben differs from Ada on every tenth patch
Grades = tuple[int, int, int]


@pytest.fixture
def fresh_lab(tmp_path: Path) -> Iterator[RunningLab]:
    lab = RunningLab(tmp_path / "fresh")
    yield lab
    lab.stop()


def add_slides(home: Path, slides: Path, folder: Path) -> None:
    """The real liver slide and a simulated one, by a command.

    The lab is not opened in this process yet: a copy of its files made here would take its hold on them away (SQLite's
    locks are the process's).
    """
    drawn = folder / "drawn.tiff"
    simulate_slide(SlideRecipe(seed=5, width_px=4500, height_px=3600, artefacts=0.0), drawn)
    command = [sys.executable, "-m", "mmdnet", "ingest", str(slides / "liver_he_fields.svs"), str(drawn)]
    subprocess.run([*command, "--project", "Liver", "--home", str(home)], cwd=ROOT, check=True, capture_output=True)


def sit_down(page, name: str) -> None:
    box = page.get_by_test_id("stSidebarUserContent").get_by_role("combobox", name="Reader")
    box.wait_for()
    rest(page)
    box.click()
    box.fill(name)
    page.keyboard.press("Enter")
    rest(page)


def turn_to(page, name: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    rest(page)


def begin_session(page) -> None:
    page.get_by_label("Patches per slide").fill(str(ONE_BY_ONE // 2))
    page.keyboard.press("Tab")
    rest(page)
    page.get_by_role("button", name="Start labelling").click()


def read(page, wanted, count: int) -> dict[int, Grades]:
    """Grade the patches of the open session as `wanted(patch)` says, most with keys, some with the mouse."""
    canvas_ready(page)
    given: dict[int, Grades] = {}
    for number in range(count):
        patch = patch_shown(page)
        assert patch not in given
        given[patch] = wanted(patch)
        for task, grade in zip(ASKED, reversed(given[patch]), strict=True):
            if number < BY_MOUSE:
                page.locator(f"button[data-task='{task}'][data-grade='{grade}']").click()
            else:
                page.keyboard.press(str(grade))
        if number < count - 1:
            next_patch(page, patch)
    page.locator(".canvas[data-unsaved='0']").wait_for()
    return given


def lasso(page, grade: int) -> int:
    """Draw a line around everything and give it all one grade of steatosis; how many patches that were."""
    turn_to(page, "Label many")
    page.locator(MANY_READY).wait_for()
    steps.lasso(page, ((0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)))
    page.locator(".bulk:not([data-count='0'])[data-busy='0']").wait_for()
    count = int(page.locator(".bulk").get_attribute("data-count"))
    page.locator(f".bulk button[data-task='steatosis'][data-grade='{grade}']").click()
    page.locator("[data-part='give']").click()
    page.locator("[data-part='notice']").filter(has_text="Saved").wait_for()
    return count


def labels_of(lab: Lab, project: int, name: str) -> dict[int, tuple[int | None, ...]]:
    (reader,) = [reader.id for reader in lab.readers.list() if reader.name == name]
    return {label.patch_id: tuple(label.grades.values()) for label in lab.labels.current(project, reader)}


def part(page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    rest(page)


def shown_values(page) -> list[str]:
    """The cells of the page's tables, once all are unfolded; they are there a moment after the rest."""
    page.get_by_text("All coefficients", exact=True).click()
    page.locator("td[role=gridcell]").filter(has_text="Gwet's AC1, plain").wait_for(state="attached")
    return [text.strip() for text in page.locator("td[role=gridcell]").all_text_contents()]


def compare(page, running: RunningLab, project: int, given: dict[str, dict[int, Grades]], lassoed: dict[int, int]):
    """The page shows what the pressed grades come to."""
    page.goto(f"{running.url}/agreement?project={project}&feature=steatosis")
    page.locator(".mmd-matrix").first.wait_for()
    rest(page)
    patches = [*given["Ada"], *lassoed]
    table = np.array([[given[who].get(patch, (0, 0, 1))[2] for who in ("Ada", "Ben")] for patch in patches])
    cells = shown_values(page)
    for name, title in (("kappa_quadratic", "Cohen's κ, quadratic"), ("ac1", "Gwet's AC1, plain")):
        assert cells[cells.index(title) + 1] == f"{coefficient(name, table, 4):.2f}"
    assert page.get_by_text(f"{len(patches)} patches both graded").is_visible()


def settle(page, running: RunningLab, project: int) -> dict[int, Grades]:
    """A third reader settles every disagreement without learning who gave what."""
    page.goto(f"{running.url}/agreement?project={project}&part=Read+again")
    sit_down(page, "Cleo")
    page.locator(".st-key-review_adjudication button").click()
    canvas_ready(page)
    said = page.locator(".canvas").inner_text()
    assert "Ada" not in said and "Ben" not in said
    return read(page, lambda patch: (2, 3, 0), ONE_BY_ONE // EVERY)


def set_rule(page, running: RunningLab, project: int) -> None:
    page.goto(f"{running.url}/agreement?project={project}&part=Read+again")
    page.get_by_role("combobox", name="Where readers differ").click()
    page.get_by_role("option", name="Adjudicated or unanimous").click()
    rest(page)
    page.get_by_role("button", name="Use this rule").click()
    rest(page)


def carry_over(page, running: RunningLab, fresh: RunningLab, project: int, file: Path) -> None:
    """Save the labels on one page, import them on another."""
    page.goto(f"{running.url}/agreement?project={project}&part=Files")
    sit_down(page, "Ada")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save labels").click()
    waiting.value.save_as(file)
    page.goto(f"{fresh.url}/agreement?project={project}&part=Files")
    sit_down(page, "Dora")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Import ").click()
    page.get_by_text("labels imported").wait_for()
    rest(page)


def picture_of_many(page, running: RunningLab, lab: Lab, project: int) -> None:
    """For the guide: patches by look, some of one kind chosen."""
    running.start_worker("cpu", "cpu")
    lab.maps.start(project)
    until = time.monotonic() + 120
    while lab.maps.get(project) is None and time.monotonic() < until:
        time.sleep(0.5)
    steps.open_many(page, running.url, project, "Cleo")
    page.locator("[data-part=colour]").select_option(label="kind of tissue")
    steps.lasso(page, ((0.1, 0.2), (0.4, 0.1), (0.55, 0.45), (0.2, 0.6)))
    page.locator(".bulk button[data-task='steatosis'][data-grade='2']").click()
    page.locator(MANY_READY).wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=ROOT / "docs" / "pictures" / "label_many.png")


@pytest.mark.timeout(1800)
def test_what_two_readers_gave_is_compared_settled_and_found_again_in_a_fresh_lab(
    chromium,
    page,
    running_lab: RunningLab,
    fresh_lab: RunningLab,
    real_data: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
):
    started = time.monotonic()
    add_slides(running_lab.home, real_data / "slides", tmp_path)
    shutil.copytree(running_lab.home, fresh_lab.home)  # a colleague's lab: the same slides, nobody has read them yet
    lab = open_lab(load_settings(home=running_lab.home))
    project = lab.projects.named("Liver").id
    running_lab.start_app()
    rng = random.Random(7)
    truth: dict[int, Grades] = {}

    def by_ada(patch: int) -> Grades:
        return truth.setdefault(patch, (rng.randint(0, 2), rng.randint(0, 3), rng.randint(0, 3)))

    def by_ben(patch: int) -> Grades:
        first = truth[patch]
        return first if list(truth).index(patch) % EVERY else (*first[:2], 3 - first[2])

    given: dict[str, dict[int, Grades]] = {}
    lassoed: dict[int, int] = {}
    answers: list[Any] = []
    for name, wanted in (("Ada", by_ada), ("Ben", by_ben)):
        context = chromium.new_context(viewport={"width": 1440, "height": 900})
        context.set_default_timeout(steps.WAIT_MS)
        own = context.new_page()
        if name == "Ben":
            own.on("response", lambda answer: answers.append(answer) if "/api/label/queue" in answer.url else None)
        own.goto(f"{running_lab.url}/label?project={project}")
        sit_down(own, name)
        begin_session(own)
        given[name] = read(own, wanted, ONE_BY_ONE)
        seen = [answer.text() for answer in answers[:1]]
        count = lasso(own, 1)
        labels = labels_of(lab, project, name)
        assert len(labels) == ONE_BY_ONE + count >= 200
        assert {patch: labels[patch] for patch in given[name]} == given[name]
        lassoed = {patch: 1 for patch in labels if patch not in given[name]}
        assert all(labels[patch] == (None, None, 1) for patch in lassoed)
        context.close()
    assert set(given["Ada"]) == set(given["Ben"])
    assert seen and all('"labelled":true' not in text and '"votes":[{' not in text for text in seen)

    compare(page, running_lab, project, given, lassoed)
    settled = settle(page, running_lab, project)
    differ = {patch for patch in given["Ada"] if given["Ada"][patch] != given["Ben"][patch]}
    assert set(settled) == differ and len(differ) == ONE_BY_ONE // EVERY
    set_rule(page, running_lab, project)
    agreed = {row.patch_id: row.grades.as_tuple for row in lab.labels.consensus.label_set(project).rows}
    assert all(agreed[patch] == (2, 3, 0) for patch in differ) and len(agreed) == len(given["Ada"]) + len(lassoed)

    other = open_lab(load_settings(home=fresh_lab.home))
    fresh_lab.start_app()
    carry_over(page, running_lab, fresh_lab, project, tmp_path / "labels.csv")
    for rule in ("latest", "majority", "adjudicated"):
        choice = LabelChoice(rule)
        assert (
            other.labels.consensus.label_set(project, choice).sha256
            == lab.labels.consensus.label_set(project, choice).sha256
        )
    assert other.labels.files.export(project).data == lab.labels.files.export(project).data
    assert lab.labels.record.verify().intact and other.labels.record.verify().intact
    print(f"{time.monotonic() - started:.0f} s")
    if request.config.getoption("--pictures"):
        picture_of_many(page, running_lab, lab, project)
