"""Slides of a project as an evaluation takes them: truth given blind, single readers, densities of drawn slides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy.orm import Session

from db import slide_readings
from db.models import Reader, Slide
from mmdnet.errors import LabError
from mmdnet.evaluation.cases import Case, prediction_of
from mmdnet.labels.grading import Grades
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.workflows.scoring.slide_truth import slide_truth


def judging_truth(session: Session, project_id: int) -> tuple[SlideTruth, ...]:
    """Every slide with the grades a model is judged by: those given without a model's score in view."""
    return slide_truth(session, project_id, blinded_only=True)


def graded_slides(session: Session, project_id: int) -> set[int]:
    """Slides with a grade or NAS of a reader, blind or not."""
    return {truth.slide_id for truth in slide_truth(session, project_id) if says_something(truth)}


def says_something(truth: SlideTruth) -> bool:
    """Whether a model can be judged on the slide."""
    return truth.graded or truth.nas is not None


def cases_of(
    session: Session,
    truths: Sequence[SlideTruth],
    said: Mapping[int, ScoreSummary],
    fold: Mapping[int, str] | None = None,
) -> list[Case]:
    """The slides that have a score, by the slide's number in `said`, with all that is known of them."""
    scored = [truth for truth in truths if truth.slide_id in said]
    readings = _readings(session, [truth.slide_id for truth in scored])
    return [
        Case(
            truth=truth,
            predicted=prediction_of(said[truth.slide_id]),
            densities=_densities(session, truth) if truth.simulated else {},
            readings=readings[truth.slide_id],
            fold=(fold or {}).get(truth.slide_id, ""),
        )
        for truth in scored
    ]


def _readings(session: Session, slide_ids: Sequence[int]) -> dict[int, dict[str, Grades]]:
    """Single readers' blind grades by slide and reader's name."""
    by_slide: dict[int, dict[str, Grades]] = defaultdict(dict)
    for reading in slide_readings.current(session, slide_ids, blinded_only=True):
        reader = session.get_one(Reader, reading.reader_id)
        by_slide[reading.slide_id][reader.name] = Grades.of(reading)
    return by_slide


def _densities(session: Session, truth: SlideTruth) -> dict[str, float]:
    """What was drawn on a simulated slide; nothing where its truth file is gone."""
    from mmdnet.simulate.truth import load_truth

    try:
        return load_truth(Path(session.get_one(Slide, truth.slide_id).path)).densities
    except LabError:
        return {}
