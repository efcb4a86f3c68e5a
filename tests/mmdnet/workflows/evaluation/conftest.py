"""A lab with slides that readers graded, and a random network: made once for all tests of the room."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from db import event_log, slide_readings
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.labelling.views import PatchGrades
from tests.nas import NAMES
from tests.small_lab import JobInProcess, draw_tissue

TRUTH = ((0, 0, 0), (1, 1, 1), (2, 3, 2), (0, 1, 3))


@dataclass(frozen=True)
class Graded:
    lab: Lab
    project: int
    reader: int
    slides: list[int]
    model: int


def give(lab: Lab, slide: int, reader: int, grades: tuple[int, int, int], act: str = "grade") -> None:
    """A reader's grades of a whole slide: ballooning, inflammation, steatosis."""
    given = Grades(**dict(zip(("ballooning", "inflammation", "steatosis"), grades, strict=True)))
    with event_log.appending(lab.db) as session:
        slide_readings.put(session, slide, reader, act, given)


def random_model(folder: Path) -> Path:
    """A network that was never trained: what it says means nothing, that it says it does."""
    import torch

    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.io import save_model
    from mmdnet.nn.mmdnet import MMDNet

    torch.manual_seed(0)
    card = ModelCard(name="Random", bag_size=16, projection=16, attention_hidden=8, trained_tasks=NAMES,
                     label_set_sha256="0" * 64, split={})  # fmt: skip
    save_model(MMDNet(card.architecture), folder, card)
    return folder


@pytest.fixture(scope="session")
def graded_home(tmp_path_factory: pytest.TempPathFactory, new_home: Path) -> Graded:
    home = shutil.copytree(new_home, tmp_path_factory.mktemp("graded") / "home")
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("Graded").id, lab.readers.ensure("Ada").id
    slides = []
    for number, grades in enumerate(TRUTH):
        facts = StatedFacts(mpp=0.5, patient=f"P{number}", site="North" if number % 2 else "South", stain="H&E")
        slide = lab.slides.register(project, draw_tissue(home / f"{number}.png", number, 700), facts)[0].slide_id
        assert slide is not None
        give(lab, slide, reader, grades)
        slides.append(slide)
    return Graded(lab, project, reader, slides, lab.models.add(None, random_model(home / "random"), "Random"))


@pytest.fixture
def graded(graded_home: Graded, tmp_path: Path) -> Graded:
    """A copy of the test's own."""
    home = shutil.copytree(graded_home.lab.settings.home, tmp_path / "home")
    return replace(graded_home, lab=open_lab(Settings(home=home)))


@pytest.fixture
def here(graded: Graded, tmp_path: Path) -> JobInProcess:
    return JobInProcess(graded.lab.settings, tmp_path / "job", "job")


@pytest.fixture
def labelled(graded):
    """Patches of all slides are labelled, so that there is something to train on."""
    for slide in graded.slides:
        rows = [
            PatchGrades(patch.id, Grades(ballooning=i % 3, inflammation=i % 4, steatosis=(i + 1) % 4))
            for i, patch in enumerate(graded.lab.slides.patches(slide))
        ]
        graded.lab.labels.acts.put_many(graded.project, graded.reader, rows)
    return graded
