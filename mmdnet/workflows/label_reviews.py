"""Reading again: second and repeat reads, disagreements to settle, and how far readers agree."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from db import labels as rows
from db.models import LabelEvent, Reader
from mmdnet.errors import LabError
from mmdnet.labels import agreement
from mmdnet.labels.agreement import Estimate
from mmdnet.labels.grading import TASK_NAMES, TASKS, UNKNOWN

KINDS = ("second", "repeat", "adjudication")
RESAMPLES = 400


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two readers on one task, on the patches both graded: counts of grade pairs (rows the first), coefficients."""

    task: str
    first: str
    second: str
    counts: tuple[tuple[int, ...], ...]
    coefficients: dict[str, Estimate]

    @property
    def n(self) -> int:
        return sum(map(sum, self.counts))


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """All readers on one task: Fleiss' kappa (patches all graded) and Krippendorff's alpha (any two)."""

    task: str
    readers: int
    fleiss: Estimate
    alpha: Estimate


def patches_to_review(
    session: Session, project_id: int, reader_id: int, kind: str, share: float, washout_days: float, seed: int
) -> list[int]:
    """Patches of a review, in the seed's order.

    second: graded by others and not by this reader; repeat: graded by this reader before the washout; of both a random
    share. adjudication: all patches on which two readers' standing grades differ.

    Raises:
        LabError: there is no such kind, the share is out of range, or nothing is left to read.
    """
    if kind not in KINDS or not 0 < share <= 1:
        raise LabError(f"A review is one of {', '.join(KINDS)}, of a share above 0 and up to 1.")
    by_patch: dict[int, list[LabelEvent]] = defaultdict(list)
    for event, _ in rows.current(session, project_id):
        by_patch[event.patch_id].append(event)
    before = datetime.now(UTC) - timedelta(days=washout_days)
    wanted = {
        "second": lambda given: all(event.reader_id != reader_id for event in given),
        "repeat": lambda given: any(event.reader_id == reader_id and event.at <= before for event in given),
        "adjudication": _differ,
    }[kind]
    found = np.array(sorted(patch for patch, given in by_patch.items() if wanted(given)), dtype=np.int64)
    take = len(found) if kind == "adjudication" else round(len(found) * share + 0.4999)
    if take == 0:
        raise LabError("There is nothing to read: no patch fits this kind of review yet.")
    return np.random.default_rng(seed).permutation(found)[:take].tolist()


def _differ(given: list[LabelEvent]) -> bool:
    if len({event.ignored for event in given}) > 1:
        return True
    known = [{getattr(event, name) for event in given} - {None} for name in TASK_NAMES]
    return any(len(grades) > 1 for grades in known)


def grade_tables(session: Session, project_id: int) -> tuple[dict[str, np.ndarray], list[str], np.ndarray]:
    """Per task a table of shape (patches, readers), -1 where not graded; readers' names; slide of each patch."""
    found = rows.current(session, project_id)
    readers = sorted({event.reader_id for event, _ in found})
    patches = {patch: n for n, patch in enumerate(sorted({event.patch_id for event, _ in found}))}
    slides = np.zeros(len(patches), dtype=np.int64)
    tables = {name: np.full((len(patches), len(readers)), UNKNOWN) for name in TASK_NAMES}
    for event, slide_id in found:
        slides[patches[event.patch_id]] = slide_id
        for name in TASK_NAMES:
            grade = getattr(event, name)
            tables[name][patches[event.patch_id], readers.index(event.reader_id)] = UNKNOWN if grade is None else grade
    names = {reader.id: reader.name for reader in session.scalars(select(Reader).where(Reader.id.in_(readers)))}
    return tables, [names[reader] for reader in readers], slides


def pairs(session: Session, project_id: int) -> list[PairAgreement]:
    """Every two readers who graded a patch in common, per task, with 95 % bootstrap intervals."""
    tables, readers, slides = grade_tables(session, project_id)
    found = []
    for one, other in combinations(range(len(readers)), 2):
        for task in TASKS:
            both = tables[task.name][:, [one, other]]
            shared = (both != UNKNOWN).all(axis=1)
            if shared.any():
                pair = _pair(task.name, len(task.grades), both[shared], slides[shared])
                found.append(PairAgreement(task.name, readers[one], readers[other], *pair))
    return found


def _pair(
    task: str, grades: int, table: np.ndarray, slides: np.ndarray
) -> tuple[tuple[tuple[int, ...], ...], dict[str, Estimate]]:
    measures = {f"kappa, {kind}": partial(_cohen, grades=grades, kind=kind) for kind in agreement.WEIGHTS}
    measures["Gwet's AC2, quadratic"] = partial(_gwet, grades=grades)
    estimates = {
        name: agreement.bootstrap(measure, table, slides, resamples=RESAMPLES) for name, measure in measures.items()
    }
    counts = agreement.confusion(table[:, 0], table[:, 1], grades)
    return tuple(tuple(int(n) for n in row) for row in counts), estimates


def _cohen(table: np.ndarray, grades: int, kind: str) -> float | None:
    return agreement.cohen(agreement.confusion(table[:, 0], table[:, 1], grades), kind)


def _gwet(table: np.ndarray, grades: int) -> float | None:
    return agreement.gwet(agreement.confusion(table[:, 0], table[:, 1], grades))


def group(session: Session, project_id: int) -> list[GroupAgreement]:
    """All readers together, per task."""
    tables, readers, slides = grade_tables(session, project_id)
    found = []
    for task in TASKS:
        table, size = tables[task.name], len(task.grades)
        fleiss = agreement.bootstrap(partial(agreement.fleiss, grades=size), table, slides, resamples=RESAMPLES)
        alpha = agreement.bootstrap(partial(agreement.alpha, grades=size), table, slides, resamples=RESAMPLES)
        found.append(GroupAgreement(task.name, len(readers), fleiss, alpha))
    return found
