"""The rules of one labelling act: what makes sense, who may do it, in which order, and how it is taken back."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from db import act_place as place
from db import event_log
from db import labels as rows
from db import sessions as queues
from db.models import LabelEvent, LabelSession, Reader
from mmdnet.labels.grading import TASK_NAMES, TASKS, Grades
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused, PatchGrades, Saved
from mmdnet.workflows.services import Services, must_get

log = logging.getLogger(__name__)
ACTS = ("grade", "ignore", "clear", "flag")
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
HIGHEST = {task.name: task.highest for task in TASKS}
LONGEST_MS = 24 * 3600 * 1000
IDENTITY = ("session_id", "reader_id", "patch_id", "act", "ignored", "flagged")


@contextmanager
def _refusals_logged(reader_id: int, session_id: int | None) -> Iterator[None]:
    """Whatever is refused stands in the log, with who and why."""
    try:
        yield
    except LabelRefused as refusal:
        log.warning("label refused to reader %s in session %s: %s", reader_id, session_id, refusal)
        raise


class Acts:
    """Use cases reachable as `lab.labels.acts`: giving labels and taking them back."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def put(self, act: LabelAct) -> Saved:
        """Append one act. Sent again with the same key and content it changes nothing and says so.

        Raises:
            LabelRefused: no such patch, task or grade; not this reader's session or queue; a key used for something
                else; or it comes late (see `LabelAct.based_on`). Logged; nothing was changed.
        """
        with _refusals_logged(act.reader_id, act.session_id), event_log.appending(self._services.db) as session:
            return put(session, act)

    def undo(self, session_id: int, reader_id: int, key: str | None = None, undoes: str | None = None) -> list[int]:
        """Take back the reader's last act of the session that stands (a bulk act as one); the patches it was on.

        Args:
            key: idempotency key of the undo itself.
            undoes: the act that the reader saw as the last; refused if another one is.

        Raises:
            LabelRefused: it is not the reader's session, or `undoes` is not the last act.
        """
        with _refusals_logged(reader_id, session_id), event_log.appending(self._services.db) as session:
            own_session(session, session_id, reader_id)
            key = checked_key(key or f"undo-{uuid.uuid4().hex}")
            done = rows.with_keys(session, [key, f"{key}:0"])
            if done:
                undone = rows.with_keys(session, [str(done[0].shown["undoes"])])
                return [event.patch_id for event in _whole_act(session, undone[0])]
            last = rows.last_standing(session, session_id, reader_id)
            if undoes is not None and (last is None or undoes not in {last.key, last.shown.get("batch")}):
                raise LabelRefused("That label is no longer your last one, so it was not undone. Nothing was changed.")
            if last is None:
                return []
            events = _whole_act(session, last)
            keys = [f"{key}:{n}" for n in range(len(events))] if "batch" in last.shown else [key]
            event_log.append(session, undoing(session, events, keys))
            return [event.patch_id for event in events]

    def put_many(
        self,
        project_id: int,
        reader_id: int,
        labels: Sequence[PatchGrades],
        session_id: int | None = None,
        act: str = "bulk",
        key: str | None = None,
        shown: Mapping[str, Any] | None = None,
    ) -> int:
        """Many patches labelled as one act (`bulk` or `import`), which `undo` takes back as one; how many.

        Raises:
            LabelRefused: a patch or grade does not exist, a patch comes twice, or the session is another reader's.
                Nothing was changed.
        """
        patches = [label.patch_id for label in labels]
        with _refusals_logged(reader_id, session_id), event_log.appending(self._services.db) as session:
            key = checked_key(key or f"{act}-{uuid.uuid4().hex}")
            if act not in ("bulk", "import"):
                raise LabelRefused("Many labels at once come as a bulk act or an import. Nothing was changed.")
            for label in labels:
                check_state("ignore" if label.ignored else "grade", label.grades, label.ignored)
            must_get(session, Reader, reader_id, "reader")
            if session_id is not None:
                own_session(session, session_id, reader_id)
            if rows.with_keys(session, [f"{key}:0"]):
                return len(labels)
            if len(set(patches)) < len(patches):
                raise LabelRefused("A patch comes twice in one act. Nothing was changed.")
            if set(patches) - queues.patches_in_project(session, project_id, patches):
                raise LabelRefused("Some of these patches do not belong to this project. Nothing was changed.")
            facts = dict(shown or {}) | {"batch": key, "of": len(labels)}
            return event_log.append(
                session,
                (
                    event_log.NewEvent(
                        f"{key}:{n}",
                        session_id,
                        reader_id,
                        label.patch_id,
                        act,
                        label.grades,
                        label.ignored,
                        label.flagged,
                        facts,
                    )
                    for n, label in enumerate(labels)
                ),
            )


