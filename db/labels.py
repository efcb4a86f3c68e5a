"""What label events say: each reader's label of a patch as it stands, what was before an act, what a session has done.

Only `db.event_log` writes them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from db.event_cache import EventCache, joined_by_slide
from db.models import USABLE, ExemplarShown, LabelEvent, LabelSession, Patch, Slide
from mmdnet.labels.grading import TASK_NAMES, TASKS, Grades

GENESIS = "0" * 64
NO_LABEL_BY_ITSELF = ("undo", "clear", "flag")  # acts after which a patch may have no label at all
MOST_COUNTED = 64  # projects whose counts by slide stay in memory
CHUNK = 500  # ids in one IN (...): SQLite's oldest limit on parameters is 999


def is_label(event: LabelEvent) -> bool:
    """Whether the event leaves a label (also one of all unknown, given on purpose), and not an emptied patch."""
    return event.act not in NO_LABEL_BY_ITSELF or event.ignored or Grades.of(event).any_known


LABELS = or_(
    LabelEvent.act.not_in(NO_LABEL_BY_ITSELF),
    LabelEvent.ignored,
    *(getattr(LabelEvent, name).is_not(None) for name in TASK_NAMES),
)
"""`is_label`, said in SQL."""


def last_hash(session: Session) -> str:
    return session.scalar(select(LabelEvent.hash).order_by(LabelEvent.id.desc()).limit(1)) or GENESIS


def before(session: Session, act: Sequence[LabelEvent], inside: bool) -> dict[int, LabelEvent]:
    """The reader's event just before this act on each of its patches, where there is one: by patch id.

    `act` is one event, or all those of a bulk act (one reader, one label session, each patch once, in a row). `inside`
    looks in its label session only.
    """
    first = min(event.id for event in act)
    previous: dict[int, LabelEvent] = {}
    for start in range(0, len(act), CHUNK):
        patches = [event.patch_id for event in act[start : start + CHUNK]]
        newest = select(func.max(LabelEvent.id)).where(
            LabelEvent.reader_id == act[0].reader_id, LabelEvent.patch_id.in_(patches), LabelEvent.id < first
        )
        if inside:
            newest = newest.where(LabelEvent.session_id == act[0].session_id)
        events = session.scalars(select(LabelEvent).where(LabelEvent.id.in_(newest.group_by(LabelEvent.patch_id))))
        previous.update((event.patch_id, event) for event in events)
    return previous


def latest_in_session(
    session: Session, session_id: int, reader_id: int, patches: Iterable[int]
) -> dict[int, LabelEvent]:
    """The newest event of a label session on each of these patches that has one."""
    newest: dict[int, LabelEvent] = {}
    ids = list(patches)
    for start in range(0, len(ids), CHUNK):
        rows = session.scalars(
            select(LabelEvent)
            .where(LabelEvent.reader_id == reader_id, LabelEvent.patch_id.in_(ids[start : start + CHUNK]))
            .where(LabelEvent.session_id == session_id)
            .order_by(LabelEvent.id)
        )
        newest.update((event.patch_id, event) for event in rows)
    return newest


def standing_of_others(session: Session, reader_id: int, patches: Sequence[int]) -> dict[int, list[LabelEvent]]:
    """What other readers' labels of these patches are as they stand, in an order that hides who gave which."""
    standing: dict[int, list[LabelEvent]] = {}
    for start in range(0, len(patches), CHUNK):
        newest = (
            select(func.max(LabelEvent.id))
            .where(LabelEvent.patch_id.in_(patches[start : start + CHUNK]), LabelEvent.reader_id != reader_id)
            .group_by(LabelEvent.reader_id, LabelEvent.patch_id)
        )
        for event in session.scalars(select(LabelEvent).where(LabelEvent.id.in_(newest), LABELS)):
            standing.setdefault(event.patch_id, []).append(event)
    for events in standing.values():
        events.sort(key=lambda event: hashlib.sha256(f"{event.patch_id} {event.hash}".encode()).digest())
    return standing


def last_standing(session: Session, session_id: int, reader_id: int) -> LabelEvent | None:
    """The newest event of the session that was not undone; None if nothing is left to undo."""
    undone: set[str] = set()
    events = session.execute(  # plain rows: after a bulk act was taken back, thousands are passed over
        select(LabelEvent.id, LabelEvent.key, LabelEvent.act, LabelEvent.shown)
        .where(LabelEvent.session_id == session_id, LabelEvent.reader_id == reader_id)
        .order_by(LabelEvent.id.desc())
        .execution_options(yield_per=200)
    )
    for number, key, act, shown in events:
        if act == "undo":
            undone.add(shown.get("undoes", ""))
        elif key not in undone:
            return session.get(LabelEvent, number)
    return None


