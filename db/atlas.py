"""Which exemplars a reader has been shown: patches whose agreed grade they know, and so can no longer grade blind."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import ExemplarShown


def shown_to(session: Session, reader_id: int) -> set[int]:
    """Patches this reader has seen as exemplars."""
    return set(session.scalars(select(ExemplarShown.patch_id).where(ExemplarShown.reader_id == reader_id)))


def keep_shown(session: Session, reader_id: int, patches: Iterable[int]) -> None:
    """Remember that these are being shown to the reader."""
    new = set(patches) - shown_to(session, reader_id)
    session.add_all(ExemplarShown(reader_id=reader_id, patch_id=patch) for patch in sorted(new))
