"""What pages and the command line draw of models and scores: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mmdnet.labels.grading import Grades
from mmdnet.nn.card import ModelCard
from mmdnet.scoring.summary import ScoreSummary, read_summary

if TYPE_CHECKING:
    from db.models import Model, Reader, Score, SignOff, Slide


@dataclass(frozen=True, slots=True)
class ModelView:
    id: int
    project_id: int | None
    run_id: int | None
    name: str
    weights_sha256: str
    card: ModelCard
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A slide scored by a model, and whether somebody signed it."""

    id: int
    slide_id: int
    slide_name: str
    model_id: int
    model_name: str
    summary: ScoreSummary
    created_at: datetime
    signed: bool


@dataclass(frozen=True, slots=True)
class SignOffView:
    """A reader's signed grades of a scored slide; `amends_id` is the signature it replaces."""

    id: int
    score_id: int
    reader_id: int
    reader: str
    amends_id: int | None
    grades: Grades
    reason: str
    report_sha256: str
    at: datetime


def score_view(score: Score, slide: Slide, model: Model, signed: bool) -> ScoreView:
    """A score's row with what it belongs to.

    Raises:
        LabError: it is damaged.
    """
    return ScoreView(
        id=score.id,
        slide_id=slide.id,
        slide_name=slide.name,
        model_id=model.id,
        model_name=model.name,
        summary=read_summary(score.result, slide.name),
        created_at=score.created_at,
        signed=signed,
    )


def sign_off_view(sign_off: SignOff, reader: Reader) -> SignOffView:
    """A signature's row with whose it is."""
    return SignOffView(
        id=sign_off.id,
        score_id=sign_off.score_id,
        reader_id=reader.id,
        reader=reader.name,
        amends_id=sign_off.amends_id,
        grades=Grades.of(sign_off),
        reason=sign_off.reason,
        report_sha256=sign_off.report_sha256,
        at=sign_off.at,
    )