def checked_key(key: str) -> str:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise LabelRefused("The label came without a proper key, so it could not be kept apart from others.")
    return key


def own_session(session: Session, session_id: int, reader_id: int) -> LabelSession:
    row = session.get(LabelSession, session_id)
    if row is None:
        raise LabelRefused(f"There is no label session with the number {session_id}. Nothing was changed.")
    if row.reader_id != reader_id:
        raise LabelRefused("This label session belongs to another reader. Nothing was changed.")
    return row


def check_state(act: str, grades: Mapping[str, Any], ignored: bool) -> None:
    """Whether these grades exist, and an ignored or cleared patch has none."""
    for name, grade in grades.items():
        if name not in HIGHEST:
            raise LabelRefused(f"There is no task called {str(name)[:40]}. Nothing was changed.")
        if grade is not None and (type(grade) is not int or not 0 <= grade <= HIGHEST[name]):
            raise LabelRefused(
                f"{name.capitalize()} has grades 0 to {HIGHEST[name]}, not {grade!r}. Nothing was changed."
            )
    known = any(grades.get(name) is not None for name in HIGHEST)
    if known and (ignored or act in ("ignore", "clear")):
        raise LabelRefused("A patch that is ignored or cleared has no grades. Nothing was changed.")
    if (act in ("grade", "clear") and ignored) or (act == "ignore" and not ignored):
        raise LabelRefused("A patch is either graded or ignored. Nothing was changed.")


def _event_of(act: LabelAct) -> event_log.NewEvent:
    """The event an act becomes, once its own content is found to make sense."""
    checked_key(act.key)
    if act.act not in ACTS:
        raise LabelRefused(f"There is no labelling act called {str(act.act)[:40]}. Nothing was changed.")
    check_state(act.act, act.grades, act.ignored)
    took = act.took_ms
    if took is not None:
        took = min(max(int(took), 0), LONGEST_MS)
    grades = Grades(**{name: act.grades.get(name) for name in TASK_NAMES})
    return event_log.NewEvent(
        key=act.key,
        session_id=act.session_id,
        reader_id=act.reader_id,
        patch_id=act.patch_id,
        act=act.act,
        grades=grades,
        ignored=act.ignored,
        flagged=act.flagged,
        shown=dict(act.shown),
        took_ms=took,
    )


def put(session: Session, act: LabelAct) -> Saved:
    event = _event_of(act)
    meets = place.look(session, act.key, act.session_id, act.reader_id, act.patch_id)
    if meets.key_used:
        there = rows.with_keys(session, [act.key])[0]
        same = all(getattr(there, name) == getattr(event, name) for name in IDENTITY)
        if not same or Grades.of(there) != event.grades:
            raise LabelRefused("This key was used for another label already. Nothing was changed.")
        return Saved(act.key, act.patch_id, already=True)
    if meets.reader_id != act.reader_id:
        own_session(session, act.session_id, act.reader_id)  # says what is wrong with it
    if not meets.queued:
        raise LabelRefused("This patch is not in your queue, so its label was not taken. Nothing was changed.")
    if act.based_on is not ... and meets.newest_key != act.based_on:
        raise LabelRefused("You gave this patch another label in the meantime; this late one was not taken.")
    event_log.append(session, [event])
    return Saved(act.key, act.patch_id, already=False)


def undoing(session: Session, act: Sequence[LabelEvent], keys: Sequence[str]) -> list[event_log.NewEvent]:
    """The events that put the patches of an act back to what they were in this label session before it.

    A label from outside the session comes back by a second event, of no session, so that a repeat read stays open and
    blind.
    """
    inside, anywhere = rows.before(session, act, inside=True), rows.before(session, act, inside=False)
    back = []
    for event, key in zip(act, keys, strict=True):
        within, outside = inside.get(event.patch_id), anywhere.get(event.patch_id)
        back.append(_restoring(event, within, event.session_id, key))
        if outside is not None and (within is None or outside.id > within.id):
            back.append(_restoring(event, outside, None, f"{key}-restored"))
    return back


def _restoring(event: LabelEvent, state: LabelEvent | None, session_id: int | None, key: str) -> event_log.NewEvent:
    return event_log.NewEvent(
        key=key,
        session_id=session_id,
        reader_id=event.reader_id,
        patch_id=event.patch_id,
        act="undo",
        grades=Grades.of(state) if state else Grades(),
        ignored=state.ignored if state else False,
        flagged=state.flagged if state else False,
        shown={"undoes": event.key},
    )


def _whole_act(session: Session, event: LabelEvent) -> list[LabelEvent]:
    """The events of the act that this one is of: of a bulk act all, else itself."""
    name = event.shown.get("batch")
    return rows.with_keys(session, [f"{name}:{n}" for n in range(event.shown["of"])]) if name else [event]
