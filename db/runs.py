"""Trainings and the models they made."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db.models import Model, Run


def runs_of(session: Session, project_id: int) -> Sequence[Run]:
    return session.scalars(select(Run).where(Run.project_id == project_id).order_by(Run.id.desc())).all()


def models_of(session: Session, project_id: int | None, archived: bool = False) -> Sequence[Model]:
    """Models of a project that are offered (or are not), newest first, and after them those of all projects."""
    kept = Model.archived_at.is_not(None) if archived else Model.archived_at.is_(None)
    return session.scalars(
        select(Model)
        .where(or_(Model.project_id == project_id, Model.project_id.is_(None)), kept)
        .order_by(Model.project_id.is_(None), Model.id.desc())
    ).all()


def model_of_run(session: Session, run_id: int) -> Model | None:
    return session.scalar(select(Model).where(Model.run_id == run_id).order_by(Model.id.desc()).limit(1))


def models_of_runs(session: Session, run_ids: Sequence[int]) -> dict[int, int]:
    """The newest model that each of these trainings made, by training; one that made none is left out."""
    made = select(Model.run_id, func.max(Model.id)).where(Model.run_id.in_(run_ids)).group_by(Model.run_id)
    return {run_id: model_id for run_id, model_id in session.execute(made) if run_id is not None}


def model_in(session: Session, folder: str) -> Model | None:
    return session.scalar(select(Model).where(Model.folder == folder))
