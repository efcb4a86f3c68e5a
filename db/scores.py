"""Scores of slides and their sign-offs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from db.labels import CHUNK
from db.models import JsonObject, Model, Reader, Score, SignOff, Slide
from mmdnet.errors import LabError

Signed = tuple[SignOff, Reader]


def maps_beside(file: str) -> str:
    """The file beside a score's own that keeps where on its patches the grades come from; it need not be there."""
    return f"{file.removesuffix('.safetensors')}.maps.safetensors"


def scores_of_slide(session: Session, slide_id: int) -> Sequence[Score]:
    """All scores of a slide, whichever model made them."""
    return session.scalars(select(Score).where(Score.slide_id == slide_id)).all()


def files_of_scores(scores: Iterable[Score]) -> list[str]:
    """What is kept of scores in files, by its place in the lab's home; not all of it need be there."""
    return [f"scores/{name}" for score in scores for name in (score.file, maps_beside(score.file))]


class ScoreHead(NamedTuple):
    """A score without what it says; see `results`."""

    id: int
    slide_id: int
    model_id: int
    created_at: datetime


ScoreRow = tuple[Score | ScoreHead, Slide, Model]


def heads_of(session: Session, project_id: int) -> list[ScoreHead]:
    """Every score of a project, newest first."""
    rows = session.execute(
        select(Score.id, Score.slide_id, Score.model_id, Score.created_at)
        .join(Slide, Slide.id == Score.slide_id)
        .where(Slide.project_id == project_id)
        .order_by(Score.id.desc())
    )
    return [ScoreHead(*row) for row in rows]


def results(session: Session, score_ids: Sequence[int]) -> dict[int, JsonObject]:
    """What these scores say, by score, as it was written."""
    said: dict[int, JsonObject] = {}
    for start in range(0, len(score_ids), CHUNK):
        part = score_ids[start : start + CHUNK]
        said.update(session.execute(select(Score.id, Score.result).where(Score.id.in_(part))).tuples().all())
    return said


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


class NewestScore(NamedTuple):
    """Of a slide and a model that scored it the newest score, and the file its arrays lie in."""

    id: int
    slide_id: int
    file: str
    created_at: datetime
    model_id: int
    model_name: str
    weights_sha256: str


def newest_scores(session: Session, slide_ids: Iterable[int], model_id: int | None = None) -> list[NewestScore]:
    """Of each slide and each model that scored it the newest score, the newest of all first; of one model if given."""
    newest: list[NewestScore] = []
    ids = sorted(set(slide_ids))
    for start in range(0, len(ids), CHUNK):
        latest = select(func.max(Score.id)).where(Score.slide_id.in_(ids[start : start + CHUNK]))
        if model_id is not None:
            latest = latest.where(Score.model_id == model_id)
        rows = session.execute(
            select(Score.id, Score.slide_id, Score.file, Score.created_at, Model.id, Model.name, Model.weights_sha256)
            .join(Model, Model.id == Score.model_id)
            .where(Score.id.in_(latest.group_by(Score.slide_id, Score.model_id)))
        )
        newest += [NewestScore(*row) for row in rows]
    return sorted(newest, key=lambda score: score.id, reverse=True)


def sign_offs_of(session: Session, score_id: int) -> Sequence[tuple[SignOff, Reader]]:
    """Sign-offs of a score, oldest first, with who signed."""
    rows = session.execute(
        select(SignOff, Reader)
        .join(Reader, Reader.id == SignOff.reader_id)
        .where(SignOff.score_id == score_id)
        .order_by(SignOff.id)
    ).all()
    return [(sign_off, reader) for sign_off, reader in rows]
