"""The log of access: sign-ins, views of slides and reports, exports, deletions, changes of roles; chained by hash.

It is made and checked as the chain of label events (`db.event_log`) and stands beside it: each event's hash covers the
hash before it and every field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.account_models import AccessEvent, Account
from db.event_log import CHANGED, TAKEN_OUT, Verdict, canonical_json, canonical_time, digest
from db.labels import GENESIS
from db.models import now


def append(
    session: Session,
    act: str,
    account_id: int | None,
    project_id: int | None = None,
    said: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    """Append an event and chain it. The session comes from `event_log.appending`. `said` must be JSON."""
    moment = at or now()
    previous = session.scalar(select(AccessEvent.hash).order_by(AccessEvent.id.desc()).limit(1)) or GENESIS
    event = AccessEvent(act=act, account_id=account_id, project_id=project_id, said=dict(said or {}), at=moment)
    event.previous_hash, event.hash = previous, _hash(event, previous)
    session.add(event)
    session.flush()


def verify(session: Session) -> Verdict:
    """Walk the whole chain; the first event that does not fit is named."""
    previous, count = GENESIS, 0
    for event in session.scalars(select(AccessEvent).order_by(AccessEvent.id).execution_options(yield_per=2000)):
        if event.previous_hash != previous:
            return Verdict(count, previous, event.id, TAKEN_OUT)
        if _hash(event, previous) != event.hash:
            return Verdict(count, previous, event.id, CHANGED)
        previous = event.hash
        count += 1
    return Verdict(count, previous)


def newest(session: Session, limit: int) -> Sequence[tuple[AccessEvent, Account | None]]:
    """The newest events with whose they are, newest first."""
    rows = session.execute(
        select(AccessEvent, Account)
        .outerjoin(Account, Account.id == AccessEvent.account_id)
        .order_by(AccessEvent.id.desc())
        .limit(limit)
    )
    return rows.tuples().all()


def count_since(session: Session, act: str, account_id: int, since: datetime) -> int:
    """How many events of this act an account has since then."""
    of_account = select(func.count()).select_from(AccessEvent).where(AccessEvent.account_id == account_id)
    return session.scalar(of_account.where(AccessEvent.act == act, AccessEvent.at > since)) or 0


def _hash(event: AccessEvent, previous: str) -> str:
    fields = (event.act, event.account_id, event.project_id)
    return digest(previous, fields, canonical_time(event.at), canonical_json(event.said))
