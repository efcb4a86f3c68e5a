"""Scores of slides and their sign-offs."""

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from db.models import Model, Reader, Score, SignOff, Slide
from mmdnet.errors import LabError

ScoreRow = tuple[Score, Slide, Model]
Signed = tuple[SignOff, Reader]


def scores_of(session: Session, project_id: int) -> Sequence[ScoreRow]:
    """Every score of a project, newest first, with its slide and its model."""
    rows = session.execute(
        select(Score, Slide, Model)
        .join(Slide, Slide.id == Score.slide_id)
        .join(Model, Model.id == Score.model_id)
        .where(Slide.project_id == project_id)
        .order_by(Score.id.desc())
    )
    return [(score, slide, model) for score, slide, model in rows]


def newest_sign_offs(session: Session, project_id: int) -> dict[int, Signed]:
    """The signature that holds of each signed score of a project, by score, with who signed."""
    rows = session.execute(
        select(SignOff, Reader)
        .options(defer(SignOff.report))
        .join(Reader, Reader.id == SignOff.reader_id)
        .join(Score, Score.id == SignOff.score_id)
        .join(Slide, Slide.id == Score.slide_id)
        .where(Slide.project_id == project_id)
        .order_by(SignOff.id)
    )
    return {signed.score_id: (signed, reader) for signed, reader in rows}


def scored(session: Session, score_id: int) -> tuple[Score, Slide, Model]:
    """A score with its slide and its model.

    Raises:
        LabError: there is none of that number.
    """
    row = session.execute(
        select(Score, Slide, Model)
        .join(Slide, Slide.id == Score.slide_id)
        .join(Model, Model.id == Score.model_id)
        .where(Score.id == score_id)
    ).first()
    if row is None:
        raise LabError(f"There is no score with the number {score_id} here.")
    score, slide, model = row
    return score, slide, model


def score_of_job(session: Session, job_id: str, slide_id: int) -> Score | None:
    return session.scalar(select(Score).where(Score.job_id == job_id, Score.slide_id == slide_id))


def newest_scores(session: Session, slide_ids: Iterable[int]) -> list[tuple[Score, Model]]:
    """Of each slide and each model that scored it the newest score, the newest of all first."""
    newest = (
        select(func.max(Score.id)).where(Score.slide_id.in_(list(slide_ids))).group_by(Score.slide_id, Score.model_id)
    )
    rows = session.execute(
        select(Score, Model)
        .join(Model, Model.id == Score.model_id)
        .where(Score.id.in_(newest))
        .order_by(Score.id.desc())
    )
    return [(score, model) for score, model in rows]


def sign_offs_of(session: Session, score_id: int) -> Sequence[tuple[SignOff, Reader]]:
    """Sign-offs of a score, oldest first, with who signed."""
    rows = session.execute(
        select(SignOff, Reader)
        .join(Reader, Reader.id == SignOff.reader_id)
        .where(SignOff.score_id == score_id)
        .order_by(SignOff.id)
    ).all()
    return [(sign_off, reader) for sign_off, reader in rows]
