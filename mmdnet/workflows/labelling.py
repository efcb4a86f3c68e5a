"""Labelling: sessions and queues, acts that are never lost or misplaced, and what the labels amount to.

Every act is an event appended to a hash-chained log (`db.labels`). The rules of who may label what stand here, so that
the page, the HTTP routes and the command line cannot differ in them.
"""

from __future__ import annotations

import logging
import statistics
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from db import labels as rows
from db import sessions as queues
from db.models import LabelEvent, LabelSession, Project, Reader
from db.projects import reader_named
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.labels.queue import Candidates, fat_look, plan_queue
from mmdnet.workflows import label_acts as acts
from mmdnet.workflows import label_reviews, label_sets, label_tables
from mmdnet.workflows.base import Desk, must_get
from mmdnet.workflows.label_views import (
    AuditView,
    ImportOutcome,
    LabelAct,
    LabelCounts,
    LabelRefused,
    LabelSet,
    OwnLabel,
    PatchGrades,
    PatchLabelView,
    Progress,
    QueueItemView,
    Saved,
    SessionView,
    SlideProgress,
)

log = logging.getLogger(__name__)

ENOUGH_FOR_PACE = 5
REVIEWS = {"second": "Second reads", "repeat": "Repeat reads", "adjudication": "Disagreements"}


