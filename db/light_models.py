"""Light models, and what says whether another one is due."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from db import sessions as queues
from db.labels import CHUNK, LABELS
from db.models import Job, LabelEvent, LabelSession, LightModel, Patch, QueueItem, Slide


def versions_of(session: Session, project_id: int) -> Sequence[LightModel]:
    """A project's light models, newest first."""
    statement = select(LightModel).where(LightModel.project_id == project_id)
    return session.scalars(statement.order_by(LightModel.number.desc())).all()


def newest(session: Session, project_id: int) -> LightModel | None:
    """A project's newest light model, if it has one."""
    statement = select(LightModel).where(LightModel.project_id == project_id)
    return session.scalar(statement.order_by(LightModel.number.desc()).limit(1))


def newest_job(session: Session, project_id: int, kind: str) -> Job | None:
    """The project's newest job of a kind, however it ended."""
    statement = select(Job).where(Job.project_id == project_id, Job.kind == kind)
    return session.scalar(statement.order_by(Job.created_at.desc()).limit(1))


def last_event(session: Session) -> int:
    """Number of the newest label event of all; 0 where there is none."""
    return session.scalar(select(func.max(LabelEvent.id))) or 0


def labelled_since(session: Session, project_id: int, event_id: int) -> int:
    """Patches of one project that somebody has labelled after that event, whatever happened in other projects."""
    statement = (
        select(func.count(func.distinct(LabelEvent.patch_id)))
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(LabelEvent.id > event_id, Slide.project_id == project_id, LABELS)
    )
    return session.scalar(statement) or 0


def sessions_finished_since(session: Session, project_id: int, event_id: int) -> bool:
    """Whether labels came after that event from sessions of the project with a queue, none of which is open still."""
    since = (
        select(LabelEvent.session_id)
        .join(LabelSession, LabelSession.id == LabelEvent.session_id)
        .where(LabelEvent.id > event_id, LabelSession.project_id == project_id, LABELS)
        .where(LabelEvent.session_id.in_(select(QueueItem.session_id)))
    )
    labelled_in = session.scalars(select(LabelSession).where(LabelSession.id.in_(since))).all()
    open_places = (queues.first_open(session, row.id, row.reader_id) for row in labelled_in)
    return bool(labelled_in) and all(place is None for place in open_places)


def asked_at_random(session: Session, patch_ids: Sequence[int]) -> set[int]:
    """Those of the patches that were asked for at random: by the audit stream, or by the plan that is random."""
    drawn: set[int] = set()
    for start in range(0, len(patch_ids), CHUNK):
        rows = session.execute(
            select(QueueItem.patch_id, QueueItem.stream, LabelSession.plan)
            .join(LabelSession, LabelSession.id == QueueItem.session_id)
            .where(QueueItem.patch_id.in_(patch_ids[start : start + CHUNK]))
            .where(or_(QueueItem.stream == "audit", QueueItem.stream == "plan"))
        )
        drawn.update(
            patch
            for patch, stream, plan in rows
            if stream == "audit" or (plan.get("kind", "plan"), plan.get("plan")) == ("plan", "random")
        )
    return drawn


def beside_a_suggestion(session: Session, patch_ids: Sequence[int]) -> set[int]:
    """Those of the patches of which any label was given with a suggestion in view."""
    beside: set[int] = set()
    for start in range(0, len(patch_ids), CHUNK):
        rows = session.execute(
            select(LabelEvent.patch_id, LabelEvent.shown).where(
                LabelEvent.patch_id.in_(patch_ids[start : start + CHUNK])
            )
        )
        beside.update(patch for patch, shown in rows if shown.get("suggestion"))
    return beside
