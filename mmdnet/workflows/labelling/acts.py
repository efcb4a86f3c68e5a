"""The rules of one labelling act: what makes sense, who may do it, in which order, and how it is taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from db import act_place as place
from db import event_log
from db import labels as rows
from db.models import LabelEvent, LabelSession
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.workflows.labelling.views import LabelAct, LabelRefused, Saved

ACTS = ("grade", "ignore", "clear", "flag")
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
HIGHEST = {task.name: task.highest for task in TASKS}
LONGEST_MS = 24 * 3600 * 1000
IDENTITY = ("session_id", "reader_id", "patch_id", "act", "ignored", "flagged", *TASK_NAMES)


def grades_of(event: LabelEvent) -> dict[str, int | None]:
    return {name: getattr(event, name) for name in TASK_NAMES}


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
    grades = {name: act.grades.get(name) for name in TASK_NAMES}
    return event_log.NewEvent(
        key=act.key,
        session_id=act.session_id,
        reader_id=act.reader_id,
        patch_id=act.patch_id,
        act=act.act,
        ignored=act.ignored,
        flagged=act.flagged,
        shown=dict(act.shown),
        took_ms=took,
        **grades,
    )


def put(session: Session, act: LabelAct) -> Saved:
    event = _event_of(act)
    found = place.look(session, act.key, act.session_id, act.reader_id, act.patch_id)
    if found.key_used:
        there = rows.with_keys(session, [act.key])[0]
        if any(getattr(there, name) != getattr(event, name) for name in IDENTITY):
            raise LabelRefused("This key was used for another label already. Nothing was changed.")
        return Saved(act.key, act.patch_id, already=True)
    if found.reader_id != act.reader_id:
        own_session(session, act.session_id, act.reader_id)  # says what is wrong with it
    if not found.queued:
        raise LabelRefused("This patch is not in your queue, so its label was not taken. Nothing was changed.")
    if act.based_on is not ... and found.newest_key != act.based_on:
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
        ignored=state.ignored if state else False,
        flagged=state.flagged if state else False,
        shown={"undoes": event.key},
        **(grades_of(state) if state else {}),
    )
