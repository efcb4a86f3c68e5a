"""Reading again: second and repeat reads, and disagreements to settle."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from db import atlas, event_log, readings
from db import labels as rows
from db import sessions as queues
from db.models import LabelSession, Project, Reader
from db.readings import Reading
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.labelling.agreement_views import ReviewView
from mmdnet.workflows.labelling.sessions import session_view
from mmdnet.workflows.labelling.views import SessionPlan, SessionView
from mmdnet.workflows.services import Services, must_get

TITLES = {"second": "Second reads", "repeat": "Repeat reads", "adjudication": "Disagreements"}
KINDS = tuple(TITLES)
WASHOUT_DAYS = 14


class Reviews:
    """Use cases reachable as `lab.labels.reviews`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of_reader(self, project_id: int, reader_id: int, washout_days: float = WASHOUT_DAYS) -> list[ReviewView]:
        """What this reader can read again, one entry for each of `KINDS`."""
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            mine = queues.sessions_of(session, project_id, reader_id)
            given = readings.blind(session, project_id)
            return [_review(session, project_id, reader_id, kind, washout_days, mine, given) for kind in KINDS]

    def create(
        self,
        project_id: int,
        reader_id: int,
        kind: str,
        share: float = 0.1,
        washout_days: float = 14,
        seed: int = 0,
    ) -> SessionView:
        """A session of second, repeat or adjudication reads; see `patches_to_review`.

        Raises:
            LabError: nothing is left to read, or a choice is out of range.
        """
        with event_log.appending(self._services.db) as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            patches = patches_to_review(session, project_id, reader_id, kind, share, washout_days, seed)
            plan = SessionPlan(kind=kind, share=share).kept()
            row = LabelSession(project_id=project_id, reader_id=reader_id, name=TITLES[kind], plan=plan, seed=seed)
            session.add(row)
            session.flush()
            queues.append_items(session, row.id, [(patch, kind) for patch in patches])
            return session_view(session, row)


def patches_to_review(
    session: Session, project_id: int, reader_id: int, kind: str, share: float, washout_days: float, seed: int
) -> list[int]:
    """Patches of a review, in the seed's order.

    second: graded by others and not by this reader; repeat: graded by this reader before the washout; of both a random
    share. adjudication: all patches on which two readers' blind grades differ and that nobody has settled since, but
    for those that wait for this reader's own blind label.

    Raises:
        LabError: there is no such kind, the share is out of range, or nothing is left to read.
    """
    if kind not in KINDS or not 0 < share <= 1:
        raise LabError(f"A review is one of {', '.join(KINDS)}, of a share above 0 and up to 1.")
    given = readings.blind(session, project_id)
    eligible = np.array(sorted(_eligible(session, project_id, reader_id, kind, washout_days, given)), dtype=np.int64)
    take = len(eligible) if kind == "adjudication" else round(len(eligible) * share + 0.4999)
    if take == 0:
        raise LabError("There is nothing to read: no patch fits this kind of review yet.")
    return np.random.default_rng(seed).permutation(eligible)[:take].tolist()


def _eligible(
    session: Session, project_id: int, reader_id: int, kind: str, washout_days: float, blind: Sequence[Reading]
) -> set[int]:
    given: dict[int, list[Reading]] = defaultdict(list)
    for reading in blind:
        given[reading.patch_id].append(reading)
    if kind == "second":
        mine = rows.labelled_patches(session, project_id, reader_id)
        told = atlas.shown_to(session, reader_id) | queues.queued_for(session, project_id, reader_id, ("adjudication",))
        return set(given) - mine - told
    if kind == "repeat":
        before = datetime.now(UTC) - timedelta(days=washout_days)
        return {
            patch
            for patch, of_patch in given.items()
            if any(reading.reader_id == reader_id and reading.at <= before for reading in of_patch)
        }
    done = {reading.patch_id: reading.id for reading in readings.settled(session, project_id)}
    mine = rows.labelled_patches(session, project_id, reader_id)
    waiting = queues.queued_for(session, project_id, reader_id, queues.BLIND_KINDS) - mine
    return {
        patch
        for patch, of_patch in given.items()
        if patch not in waiting and _differ(of_patch) and max(reading.id for reading in of_patch) > done.get(patch, 0)
    }


def _differ(given: list[Reading]) -> bool:
    if len({reading.ignored for reading in given}) > 1:
        return True
    known = [{reading.grades[name] for reading in given} - {None} for name in TASK_NAMES]
    return any(len(grades) > 1 for grades in known)


def _review(
    session: Session,
    project_id: int,
    reader_id: int,
    kind: str,
    washout_days: float,
    mine: Sequence[LabelSession],
    given: Sequence[Reading],
) -> ReviewView:
    waiting = len(_eligible(session, project_id, reader_id, kind, washout_days, given))
    for row in mine:
        if SessionPlan.of(row.plan).kind == kind:
            left = sum(total - done for _, _, total, done in queues.progress_by_slide(session, row.id, reader_id))
            if left:
                return ReviewView(kind, waiting, row.id, left)
    return ReviewView(kind, waiting, None, 0)
