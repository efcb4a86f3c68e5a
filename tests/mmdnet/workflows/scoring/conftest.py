"""A slide that was scored, without a network: its score is written down by hand."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from db.models import Model, Score, Slide
from mmdnet.lab import open_lab
from mmdnet.labels.grading import TASKS
from mmdnet.scoring.result import ScoreArrays, SlideScore
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from tests.mmdnet.reports import crafted
from tests.small_lab import draw_tissue

PICTURE = "field.png"


@dataclass(frozen=True)
class Scored:
    lab: Lab
    project: int
    slide: int
    score: int


def crafted_score(rows: np.ndarray, cols: np.ndarray) -> SlideScore:
    """A score of patches at these places; every patch was assessed."""
    number = len(rows)
    random = np.random.default_rng(0)
    share = {task.name: random.dirichlet(np.ones(number)).astype(np.float32) for task in TASKS}
    arrays = ScoreArrays(
        assessed=np.ones(number, dtype=bool),
        p_ignore=np.full(number, np.nan, np.float32),
        bag=np.zeros(number, dtype=np.int32),
        row=rows,
        col=cols,
        attention=share,
        patch_probabilities={
            task.name: random.dirichlet(np.ones(task.highest + 1), number).astype(np.float32) for task in TASKS
        },
        bag_probabilities={task.name: np.eye(task.highest + 1, dtype=np.float32)[:1] for task in TASKS},
    )
    return SlideScore(crafted.score(patches=number, assessed_patches=number, set_aside=0), arrays)


def add_score(lab: Lab, slide: int) -> int:
    """Write a score of a slide's patches as scoring would, by a model of its own; the score's number."""
    patches = lab.slides.patches(slide)
    score = crafted_score(np.array([patch.row for patch in patches]), np.array([patch.col for patch in patches]))
    score.save(lab.settings.folder("scores") / f"crafted-{slide}.safetensors")
    with lab.db.begin() as session:
        model = Model(name="first", folder=f"nowhere/{slide}", weights_sha256="a" * 64)
        model.card = crafted.card().model_dump(mode="json", exclude_unset=True)
        session.add(model)
        session.flush()
        row = Score(
            slide_id=slide, model_id=model.id, result=score.summary.to_json(), file=f"crafted-{slide}.safetensors"
        )
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture(scope="session")
def scored_once(tmp_path_factory: pytest.TempPathFactory, new_home: Path) -> Scored:
    lab = open_lab(Settings(home=shutil.copytree(new_home, tmp_path_factory.mktemp("scored") / "home")))
    project = lab.projects.create("Scored").id
    picture = draw_tissue(lab.settings.home / PICTURE)
    slide = lab.slides.register(project, picture, StatedFacts(mpp=0.5))[0].slide_id
    assert slide is not None
    return Scored(lab, project, slide, add_score(lab, slide))


@pytest.fixture
def scored(scored_once: Scored, tmp_path: Path) -> Scored:
    """A copy of the test's own, and its picture, too."""
    lab = open_lab(Settings(home=shutil.copytree(scored_once.lab.settings.home, tmp_path / "home")))
    with lab.db.begin() as session:
        session.get_one(Slide, scored_once.slide).path = str(lab.settings.home / PICTURE)
    return replace(scored_once, lab=lab)
