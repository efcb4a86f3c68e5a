"""Reading again: second and repeat reads, and disagreements to settle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from sqlalchemy.orm import Session

from db import atlas, event_log, readings
from db import labels as rows
from db import sessions as queues
from db.blind_table import BlindTable, blind_table
from db.models import LabelSession, Project, Reader
from mmdnet.errors import LabError
from mmdnet.labels.grading import UNKNOWN
from mmdnet.workflows.labelling.agreement_views import ReviewView
from mmdnet.workflows.labelling.sessions import session_view
from mmdnet.workflows.labelling.views import SessionPlan, SessionView
from mmdnet.workflows.services import Services, must_get

TITLES = {"second": "Second reads", "repeat": "Repeat reads", "adjudication": "Disagreements"}
KINDS = tuple(TITLES)
WASHOUT_DAYS = 14
NO_GRADE = 127  # above every grade: where none is known, none is lowest


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
            waiting = _waiting(session, project_id, reader_id, washout_days, KINDS)
            return [_review(session, reader_id, kind, mine, len(waiting[kind])) for kind in KINDS]

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
    eligible = _waiting(session, project_id, reader_id, washout_days, (kind,))[kind]
    take = len(eligible) if kind == "adjudication" else round(len(eligible) * share + 0.4999)
    if take == 0:
        raise LabError("There is nothing to read: no patch fits this kind of review yet.")
    return np.random.default_rng(seed).permutation(eligible)[:take].tolist()


def _waiting(
    session: Session, project_id: int, reader_id: int, washout_days: float, kinds: Sequence[str]
) -> dict[str, np.ndarray]:
    """The patches of each of these kinds of review, in the order of their ids (see `patches_to_review`)."""
    blind = blind_table(session, project_id)
    waiting: dict[str, np.ndarray] = {}
    if "repeat" in kinds:
        before = datetime.now(UTC) - timedelta(days=washout_days)
        waiting["repeat"] = blind.patch[(blind.reader == reader_id) & (blind.at_s <= before.timestamp())]
    if "second" in kinds or "adjudication" in kinds:
        mine = rows.labelled_patches(session, project_id, reader_id)
        queued = queues.queued_for(session, project_id, reader_id, ("adjudication",))
        told = mine | atlas.shown_to(session, reader_id) | queued
        asked = queues.queued_for(session, project_id, reader_id, queues.BLIND_KINDS) - mine
        settled = {reading.patch_id: reading.id for reading in readings.settled(session, project_id)}
        waiting["second"] = _without(blind.patch, told)
        waiting["adjudication"] = _without(_unsettled(blind, settled), asked)
    return waiting


def _without(patches: np.ndarray, others: set[int]) -> np.ndarray:
    return np.setdiff1d(patches, np.fromiter(others, np.int64, len(others)))


def _unsettled(blind: BlindTable, settled: Mapping[int, int]) -> np.ndarray:
    """Patches on which blind readings differ, one of them newer than what settled the patch last (its label event)."""
    if not len(blind):
        return blind.patch
    patches, first = np.unique(blind.patch, return_index=True)
    known = blind.grades != UNKNOWN
    lowest = np.minimum.reduceat(np.where(known, blind.grades, NO_GRADE), first)
    highest = np.maximum.reduceat(blind.grades, first)
    ignored = np.minimum.reduceat(blind.ignored, first) != np.maximum.reduceat(blind.ignored, first)
    differ = ignored | (lowest < highest).any(axis=1)
    newest = np.maximum.reduceat(blind.id, first)
    done = np.array([settled.get(patch, 0) for patch in patches[differ].tolist()], np.int64)
    return patches[differ][newest[differ] > done]


def _review(session: Session, reader_id: int, kind: str, mine: Sequence[LabelSession], waiting: int) -> ReviewView:
    for row in mine:
        if SessionPlan.of(row.plan).kind == kind:
            asked, labelled = queues.progress(session, row.id, reader_id)
            if asked > labelled:
                return ReviewView(kind, waiting, row.id, asked - labelled)
    return ReviewView(kind, waiting, None, 0)
