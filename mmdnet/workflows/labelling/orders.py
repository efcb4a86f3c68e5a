"""The order of open label sessions, taken anew from what a model has learnt since: their plans stay, and so do the
patches drawn at random, the places that have a label, and the next few, which a browser may show already.

A patch that gives up its place is set back (`db.sessions.ASKED`), so that no key pressed on it meanwhile is refused.
"""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from db import event_log
from db import sessions as queues
from db.models import LabelSession
from mmdnet.labels.plans import PLANS, PREDICTIONS
from mmdnet.labels.queue import KEPT_PLACES, Candidates, plan_queue
from mmdnet.workflows.labelling.plans import Planner
from mmdnet.workflows.labelling.views import SessionPlan
from mmdnet.workflows.services import Services, must_get


class Orders:
    """Use cases reachable as `lab.labels.orders`."""

    def __init__(self, services: Services, planner: Planner) -> None:
        self._services = services
        self._planner = planner

    def follow(self, project_id: int, light: int) -> list[int]:
        """Lay the open places of the project's sessions that go by a model anew; the sessions that were.

        `light` is the number of the light model they now go by; it is kept with each, and its browser asks for it.
        """
        with self._services.db() as session:
            wanted = [row.id for row in queues.sessions_of(session, project_id) if follows(row)]
        return [session_id for session_id in wanted if self._lay_anew(session_id, light)]

    def _lay_anew(self, session_id: int, light: int) -> bool:
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            before = _open(session, row)
            if not before:
                return False
            plan, chosen = PLANS[SessionPlan.of(row.plan).plan or ""], SessionPlan.of(row.plan)
            known, _ = self._planner.candidates(session, row.project_id, row.reader_id, plan, chosen.slides or ())
            taken = queues.queued_patches(session, session_id) - {patch for _, patch, _ in before}
        free = [n for n, patch in enumerate(known.patch_id.tolist()) if patch not in taken]
        assert known.acquisition is not None
        assert known.run_id is not None
        candidates = Candidates(
            known.patch_id[free], known.slide_id[free], acquisition=known.acquisition[free], run_id=known.run_id[free]
        )
        size = {"total": len(before)} if chosen.total is not None else {
            "per_slide": Counter(slide for *_, slide in before)
        }  # fmt: skip
        picks = plan_queue(candidates, order=plan.order, seed=row.seed, audit_share=0.0, **size)  # type: ignore[arg-type]
        wanted = [pick.patch_id for pick in picks]
        with event_log.appending(self._services.db) as session:
            row = must_get(session, LabelSession, session_id, "label session")
            still = {patch: position for position, patch, _ in _open(session, row)}
            places = [(position, patch) for position, patch, _ in before if still.get(patch) == position]
            gone = queues.queued_patches(session, session_id) - {patch for _, patch in places}
            now = [patch for patch in wanted if patch not in gone]
            now += [patch for _, patch in places if patch not in set(now)]  # where nothing better is known
            queues.lay_anew(session, session_id, places, now[: len(places)])
            row.plan = {**row.plan, "light": light}
        return True


def _open(session: Session, row: LabelSession) -> list[tuple[int, int, int]]:
    """Places of a session that may be laid anew: (position, patch id, slide id)."""
    first = queues.first_open(session, row.id, row.reader_id)
    if first is None:
        return []
    return queues.open_places(session, row.id, row.reader_id, first + KEPT_PLACES)


def follows(row: LabelSession) -> bool:
    """Whether a session's order is a model's."""
    chosen = SessionPlan.of(row.plan)
    plan = PLANS.get(chosen.plan or "")
    return chosen.kind == "plan" and plan is not None and plan.needs is PREDICTIONS