def with_keys(session: Session, keys: Sequence[str]) -> list[LabelEvent]:
    """The events of these keys, oldest first."""
    events: list[LabelEvent] = []
    for start in range(0, len(keys), CHUNK):
        events.extend(session.scalars(select(LabelEvent).where(LabelEvent.key.in_(keys[start : start + CHUNK]))))
    return sorted(events, key=lambda event: event.id)


def _newest_ids(reader_id: int | None = None, slide_ids: Collection[int] | None = None) -> Select[Any]:
    """The newest event of each reader on each patch; only one reader's, only on these slides, if given.

    Of every project: an index alone answers that, and a patch has one project, so whoever asks joins it afterwards.
    """
    statement = select(func.max(LabelEvent.id)).group_by(LabelEvent.reader_id, LabelEvent.patch_id)
    if slide_ids is not None:
        on_slides = select(Patch.id).where(Patch.slide_id.in_(slide_ids))
        statement = statement.where(LabelEvent.patch_id.in_(on_slides))
    return statement if reader_id is None else statement.where(LabelEvent.reader_id == reader_id)


def _standing_in(project_id: int, newest: Select[Any], *columns: Any) -> Select[Any]:
    """These columns of the events that stand as labels in a project."""
    return (
        select(*columns)
        .select_from(LabelEvent)
        .join(Patch, Patch.id == LabelEvent.patch_id)
        .join(Slide, Slide.id == Patch.slide_id)
        .where(LabelEvent.id.in_(newest), Slide.project_id == project_id, LABELS)
    )


def current(
    session: Session, project_id: int, reader_id: int | None = None, slide_id: int | None = None
) -> list[tuple[LabelEvent, int]]:
    """Every reader's label of every patch as it stands, with the slide's id; in the order they were given.

    Only one reader's, only on one slide, if given.
    """
    newest = _newest_ids(reader_id, None if slide_id is None else (slide_id,))
    standing = _standing_in(project_id, newest, LabelEvent, Patch.slide_id)
    return [(event, slide_id) for event, slide_id in session.execute(standing.order_by(LabelEvent.id))]


class StandingVote(NamedTuple):
    """A reader's label of a patch as it stands, as a consensus asks of it; `grades` in the order of the tasks."""

    id: int
    session_id: int | None
    reader_id: int
    patch_id: int
    slide_id: int
    act: str
    ignored: bool
    grades: tuple[int | None, ...]


def standing_votes(
    session: Session, project_id: int, reader_id: int | None = None, slide_ids: Collection[int] | None = None
) -> list[StandingVote]:
    """The labels of `current` without an object of each event: a training asks for all of a project."""
    grades = [getattr(LabelEvent, name) for name in TASK_NAMES]
    event = LabelEvent
    columns = (event.id, event.session_id, event.reader_id, event.patch_id, Patch.slide_id, event.act, event.ignored)
    standing = _standing_in(project_id, _newest_ids(reader_id, slide_ids), *columns, *grades).order_by(event.id)
    said = len(columns)
    return [StandingVote._make((*row[:said], tuple(row[said:]))) for row in session.execute(standing)]


class Standing(NamedTuple):
    """A reader's label of a patch as it stands."""

    grades: Grades
    ignored: bool
    flagged: bool


def standing_grades(session: Session, project_id: int, reader_id: int) -> dict[int, Standing]:
    """A reader's labels as they stand, by patch id."""
    grades = [getattr(LabelEvent, name) for name in TASK_NAMES]
    columns = (LabelEvent.patch_id, *grades, LabelEvent.ignored, LabelEvent.flagged)
    rows = session.execute(_standing_in(project_id, _newest_ids(reader_id), *columns))
    return {
        patch_id: Standing(Grades.from_values(grades), ignored, flagged) for patch_id, *grades, ignored, flagged in rows
    }


class Tally(NamedTuple):
    """How many patches stand with the same label by the same reader; grades in the order of the tasks."""

    reader_id: int
    grades: tuple[int | None, ...]
    ignored: bool
    flagged: bool
    patches: int


