from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from mmdnet.workflows.next_step import ENOUGH_GRADED, ENOUGH_LABELS, Overview
from mmdnet.workflows.training.views import ReadinessView


@dataclass
class Project:
    """What a project's view counts."""

    labelled_patches: int = 0
    scored_slides: int = 0
    ready_slides: int = 2
    id: int = 1
    graded_slides: int = 0


def step(project=None, slides=("ready", "ready"), running=(), own_model=False, signed=(), ready=True, unjudged=""):
    """The next step of a project in that state."""
    rows = [SimpleNamespace(id=n, name=f"{n}.svs", status=status) for n, status in enumerate(slides)]
    models = [SimpleNamespace(project_id=1 if own_model else None)]
    scores = {n: SimpleNamespace(id=10 + n, signed="Ada" if n in signed else None) for n in range(len(slides))}
    jobs = [SimpleNamespace(kind=kind) for kind in running]
    return Overview(
        SimpleNamespace(list=lambda project_id: models),
        SimpleNamespace(list=lambda project_id, active: jobs),
        SimpleNamespace(readiness=lambda project_id, choices: ReadinessView(ready, "no grade differs.", unjudged)),
    ).next_step(project or Project(), rows, scores)


@pytest.mark.parametrize(
    ("state", "page", "words"),
    [
        ({"slides": ()}, "slides", "no slides yet"),
        ({"slides": (), "running": ("ingest",)}, "slides", "being added"),
        ({"slides": ("ready", "needs_mpp")}, "slides", "1.svs: the file does not say"),
        ({"slides": ("needs_mpp", "needs_mpp")}, "slides", "2 slides: the file does not say"),
        ({"running": ("train",)}, "train", "being trained"),
        ({"running": ("score",)}, "score", "being scored"),
        ({}, "label", "Grade some patches"),
        ({"project": Project(ENOUGH_LABELS - 1)}, "label", "make a better start"),
        ({"project": Project(ENOUGH_LABELS)}, "train", "carry a label"),
        (
            {"project": Project(), "running": ("ingest",)},
            "label",
            "Slides are still being added or measured; those that are here",
        ),
        ({"project": Project(ENOUGH_LABELS), "unjudged": "nobody is left."}, "slides", "but nobody is left."),
        ({"project": Project(ENOUGH_LABELS), "ready": False}, "train", "Before a training: no grade differs."),
        ({"project": Project(ENOUGH_LABELS), "own_model": True}, "score", "2 of 2 slides not scored yet"),
        ({"project": Project(graded_slides=ENOUGH_GRADED - 1)}, "label", "as a table"),
        ({"project": Project(graded_slides=ENOUGH_GRADED)}, "train", "10 slides carry grades of the whole slide"),
        ({"project": Project(graded_slides=ENOUGH_GRADED), "own_model": True}, "score", "not scored yet"),
        ({"project": Project(0, 1)}, "score", "1 of 2 slides"),
        ({"project": Project(0, 2)}, "report", "2 of 2 reports not signed yet"),
        ({"project": Project(0, 2), "signed": (0,)}, "report", "1 of 2 reports not signed yet"),
        ({"project": Project(0, 2), "signed": (0, 1)}, "report", "every report is signed"),
    ],
)
def test_the_step_is_the_first_thing_that_is_missing(state, page, words):
    advice = step(**state)
    assert advice.page == page and words in advice.sentence


def test_the_way_to_a_missing_scale_leads_to_the_slide_that_lacks_it():
    assert step(slides=("ready", "needs_mpp")).slide_id == 1
    assert step().slide_id is None
