"""Synthetic patches, the batches they were made in, and what readers said of them without being told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.labels import CHUNK
from db.models import Augmentation, SyntheticLook, SyntheticPatch


def augmentations_of(session: Session, project_id: int) -> Sequence[Augmentation]:
    """A project's batches, newest first."""
    rows = select(Augmentation).where(Augmentation.project_id == project_id).order_by(Augmentation.id.desc())
    return session.scalars(rows).all()


PASSED = "passed"


def children_of(
    session: Session, augmentation_id: int, verdict: str = "", first: int = 0, count: int | None = None
) -> Sequence[SyntheticPatch]:
    """A batch's synthetic patches in the order they were made.

    Args:
        verdict: only those that `passed`, or those refused for this reason; empty: all.
        first, count: which of them.
    """
    rows = select(SyntheticPatch).where(SyntheticPatch.augmentation_id == augmentation_id).order_by(SyntheticPatch.id)
    if verdict:
        rows = rows.where(SyntheticPatch.judged)
        rows = rows.where(SyntheticPatch.refused == (None if verdict == PASSED else verdict))
    return session.scalars(rows.offset(first).limit(count)).all()


def children_of_parent(session: Session, augmentation_id: int, parent_id: int) -> Sequence[SyntheticPatch]:
    """A batch's synthetic patches of one parent, by number."""
    rows = select(SyntheticPatch).where(
        SyntheticPatch.augmentation_id == augmentation_id, SyntheticPatch.parent_id == parent_id
    )
    return session.scalars(rows.order_by(SyntheticPatch.number)).all()


def newest_children(session: Session, augmentation_id: int, count: int) -> Sequence[SyntheticPatch]:
    """The batch's last synthetic patches, newest first."""
    rows = select(SyntheticPatch).where(SyntheticPatch.augmentation_id == augmentation_id)
    return session.scalars(rows.order_by(SyntheticPatch.id.desc()).limit(count)).all()


def verdict_counts(session: Session, augmentation_id: int) -> dict[tuple[bool, str | None], int]:
    """How many of a batch are (judged, refused because)."""
    rows = session.execute(
        select(SyntheticPatch.judged, SyntheticPatch.refused, func.count())
        .where(SyntheticPatch.augmentation_id == augmentation_id)
        .group_by(SyntheticPatch.judged, SyntheticPatch.refused)
    )
    return {(judged, refused): count for judged, refused, count in rows}


def passed_of_project(session: Session, project_id: int) -> Sequence[SyntheticPatch]:
    """The synthetic patches that passed the gate."""
    rows = (
        select(SyntheticPatch)
        .join(Augmentation, Augmentation.id == SyntheticPatch.augmentation_id)
        .where(Augmentation.project_id == project_id, SyntheticPatch.judged, SyntheticPatch.refused.is_(None))
        .order_by(SyntheticPatch.id)
    )
    return session.scalars(rows).all()


def synthetic_with_ids(session: Session, ids: Sequence[int]) -> Sequence[SyntheticPatch]:
    """The synthetic patches of these ids; ids may be many."""
    found: list[SyntheticPatch] = []
    for start in range(0, len(ids), CHUNK):
        wanted = SyntheticPatch.id.in_(ids[start : start + CHUNK])
        found.extend(session.scalars(select(SyntheticPatch).where(wanted)))
    return found


def looks_of_reader(session: Session, augmentation_id: int, reader_id: int) -> Sequence[SyntheticLook]:
    """What one reader said of patches of a batch, in order."""
    wanted = select(SyntheticLook).where(
        SyntheticLook.augmentation_id == augmentation_id, SyntheticLook.reader_id == reader_id
    )
    return session.scalars(wanted.order_by(SyntheticLook.id)).all()


def looks_of(session: Session, augmentation_ids: Iterable[int]) -> Sequence[SyntheticLook]:
    """What readers said of patches of these batches, in order."""
    wanted = SyntheticLook.augmentation_id.in_(list(augmentation_ids))
    return session.scalars(select(SyntheticLook).where(wanted).order_by(SyntheticLook.id)).all()
