"""Hyper-parameter searches and their trials: tables and rows.

A trial's row is written as soon as it is begun and again after each of its folds, so that a search that was killed goes
on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from db.models import Base, JsonObject, now

FOLDER = "searches"
"""Folder of the lab's home with what searches learn from and the trainings they are at, by number."""


class Search(Base):
    """A search for better settings of a training: plan, settings as given, and what it learns from.

    `spent_s` is how long it has trained in all, over all its jobs, of which `job_id` is the newest.
    """

    __tablename__ = "searches"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[str | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    plan: Mapped[JsonObject]
    choices: Mapped[JsonObject]
    label_set: Mapped[JsonObject]  # counts, hash, consensus rule
    spent_s: Mapped[float] = mapped_column(default=0.0)
    created_at: Mapped[datetime] = mapped_column(default=now)


class SearchTrial(Base):
    """Settings that a search has tried; `record` is the trial with what its folds came to."""

    __tablename__ = "search_trials"
    __table_args__ = (UniqueConstraint("search_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    search_id: Mapped[int] = mapped_column(ForeignKey("searches.id", ondelete="CASCADE"))
    number: Mapped[int]
    record: Mapped[JsonObject]
    created_at: Mapped[datetime] = mapped_column(default=now)


def searches_of(session: Session, project_id: int) -> Sequence[Search]:
    """A project's searches, newest first."""
    statement = select(Search).where(Search.project_id == project_id)
    return session.scalars(statement.order_by(Search.id.desc())).all()


def folders_of(session: Session, project_id: int) -> list[str]:
    """Folders of a project's searches in the lab's home."""
    return [f"{FOLDER}/{search.id}" for search in searches_of(session, project_id)]


def trials_of(session: Session, search_ids: Sequence[int]) -> dict[int, list[SearchTrial]]:
    """The trials of searches in order, by search."""
    statement = select(SearchTrial).where(SearchTrial.search_id.in_(search_ids)).order_by(SearchTrial.number)
    trials: dict[int, list[SearchTrial]] = {search_id: [] for search_id in search_ids}
    for trial in session.scalars(statement):
        trials[trial.search_id].append(trial)
    return trials


def keep_trial(session: Session, search_id: int, number: int, record: JsonObject) -> None:
    """Write a trial as it stands now, in place of what stood there of it."""
    statement = select(SearchTrial).where(SearchTrial.search_id == search_id, SearchTrial.number == number)
    row = session.scalar(statement)
    if row is None:
        session.add(SearchTrial(search_id=search_id, number=number, record=record))
    else:
        row.record = record