def tallies(session: Session, project_id: int) -> list[Tally]:
    """A project's labels as they stand, counted by reader and by what they say."""
    said = [LabelEvent.reader_id, *(getattr(LabelEvent, name) for name in TASK_NAMES)]
    said += [LabelEvent.ignored, LabelEvent.flagged]
    counted = _standing_in(project_id, _newest_ids(), *said, func.count()).group_by(*said)
    return [
        Tally(reader, tuple(grades), bool(ignored), bool(flagged), patches)
        for reader, *grades, ignored, flagged, patches in session.execute(counted)
    ]


def patches_said(session: Session, project_id: int, said: ColumnElement[bool] | InstrumentedAttribute[bool]) -> int:
    """Patches of which a standing label says this, such as `LabelEvent.ignored`."""
    counted = _standing_in(project_id, _newest_ids(), func.count(func.distinct(LabelEvent.patch_id)))
    return session.scalar(counted.where(said)) or 0


def labelled_by_slide(session: Session, project_id: int) -> dict[int, int]:
    """Patches per slide that carry a label (a grade, or ignored) by at least one reader.

    What was counted before is kept, see `db.event_cache`.
    """

    def counted(slides: Collection[int] | None) -> dict[int, int]:
        return _counted_on(session, project_id, _newest_ids(slide_ids=slides))

    return dict(_COUNTED.get(session, project_id, counted))


_COUNTED: EventCache[dict[int, int]] = EventCache(MOST_COUNTED, joined_by_slide)


def _counted_on(session: Session, project_id: int, newest: Select[Any]) -> dict[int, int]:
    counted = _standing_in(project_id, newest, Patch.slide_id, func.count(func.distinct(LabelEvent.patch_id)))
    return dict(session.execute(counted.group_by(Patch.slide_id)).tuples().all())


def labelled_patches(session: Session, project_id: int, reader_id: int) -> set[int]:
    """Patches the reader has a standing label on."""
    return set(session.scalars(_standing_in(project_id, _newest_ids(reader_id), LabelEvent.patch_id)))


def usable_unlabelled(session: Session, project_id: int, slide_ids: Iterable[int], reader_id: int) -> dict[int, int]:
    """Usable patches of ready slides that this reader has given no label and not seen in the atlas, by slide."""
    seen = select(ExemplarShown.patch_id).where(ExemplarShown.reader_id == reader_id)
    asked = (Slide.project_id == project_id, Slide.status == "ready", USABLE)
    usable = select(Patch.slide_id, func.count()).join(Slide, Slide.id == Patch.slide_id).where(*asked)
    newest = _newest_ids(reader_id)  # one event a patch

    def labelled(events: Select[Any]) -> Select[Any]:
        return _standing_in(project_id, events, Patch.slide_id, func.count()).where(*asked)

    counted: Counter[int] = Counter()
    for patches, sign in (
        (usable, 1),
        (labelled(newest), -1),
        (usable.where(Patch.id.in_(seen)), -1),
        (labelled(newest.where(LabelEvent.patch_id.in_(seen))), 1),  # taken off twice
    ):
        for slide, count in session.execute(patches.group_by(Patch.slide_id)).tuples():
            counted[slide] += sign * count
    wanted = set(slide_ids)
    return {slide: count for slide, count in counted.items() if slide in wanted and count}


def any_label(session: Session, project_id: int) -> bool:
    """Whether anybody has labelled a patch of the project."""
    statement = (
        select(LabelEvent.id).join(Patch, Patch.id == LabelEvent.patch_id).join(Slide, Slide.id == Patch.slide_id)
    )
    return session.scalar(statement.where(Slide.project_id == project_id, LABELS).limit(1)) is not None


def grade_counts(session: Session, project_id: int) -> dict[str, list[int]]:
    """Per task how many standing labels each grade has, by grade."""
    counted: dict[str, Counter[int | None]] = {task.name: Counter() for task in TASKS}
    for tally in tallies(session, project_id):
        for name, grade in zip(TASK_NAMES, tally.grades, strict=True):
            counted[name][grade] += tally.patches
    return {task.name: [counted[task.name][grade.value] for grade in task.grades] for task in TASKS}


def _newest_in(session_id: int, reader_id: int) -> Select[Any]:
    """The newest event of a reader on each patch, of those in one label session."""
    return (
        select(func.max(LabelEvent.id))
        .where(LabelEvent.session_id == session_id, LabelEvent.reader_id == reader_id)
        .group_by(LabelEvent.patch_id)
    )


def done_in_session(session_id: int, reader_id: int) -> Select[Any]:
    """Patches that carry a label given in this label session (their newest event in it is one)."""
    return select(LabelEvent.patch_id).where(LabelEvent.id.in_(_newest_in(session_id, reader_id)), LABELS)


