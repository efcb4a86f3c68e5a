"""Trainings and the models they made."""

from collections.abc import Sequence

from sqlalchemy import or_, select
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


def model_in(session: Session, folder: str) -> Model | None:
    return session.scalar(select(Model).where(Model.folder == folder))
