"""Label sessions: who is asked for which patches, in which order, and how far that is."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from db import event_log
from db import labels as rows
from db import sessions as queues
from db.models import LabelEvent, LabelSession, Project, Reader
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.labels.plans import plan_named
from mmdnet.workflows.labelling import acts
from mmdnet.workflows.labelling.plans import Planned, Planner, PlanView
from mmdnet.workflows.labelling.views import (
    OwnLabel,
    Progress,
    QueueChoice,
    QueueItemView,
    SessionPlan,
    SessionPreview,
    SessionView,
    SlideProgress,
    newest_open,
)
from mmdnet.workflows.services import Services, must_get

ENOUGH_FOR_PACE = 5
NOTHING_LEFT = "These slides have no patches left for this plan to ask you for. Choose other slides or another plan."


class Sessions:
    """Use cases reachable as `lab.labels.sessions`."""

    def __init__(self, services: Services, planner: Planner) -> None:
        self._services = services
        self._planner = planner

    def of_project(self, project_id: int, reader_id: int | None = None) -> list[SessionView]:
        """The project's label sessions, newest first; only one reader's if given.

        One that asks for no patch is not among them: it holds what was given many at once, and is never gone through.
        """
        with self._services.db() as session:
            views = [session_view(session, row) for row in queues.sessions_of(session, project_id, reader_id)]
        return [view for view in views if view.patches]

    def get(self, session_id: int) -> SessionView:
        """One label session.

        Raises:
            LabError: there is none with that number.
        """
        with self._services.db() as session:
            return session_view(session, must_get(session, LabelSession, session_id, "label session"))

    def open(self, project_id: int, reader_id: int) -> SessionView | None:
        """The `newest_open` session of the reader."""
        return newest_open(self.of_project(project_id, reader_id))

    def create(self, project_id: int, reader_id: int, name: str, choice: QueueChoice) -> SessionView:
        """A new session of the reader.

        Patches the reader has labelled already are not asked for again, but by the plan that looks for disagreement.

        Raises:
            LabError: nothing is left to ask for, the plan cannot be followed yet, or a choice is out of range.
        """
        name = _session_name(name)
        planned = self._plan(project_id, reader_id, choice)
        if not planned.picks:
            raise LabError(NOTHING_LEFT)
        size = {"per_slide": choice.per_slide} if choice.total is None else {"total": choice.total}
        plan = SessionPlan.of(
            {
                "kind": "plan",
                "plan": plan_named(choice.plan).name,
                "audit_share": choice.audit_share,
                "slides": sorted(map(int, choice.slides)),
                **size,
                **planned.facts,
            }
        ).kept()
        with event_log.appending(self._services.db) as session:
            row = LabelSession(project_id=project_id, reader_id=reader_id, name=name, plan=plan, seed=choice.seed)
            session.add(row)
            session.flush()
            queues.append_items(session, row.id, [(pick.patch_id, pick.stream) for pick in planned.picks])
            return session_view(session, row)

    def plans(self, project_id: int, slide_ids: Sequence[int]) -> list[PlanView]:
        """Every sampling plan, and whether it can be followed on these slides yet."""
        with self._services.db() as session:
            return self._planner.views(session, project_id, slide_ids)

    def preview(self, project_id: int, reader_id: int, choice: QueueChoice) -> SessionPreview:
        """What `create` would ask for, and how long that takes at the reader's own pace; nothing is made.

        Raises:
            LabError: as `create`, but for a queue of no patches.
        """
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            patches, audit = self._planner.number(session, project_id, reader_id, choice)
            pace = _pace_s(rows.recent_times_ms(session, reader_id))
        return SessionPreview(patches, audit, pace, None if pace is None else patches * pace / 60)

    def _plan(self, project_id: int, reader_id: int, choice: QueueChoice) -> Planned:
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            return self._planner.work_out(session, project_id, reader_id, choice)

    def add_to_queue(self, session_id: int, patch_ids: Iterable[int], stream: str = "region") -> int:
        """Ask for these patches next; how many were not in the queue yet.

        Raises:
            LabError: there is no such session, or a patch is not of its project.
        """
        with event_log.appending(self._services.db) as session:
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
        view = self.open(project_id, reader_id)
        if view is None:
            with self._services.db.begin() as session:
                must_get(session, Project, project_id, "project")
                must_get(session, Reader, reader_id, "reader")
                row = LabelSession(
                    project_id=project_id,
                    reader_id=reader_id,
                    name="Chosen by hand",
                    plan=SessionPlan(kind="plan").kept(),
                )
                session.add(row)
                session.flush()
                session_id = row.id
        else:
            session_id = view.id
        return self.add_to_queue(session_id, patch_ids, stream)

    def queue(self, session_id: int, offset: int = 0, limit: int = 60) -> list[QueueItemView]:
        """The queue from a position on, with what its own reader gave in this session, and nobody else's labels.

        What a plan asks for and its reader has labelled in another session meanwhile comes with that label.
        """
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            items = queues.items(session, session_id, offset, limit)
            patches = [item.patch.id for item in items]
            own = rows.latest_in_session(session, session_id, row.reader_id, patches)
            if (given := queues.given_elsewhere(session, session_id)) is not None:
                planned = [item.patch.id for item in items if item.stream in queues.PLANNED]
                own |= {
                    event.patch_id: event for event in session.scalars(given.where(LabelEvent.patch_id.in_(planned)))
                }
            settling = SessionPlan.of(row.plan).kind == "adjudication"
            votes = rows.standing_of_others(session, row.reader_id, patches) if settling else {}
            return [self._item_view(item, own.get(item.patch.id), votes.get(item.patch.id, [])) for item in items]

    def progress(self, session_id: int) -> Progress:
        """How far the session is, per slide and in all, and how long the rest takes at the reader's own pace."""
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            slides = tuple(
                SlideProgress(*numbers) for numbers in queues.progress_by_slide(session, session_id, row.reader_id)
            )
            total, done = sum(slide.patches for slide in slides), sum(slide.labelled for slide in slides)
            resume = queues.first_open(session, session_id, row.reader_id)
            times = rows.recent_times_ms(session, row.reader_id)
        pace = _pace_s(times)
        minutes = None if pace is None else (total - done) * pace / 60
        return Progress(slides, total, done, total if resume is None else resume, pace, minutes, tuple(times))

    def project_of(self, patch_id: int) -> int:
        """The project a patch belongs to.

        Raises:
            LabError: there is no such patch.
        """
        with self._services.db() as session:
            project_id = queues.project_of_patch(session, patch_id)
        if project_id is None:
            raise LabError(f"There is no patch with the number {patch_id} here.")
        return project_id

    def check_reader(self, session_id: int, reader_id: int) -> None:
        """Whether the session is this reader's.

        Raises:
            LabelRefused: it is not, or there is none.
        """
        with self._services.db() as session:
            acts.own_session(session, session_id, reader_id)

    def _item_view(self, item: queues.QueueRow, own: LabelEvent | None, votes: Sequence[LabelEvent]) -> QueueItemView:
        patch, slide = item.patch, item.slide
        side_um = (slide.patch_px or self._services.settings.patch_px) * (
            slide.patch_mpp or self._services.settings.patch_mpp
        )
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
            else OwnLabel(own.key, dict(Grades.of(own)), own.ignored, own.flagged, rows.is_label(own)),
            votes=tuple(dict(Grades.of(vote)) for vote in votes),
        )


def _pace_s(times_ms: Sequence[int]) -> float | None:
    """Median seconds per patch; None before there are enough to say."""
    return statistics.median(times_ms) / 1000 if len(times_ms) >= ENOUGH_FOR_PACE else None


def _session_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80 or not name.isprintable():
        raise LabError("A label session's name has 1 to 80 printable characters. Nothing was changed.")
    return name


def session_view(session: Session, row: LabelSession) -> SessionView:
    """A session as it is told to pages: its choices and how far it is."""
    patches, labelled = queues.progress(session, row.id, row.reader_id)
    return SessionView(
        id=row.id,
        project_id=row.project_id,
        reader_id=row.reader_id,
        name=row.name,
        plan=SessionPlan.of(row.plan),
        seed=row.seed,
        patches=patches,
        labelled=labelled,
        created_at=row.created_at,
    )