def given_elsewhere(session: LabelSession) -> Select[LabelEvent]:
    """Labels that the session's reader has given since it was made in another session, or in none, and that are the
    newest event of that reader on their patch. What an undo brought back is none: whoever took it back is asked again.
    """
    others = select(LabelSession.id).where(  # by them an index finds the few events there are
        LabelSession.project_id == session.project_id,
        LabelSession.reader_id == session.reader_id,
        LabelSession.id != session.id,
    )
    later = aliased(LabelEvent)
    newest = select(func.max(later.id)).where(
        later.reader_id == session.reader_id, later.patch_id == LabelEvent.patch_id
    )
    return select(LabelEvent).where(
        or_(LabelEvent.session_id.is_(None), LabelEvent.session_id.in_(others)),
        LabelEvent.reader_id == session.reader_id,
        LabelEvent.at > session.created_at,
        LabelEvent.act != "undo",
        LABELS,
        LabelEvent.id == newest.scalar_subquery(),
    )


def recent_times_ms(session: Session, reader_id: int, limit: int = 50) -> list[int]:
    """How long the reader's newest labels took, newest first, in milliseconds."""
    return list(
        session.scalars(
            select(LabelEvent.took_ms)
            .where(LabelEvent.reader_id == reader_id, LabelEvent.took_ms.is_not(None))
            .order_by(LabelEvent.id.desc())
            .limit(limit)
        )
    )


class Given(NamedTuple):
    """A label of one reader, with where it was given."""

    event_id: int
    key: str
    patch_id: int
    slide_id: int
    slide_name: str
    session_id: int | None
    grades: Grades
    ignored: bool
    flagged: bool
    took_ms: int | None
    at: datetime


def _given(session: Session, statement: Select[Any]) -> list[Given]:
    grades = [getattr(LabelEvent, name) for name in TASK_NAMES]
    facts = (LabelEvent.ignored, LabelEvent.flagged, LabelEvent.took_ms, LabelEvent.at)
    where = (LabelEvent.id, LabelEvent.key, LabelEvent.patch_id, Slide.id, Slide.name, LabelEvent.session_id)
    table = session.execute(statement.with_only_columns(*where, *facts, *grades, maintain_column_froms=True))
    return [
        Given(number, key, patch_id, slide_id, name, session_id, Grades.from_values(values), ignored, flagged, took, at)
        for number, key, patch_id, slide_id, name, session_id, ignored, flagged, took, at, *values in table
    ]


def _with_slide() -> Select[Any]:
    """Events that leave a label, with the slide of their patch."""
    return (
        select(LabelEvent).join(Patch, Patch.id == LabelEvent.patch_id).join(Slide, Slide.id == Patch.slide_id)
    ).where(LABELS)


def given(session: Session, project_id: int, reader_id: int, patch_id: int | None = None) -> list[Given]:
    """A reader's labels of a project as they stand, newest first; only of one patch, if given."""
    statement = _with_slide().where(Slide.project_id == project_id, LabelEvent.id.in_(_newest_ids(reader_id)))
    if patch_id is not None:
        statement = statement.where(LabelEvent.patch_id == patch_id)
    return _given(session, statement.order_by(LabelEvent.id.desc()))


class Alike(NamedTuple):
    """So many labels that are alike in all that is counted of them."""

    grades: Grades
    ignored: bool
    flagged: bool
    took_ms: int | None
    labels: int


def alike_in_session(session: Session, session_id: int, reader_id: int) -> list[Alike]:
    """The labels that a label session has by now, counted in the database: it may have 100,000."""
    alike = (LabelEvent.ignored, LabelEvent.flagged, LabelEvent.took_ms, *(getattr(LabelEvent, n) for n in TASK_NAMES))
    statement = select(*alike, func.count()).where(LABELS, LabelEvent.id.in_(_newest_in(session_id, reader_id)))
    return [
        Alike(Grades.from_values(values), ignored, flagged, took_ms, labels)
        for ignored, flagged, took_ms, *values, labels in session.execute(statement.group_by(*alike))
    ]


def first_given(session: Session, project_id: int, reader_id: int, most: int) -> list[Given]:
    """The first labels that a reader gave one by one in a project, as they were given, oldest first."""
    statement = _with_slide().where(
        Slide.project_id == project_id, LabelEvent.reader_id == reader_id, LabelEvent.act.in_(("grade", "ignore"))
    )
    return _given(session, statement.order_by(LabelEvent.id).limit(most))
