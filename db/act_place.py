"""What one labelling act meets in the database, asked in one statement: somebody is waiting for the next patch."""

from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.models import LabelEvent, LabelSession, QueueItem

_NEWEST = (
    select(LabelEvent.key)
    .where(
        LabelEvent.reader_id == bindparam("reader"),
        LabelEvent.patch_id == bindparam("patch"),
        LabelEvent.session_id == bindparam("session"),
    )
    .order_by(LabelEvent.id.desc())
    .limit(1)
)
_QUEUED = select(QueueItem.id).where(
    QueueItem.session_id == bindparam("session"), QueueItem.patch_id == bindparam("patch")
)
_STATEMENT = select(
    select(LabelEvent.id).where(LabelEvent.key == bindparam("key")).scalar_subquery(),
    select(LabelSession.reader_id).where(LabelSession.id == bindparam("session")).scalar_subquery(),
    _QUEUED.scalar_subquery(),
    _NEWEST.scalar_subquery(),
)


@dataclass(frozen=True, slots=True)
class ActPlace:
    """Whether the act's key was used before; whose the session is (None: there is none); whether the patch is in its
    queue; and the key of the reader's newest event on the patch in it (None: there is none)."""

    key_used: bool
    reader_id: int | None
    queued: bool
    newest_key: str | None


def look(session: Session, key: str, session_id: int, reader_id: int, patch_id: int) -> ActPlace:
    """What an act of this key meets."""
    given = {"key": key, "session": session_id, "reader": reader_id, "patch": patch_id}
    used, owner, queued, newest = session.execute(_STATEMENT, given).one()
    return ActPlace(used is not None, owner, queued is not None, newest)
