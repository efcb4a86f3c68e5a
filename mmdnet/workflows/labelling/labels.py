"""Labelling: sessions and queues, acts that are never lost or misplaced, and what the labels amount to.

Every act is an event appended to a hash-chained log (`db.labels`). The rules of who may label what stand here, so that
the page, the HTTP routes and the command line cannot differ in them.
"""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import event_log
from db import labels as rows
from db import sessions as queues
from db.models import LabelEvent, Patch, Reader, Slide
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling import acts, label_sets
from mmdnet.workflows.labelling.agreement import LabelAgreement
from mmdnet.workflows.labelling.files import LabelFiles
from mmdnet.workflows.labelling.reviews import LabelReviews
from mmdnet.workflows.labelling.sessions import LabelSessions
from mmdnet.workflows.labelling.views import (
    AuditView,
    LabelAct,
    LabelChoice,
    LabelCounts,
    LabelRefused,
    LabelSet,
    PatchGrades,
    PatchLabelView,
    Saved,
)
from mmdnet.workflows.services import must_get

log = logging.getLogger(__name__)
_FIELDS = tuple(field.name for field in fields(PatchGrades))


@contextmanager
def _refusals_logged(reader_id: int, session_id: int | None) -> Iterator[None]:
    """Whatever is refused stands in the log, with who and why."""
    try:
        yield
    except LabelRefused as refusal:
        log.warning("label refused to reader %s in session %s: %s", reader_id, session_id, refusal)
        raise


class Labels(LabelSessions, LabelReviews, LabelAgreement, LabelFiles):
    """Use cases of labelling, reachable as `lab.labels`."""

    # Acts

    def put(self, act: LabelAct) -> Saved:
        """Append one act. Sent again with the same key and content it changes nothing and says so.

        Raises:
            LabelRefused: no such patch, task or grade; not this reader's session or queue; a key used for something
                else; or it comes late (see `LabelAct.based_on`). Logged; nothing was changed.
        """
        with _refusals_logged(act.reader_id, act.session_id), event_log.appending(self._services.db) as session:
            return acts.put(session, act)

    def undo(self, session_id: int, reader_id: int, key: str | None = None, undoes: str | None = None) -> list[int]:
        """Take back the reader's last act of the session that stands (a bulk act as one); the patches it was on.

        Args:
            key: idempotency key of the undo itself.
            undoes: the act that the reader saw as the last; refused if another one is.

        Raises:
            LabelRefused: it is not the reader's session, or `undoes` is not the last act.
        """
        with _refusals_logged(reader_id, session_id), event_log.appending(self._services.db) as session:
            acts.own_session(session, session_id, reader_id)
            key = acts.checked_key(key or f"undo-{uuid.uuid4().hex}")
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
            event_log.append(session, acts.undoing(session, events, keys))
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
            key = acts.checked_key(key or f"{act}-{uuid.uuid4().hex}")
            if act not in ("bulk", "import"):
                raise LabelRefused("Many labels at once come as a bulk act or an import. Nothing was changed.")
            for label in labels:
                acts.check_state("ignore" if label.ignored else "grade", label.grades, label.ignored)
            must_get(session, Reader, reader_id, "reader")
            if session_id is not None:
                acts.own_session(session, session_id, reader_id)
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
                    event_log.NewEvent(f"{key}:{n}", session_id, reader_id, act=act, shown=facts, **_plain(label))
                    for n, label in enumerate(labels)
                ),
            )

    # What the labels amount to

    def current(self, project_id: int, reader_id: int | None = None) -> list[PatchLabelView]:
        """Every reader's label of every patch as it stands, oldest first; only one reader's if given.

        For training, agreement and export. Pages show a reader only their own until they have read the patch.
        """
        with self._services.db() as session:
            return [_label_view(event, slide_id) for event, slide_id in rows.current(session, project_id, reader_id)]

    def counts(self, project_id: int) -> LabelCounts:
        """How many patches carry which grades; a patch labelled by several readers counts once per grade given."""
        labels = self.current(project_id)
        slides = {label.patch_id: label.slide_id for label in labels}
        return LabelCounts(
            patches=len(slides),
            ignored=len({label.patch_id for label in labels if label.ignored}),
            flagged=len({label.patch_id for label in labels if label.flagged}),
            readers=len({label.reader_id for label in labels}),
            grades={name: _tally(label.grades[name] for label in labels) for name in TASK_NAMES},
            slides=dict(Counter(slides.values())),
        )

    def label_set(self, project_id: int, choice: LabelChoice | None = None) -> LabelSet:
        """One row per patch that has a grade or is ignored, of the labels chosen; see `label_sets.build`."""
        with self._services.db() as session:
            return label_sets.build(session, project_id, choice or LabelChoice())

    def log_length(self) -> int:
        """How many events the log holds."""
        with self._services.db() as session:
            return session.scalar(select(func.count(LabelEvent.id))) or 0

    def log_state(self) -> str:
        """Hash of the newest event: changes whenever any label does."""
        with self._services.db() as session:
            return rows.last_hash(session)

    def verify(self) -> AuditView:
        """Whether every event of the log follows the one before, unchanged; names the first that does not."""
        with self._services.db() as session:
            verdict = event_log.verify(session)
            act = None if verdict.broken_id is None else _act_words(session, verdict.broken_id)
        return AuditView(verdict.events, verdict.last_hash, verdict.broken_id, verdict.reason, act)


def _act_words(session: Session, event_id: int) -> str:
    """Whose act it says it is, on which patch, and when: what the row holds now, whether it is true or not."""
    event = session.get_one(LabelEvent, event_id)
    reader, patch = session.get(Reader, event.reader_id), session.get(Patch, event.patch_id)
    slide = session.get(Slide, patch.slide_id) if patch else None
    where = f"{slide.name} at {patch.x_px0}, {patch.y_px0}" if slide and patch else f"patch {event.patch_id}"
    return f"{event.act} by {reader.name if reader else 'nobody known'} on {where}, {event.at:%Y-%m-%d %H:%M:%S} UTC"


def _tally(grades: Iterable[int | None]) -> dict[int, int]:
    return dict(sorted(Counter(grade for grade in grades if grade is not None).items()))


def _plain(label: PatchGrades) -> dict[str, Any]:
    """The label's fields by name; `asdict` would copy each value, for thousands of labels half of the time."""
    return {name: getattr(label, name) for name in _FIELDS}


def _whole_act(session: Session, event: LabelEvent) -> list[LabelEvent]:
    """The events of the act that this one is of: of a bulk act all, else itself."""
    name = event.shown.get("batch")
    return rows.with_keys(session, [f"{name}:{n}" for n in range(event.shown["of"])]) if name else [event]


def _label_view(event: LabelEvent, slide_id: int) -> PatchLabelView:
    return PatchLabelView(
        event_id=event.id,
        patch_id=event.patch_id,
        slide_id=slide_id,
        reader_id=event.reader_id,
        session_id=event.session_id,
        act=event.act,
        ballooning=event.ballooning,
        inflammation=event.inflammation,
        steatosis=event.steatosis,
        ignored=event.ignored,
        flagged=event.flagged,
        took_ms=event.took_ms,
        at=event.at,
    )