class Labels:
    """Use cases of labelling, reachable as `lab.labels`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # Sessions and queues

    def sessions(self, project_id: int, reader_id: int | None = None) -> list[SessionView]:
        """The project's label sessions, newest first; only one reader's if given."""
        with self._desk.db() as session:
            return [_session_view(session, row) for row in queues.sessions_of(session, project_id, reader_id)]

    def session(self, session_id: int) -> SessionView:
        """One label session.

        Raises:
            LabError: there is none with that number.
        """
        with self._desk.db() as session:
            return _session_view(session, must_get(session, LabelSession, session_id, "label session"))

    def open_session(self, project_id: int, reader_id: int) -> SessionView | None:
        """The reader's newest session with a patch left to label; else the newest at all; None if there is none."""
        mine = self.sessions(project_id, reader_id)
        return next((view for view in mine if not view.finished), mine[0] if mine else None)

    def create_session(
        self,
        project_id: int,
        reader_id: int,
        name: str,
        slide_ids: Sequence[int],
        per_slide: int | Mapping[int, int],
        plan: str = "random",
        seed: int = 0,
        audit_share: float = 0.2,
    ) -> SessionView:
        """A new session over these slides; patches the reader has labelled already are not asked for again.

        Raises:
            LabError: nothing is left to ask for, or a choice is out of range.
        """
        name = _session_name(name)
        with rows.appending(self._desk.db) as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            known = rows.labelled_patches(session, project_id, reader_id)
            found = [row for row in queues.usable_patches(session, project_id, slide_ids) if row[0] not in known]
            table = np.array([(patch, slide) for patch, slide, _ in found], dtype=np.int64).reshape(-1, 2)
            fat = np.array([np.nan if share is None else share for *_, share in found], dtype=float)
            candidates = Candidates(table[:, 0], table[:, 1], look=fat_look(fat))
            picks = plan_queue(candidates, per_slide, plan, seed, audit_share)
            if not picks:
                raise LabError("These slides have no patches left that you have not labelled. Choose other slides.")
            choices = {"kind": "plan", "plan": plan, "audit_share": audit_share, "slides": sorted(map(int, slide_ids))}
            choices["per_slide"] = (
                per_slide if isinstance(per_slide, int) else {str(k): v for k, v in per_slide.items()}
            )
            row = LabelSession(project_id=project_id, reader_id=reader_id, name=name, plan=choices, seed=seed)
            session.add(row)
            session.flush()
            queues.append_items(session, row.id, [(pick.patch_id, pick.stream) for pick in picks])
            return _session_view(session, row)

    def create_review(
        self,
        project_id: int,
        reader_id: int,
        kind: str,
        share: float = 0.1,
        washout_days: float = 14,
        seed: int = 0,
    ) -> SessionView:
        """A session of second, repeat or adjudication reads; see `label_reviews.patches_to_review`.

        Raises:
            LabError: nothing is left to read, or a choice is out of range.
        """
        with rows.appending(self._desk.db) as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            patches = label_reviews.patches_to_review(session, project_id, reader_id, kind, share, washout_days, seed)
            choices = {"kind": kind, "share": share}
            row = LabelSession(project_id=project_id, reader_id=reader_id, name=REVIEWS[kind], plan=choices, seed=seed)
            session.add(row)
            session.flush()
            queues.append_items(session, row.id, [(patch, kind) for patch in patches])
            return _session_view(session, row)

    def add_to_queue(self, session_id: int, patch_ids: Iterable[int], stream: str = "region") -> int:
        """Ask for these patches next; how many were not in the queue yet.

        Raises:
            LabError: there is no such session, or a patch is not of its project.
        """
        with rows.appending(self._desk.db) as session:
            row = must_get(session, LabelSession, session_id, "label session")
            wanted = list(dict.fromkeys(int(patch) for patch in patch_ids))
            if set(wanted) - queues.patches_in_project(session, row.project_id, wanted):
                raise LabError("Some of these patches do not belong to this project. Nothing was added.")
            there = queues.queued_patches(session, session_id)
            new = [(patch, stream) for patch in wanted if patch not in there]
            queues.append_items(session, session_id, new, at=queues.first_open(session, session_id, row.reader_id))
            return len(new)

    def queue_region(self, project_id: int, reader_id: int, patch_ids: Iterable[int], stream: str = "region") -> int:
        """Ask the reader for these patches next, in the open session or a new one; how many were not queued yet."""
        view = self.open_session(project_id, reader_id)
        if view is None:
            with self._desk.db.begin() as session:
                must_get(session, Project, project_id, "project")
                must_get(session, Reader, reader_id, "reader")
                row = LabelSession(
                    project_id=project_id, reader_id=reader_id, name="Chosen by hand", plan={"kind": "plan"}
                )
                session.add(row)
                session.flush()
                session_id = row.id
        else:
            session_id = view.id
        return self.add_to_queue(session_id, patch_ids, stream)

    def queue(self, session_id: int, offset: int = 0, limit: int = 60) -> list[QueueItemView]:
        """The queue from a position on, with what its own reader gave in this session, and nobody else's labels."""
        with self._desk.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            items = queues.items(session, session_id, offset, limit)
            own = rows.latest_in_session(session, session_id, row.reader_id, [item.patch.id for item in items])
            return [self._item_view(item, own.get(item.patch.id)) for item in items]

    def progress(self, session_id: int) -> Progress:
        """How far the session is, per slide and in all, and how long the rest takes at the reader's own pace."""
        with self._desk.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            slides = tuple(
                SlideProgress(*numbers) for numbers in queues.progress_by_slide(session, session_id, row.reader_id)
            )
            total, done = sum(slide.patches for slide in slides), sum(slide.labelled for slide in slides)
            resume = queues.first_open(session, session_id, row.reader_id)
            times = rows.recent_times_ms(session, row.reader_id)
        pace = statistics.median(times) / 1000 if len(times) >= ENOUGH_FOR_PACE else None
        minutes = None if pace is None else (total - done) * pace / 60
        return Progress(slides, total, done, total if resume is None else resume, pace, minutes, tuple(times))

    def project_of(self, patch_id: int) -> int:
        """The project a patch belongs to.

        Raises:
            LabError: there is no such patch.
        """
        with self._desk.db() as session:
            found = queues.project_of_patch(session, patch_id)
        if found is None:
            raise LabError(f"There is no patch with the number {patch_id} here.")
        return found

    def check_reader(self, session_id: int, reader_id: int) -> None:
        """Whether the session is this reader's.

        Raises:
            LabelRefused: it is not, or there is none.
        """
        with self._desk.db() as session:
            acts.own_session(session, session_id, reader_id)

    def _item_view(self, item: queues.QueueRow, own: LabelEvent | None) -> QueueItemView:
        patch, slide = item.patch, item.slide
        side_um = (slide.patch_px or self._desk.settings.patch_px) * (slide.patch_mpp or self._desk.settings.patch_mpp)
        half_x, half_y = (side_um / (mpp or 1.0) / 2 for mpp in (slide.mpp_x, slide.mpp_y))
        return QueueItemView(
            position=item.position,
            patch_id=patch.id,
            slide_id=slide.id,
            slide_name=slide.name,
            stain=slide.stain,
            side_um=side_um,
            x_share=(patch.x_px0 + half_x) / slide.width_px0,
            y_share=(patch.y_px0 + half_y) / slide.height_px0,
            aspect=slide.width_px0 / slide.height_px0,
            own=None
            if own is None
            else OwnLabel(own.key, acts.grades_of(own), own.ignored, own.flagged, rows.is_label(own)),
        )

    # Acts

    def put(self, act: LabelAct) -> Saved:
        """Append one act. Sent again with the same key and content it changes nothing and says so.

        Raises:
            LabelRefused: no such patch, task or grade; not this reader's session or queue; a key used for something
                else; or it comes late (see `LabelAct.based_on`). Logged; nothing was changed.
        """
        try:
            with rows.appending(self._desk.db) as session:
                return acts.put(session, act)
        except LabelRefused as refusal:
            log.warning("label refused: %s (reader %s, patch %s)", refusal, act.reader_id, act.patch_id)
            raise

    def undo(self, session_id: int, reader_id: int, key: str | None = None, undoes: str | None = None) -> list[int]:
        """Take back the reader's last act of the session that stands (a bulk act as one); the patches it was on.

        Args:
            key: idempotency key of the undo itself.
            undoes: the act that the reader saw as the last; refused if another one is.

        Raises:
            LabelRefused: it is not the reader's session, or `undoes` is not the last act.
        """
        with rows.appending(self._desk.db) as session:
            acts.own_session(session, session_id, reader_id)
            key = acts.checked_key(key or f"undo-{uuid.uuid4().hex}")
            done = rows.with_keys(session, [key, f"{key}:0"])
            if done:
                return [event.patch_id for event in done]
            last = rows.last_standing(session, session_id, reader_id)
            if undoes is not None and (last is None or undoes not in {last.key, last.shown.get("batch")}):
                raise LabelRefused("That label is no longer your last one, so it was not undone. Nothing was changed.")
            if last is None:
                return []
            name = last.shown.get("batch")
            events = rows.with_keys(session, [f"{name}:{n}" for n in range(last.shown["of"])]) if name else [last]
            keys = [f"{key}:{n}" for n in range(len(events))] if name else [key]
            pairs = zip(events, keys, strict=True)
            rows.append(session, [back for event, own in pairs for back in acts.undoing(session, event, own)])
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
        key = acts.checked_key(key or f"{act}-{uuid.uuid4().hex}")
        if act not in ("bulk", "import"):
            raise LabelRefused("Many labels at once come as a bulk act or an import. Nothing was changed.")
        for label in labels:
            acts.check_state("ignore" if label.ignored else "grade", label.grades, label.ignored)
        patches = [label.patch_id for label in labels]
        with rows.appending(self._desk.db) as session:
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
            return rows.append(
                session,
                (
                    rows.NewEvent(f"{key}:{n}", session_id, reader_id, act=act, shown=facts, **asdict(label))
                    for n, label in enumerate(labels)
                ),
            )

    # What the labels amount to

    def current(self, project_id: int, reader_id: int | None = None) -> list[PatchLabelView]:
        """Every reader's label of every patch as it stands, oldest first; only one reader's if given.

        For training, agreement and export. Pages show a reader only their own until they have read the patch.
        """
        with self._desk.db() as session:
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

    def label_set(self, project_id: int, rule: str = "latest", reader_id: int | None = None) -> LabelSet:
        """One row per patch that has a grade or is ignored, by the project's rule; see `label_sets.build`."""
        with self._desk.db() as session:
            return label_sets.build(session, project_id, rule, reader_id)

    def agreement(
        self, project_id: int
    ) -> tuple[list[label_reviews.PairAgreement], list[label_reviews.GroupAgreement]]:
        """How far readers agree on the patches they have in common: every pair, and all together, per task."""
        with self._desk.db() as session:
            return label_reviews.pairs(session, project_id), label_reviews.group(session, project_id)

    def export_csv(self, project_id: int, reader_id: int | None = None) -> str:
        """Every reader's standing label of every patch as CSV; see `label_tables` for the columns."""
        with self._desk.db() as session:
            return label_tables.export_csv(session, project_id, reader_id)

    def import_csv(
        self, project_id: int, data: bytes, take_good: bool = False, reader: str | None = None
    ) -> ImportOutcome:
        """Put labels of a CSV in, each reader's as one undoable act; nothing if a line is wrong, unless `take_good`.

        `reader` is who gave them where the table does not say.
        """
        with self._desk.db() as session:
            read = label_tables.read_csv(session, project_id, data, reader)
        if read.problems and not take_good:
            return ImportOutcome(0, 0, read.problems)
        imported = 0
        for name, labels in read.new.items():
            imported += self.put_many(project_id, self._reader_named(name), labels, act="import")
        return ImportOutcome(imported, read.unchanged, read.problems)

    def _reader_named(self, name: str) -> int:
        with self._desk.db.begin() as session:
            reader = reader_named(session, name)
            if reader is None:
                reader = Reader(name=name)
                session.add(reader)
                session.flush()
            return reader.id

    def log_state(self) -> str:
        """Hash of the newest event: changes whenever any label does."""
        with self._desk.db() as session:
            return rows.last_hash(session)

    def verify(self) -> AuditView:
        """Whether every event of the log follows the one before, unchanged; names the first that does not."""
        with self._desk.db() as session:
            verdict = rows.verify(session)
        return AuditView(verdict.events, verdict.last_hash, verdict.broken_id, verdict.reason)


def _tally(grades: Iterable[int | None]) -> dict[int, int]:
    return dict(sorted(Counter(grade for grade in grades if grade is not None).items()))


def _session_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise LabError("A label session's name has 1 to 80 printable characters. Nothing was changed.")
    return name


def _session_view(session: Session, row: LabelSession) -> SessionView:
    numbers = queues.progress_by_slide(session, row.id, row.reader_id)
    return SessionView(
        id=row.id,
        project_id=row.project_id,
        reader_id=row.reader_id,
        name=row.name,
        kind=str(row.plan.get("kind", "plan")),
        plan=dict(row.plan),
        seed=row.seed,
        patches=sum(total for _, _, total, _ in numbers),
        labelled=sum(done for *_, done in numbers),
        created_at=row.created_at,
    )


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
