"""Which patches to ask a reader for, and in which order: pure functions over patch ids, nothing read, nothing stored.

Every plan keeps a random audit stream beside it (default 20 %): patches drawn evenly from each slide whatever the plan
prefers, because random is hard to beat and a plan's own picks cannot say how good labels or model are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError

KEPT_PLACES = 12  # from the first without a label on, which stay when an open session's order is taken anew
BLOCK = 6  # patches of one slide in a row: stains do not change at every key
FIRST_BLOCK = 2  # in the first round, so that every slide has labels early on
FAT_CUTS = (0.02, 0.10, 0.25)  # area shares that split patches into kinds of tissue when nothing better is known


@dataclass(frozen=True)
class Candidates:
    """Patches that may be asked for.

    Attributes:
        patch_id: shape (n,), unique.
        slide_id: shape (n,).
        tissue_kind: shape (n,), a small integer (a cluster of features, a class of fat area).
        acquisition: shape (n,), higher is asked for sooner, NaN is not asked for at all; only ranked orders read it.
        run_id: shape (n,), a small integer for slides that were stained and scanned alike; None where nobody knows.
        only_plan: shape (n,) bool, True where the audit stream may not draw (patches the reader has labelled before).
    """

    patch_id: np.ndarray
    slide_id: np.ndarray
    tissue_kind: np.ndarray | None = None
    acquisition: np.ndarray | None = None
    only_plan: np.ndarray | None = None
    run_id: np.ndarray | None = None

    def __post_init__(self) -> None:
        given = (self.slide_id, self.tissue_kind, self.acquisition, self.only_plan, self.run_id)
        if any(array is not None and array.shape != self.patch_id.shape for array in given):
            raise ValueError("every array of the candidates has one number per patch")


@dataclass(frozen=True, slots=True)
class Pick:
    """One place in a queue; `stream` is plan or audit."""

    patch_id: int
    stream: str


def fat_kind(fat_area_share: np.ndarray) -> np.ndarray:
    """Kind of tissue by measured fat (shares 0-1, NaN where not measured): 0-3, or 4 for not measured."""
    kind = np.digitize(fat_area_share, FAT_CUTS)
    return np.where(np.isnan(fat_area_share), len(FAT_CUTS) + 1, kind)


def _random(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:wanted]


def _stratified(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """As many of each kind of tissue as there are, as evenly as possible: kinds take turns, each in random order."""
    if candidates.tissue_kind is None:
        raise LabError("The stratified plan needs to know what the tissue looks like; nothing is known yet.")
    shuffled = rng.permutation(rows)
    kinds = candidates.tissue_kind[shuffled]
    order = np.argsort(kinds, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(kinds[order])) + 1] if order.size else np.array([], dtype=int)
    turn = np.arange(order.size) - np.repeat(starts, np.diff(np.r_[starts, order.size]))
    return shuffled[order[np.lexsort((rng.random(order.size), turn))]][:wanted]


def _ranked(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """The highest acquisition value first; ties in random order; nothing without a value."""
    if candidates.acquisition is None:
        raise LabError("This plan follows a model's scores; score the slides first, or choose the random plan.")
    rows = rows[~np.isnan(candidates.acquisition[rows])]
    return rows[np.lexsort((rng.random(rows.size), -candidates.acquisition[rows]))][:wanted]


def _shuffled(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Those of the highest values, in random order: where the order would tell what others gave."""
    return rng.permutation(_ranked(rows, candidates, wanted, rng))


ORDERS: Mapping[str, Callable[[np.ndarray, Candidates, int, np.random.Generator], np.ndarray]] = {
    "random": _random,
    "stratified": _stratified,
    "ranked": _ranked,
    "shuffled": _shuffled,
}


def plan_queue(
    candidates: Candidates,
    per_slide: int | Mapping[int, int] | None = None,
    order: str = "random",
    seed: int = 0,
    audit_share: float = 0.2,
    block: int = BLOCK,
    total: int | None = None,
) -> list[Pick]:
    """The queue of a session: as many patches as asked for, in blocks of one slide that take turns.

    Args:
        candidates: what may be asked for.
        per_slide: how many per slide, audit stream included; one number, or one per slide id (a quota).
        order: one of `ORDERS`.
        seed: the same seed over the same candidates gives the same queue.
        audit_share: share 0-1 of the patches drawn at random whatever the plan; for the random plan the audit stream
            is a marked part of the same draw.
        block: patches of one slide in a row; in the first round fewer. Wherever a reader stops, slides have about as
            many labels, and so has each run for its number of slides.
        total: in place of `per_slide`, how many over all slides, wherever the plan finds them.

    Returns:
        Fewer than asked for where no more patches have a value: the audit stream does not fill up for it.

    Raises:
        LabError: there is no such order, a number is out of range, or the order lacks what it goes by.
    """
    _check(per_slide, order, audit_share, total)
    rng = np.random.default_rng(seed)
    by_slide = np.argsort(candidates.slide_id, kind="stable")
    cuts = np.flatnonzero(np.diff(candidates.slide_id[by_slide])) + 1
    groups = [by_slide] if total is not None else np.split(by_slide, cuts)
    audits, chosen = [], []
    for rows in groups if by_slide.size else []:
        wanted = total if total is not None else _quota(per_slide, int(candidates.slide_id[rows[0]]))
        audit = _audit(rows, candidates, round(min(wanted, rows.size) * audit_share), rng)
        rest = rows if not audit.size else np.setdiff1d(rows, audit, assume_unique=True)
        audits.append(audit)
        chosen.append(ORDERS[order](rest, candidates, min(wanted, rows.size) - audit.size, rng))
    if not chosen:
        return []
    return _in_blocks(candidates, np.concatenate(audits), np.concatenate(chosen), block, rng)


def planned_number(
    sizes: Mapping[int, int], per_slide: int | Mapping[int, int] | None, audit_share: float, total: int | None = None
) -> tuple[int, int]:
    """How many patches `plan_queue` would ask for, and how many of them of the audit stream, without drawing them.

    Of orders that give every candidate a place, and candidates that all may be drawn for the audit.

    Args:
        sizes: candidates by slide.

    Raises:
        LabError: as `plan_queue`.
    """
    _check(per_slide, "random", audit_share, total)
    groups = [(sum(sizes.values()), total)] if total is not None else []
    groups = groups or [(size, _quota(per_slide, slide)) for slide, size in sizes.items()]
    asked = [min(wanted or 0, size) for size, wanted in groups]
    return sum(asked), sum(round(number * audit_share) for number in asked)


def number_of_each(sizes: Collection[int], wanted: int) -> int:
    """The least number of patches per slide that comes to `wanted` in all, of slides of these sizes; all of the largest
    where they are fewer."""
    ascending = sorted(sizes)
    for place, size in enumerate(ascending):
        each = -(-wanted // (len(ascending) - place))
        if each <= size:
            return max(each, 0)
        wanted -= size
    return max(ascending, default=0)


def _check(per_slide: int | Mapping[int, int] | None, order: str, audit_share: float, total: int | None) -> None:
    if order not in ORDERS:
        raise LabError(f"There is no order called {order}. Known are {', '.join(ORDERS)}.")
    if not 0 <= audit_share <= 1:
        raise LabError("The share of random audit patches is a number from 0 to 1.")
    if (per_slide is None) == (total is None):
        raise LabError("Say either how many patches of each slide or how many in all.")
    numbers = per_slide.values() if isinstance(per_slide, Mapping) else [per_slide, total]
    if any(number is not None and number < 0 for number in numbers):
        raise LabError("The number of patches cannot be negative.")


def _quota(per_slide: int | Mapping[int, int] | None, slide_id: int) -> int:
    return per_slide.get(slide_id, 0) if isinstance(per_slide, Mapping) else per_slide or 0


def _audit(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    if candidates.only_plan is not None:
        rows = rows[~candidates.only_plan[rows]]
    return rng.permutation(rows)[:wanted]


def _in_blocks(
    candidates: Candidates, audit: np.ndarray, chosen: np.ndarray, block: int, rng: np.random.Generator
) -> list[Pick]:
    """Audit and plan mixed slide by slide so that neither can be told, then slides in turns of a block each."""
    rows = np.concatenate([chosen, audit])
    is_audit = np.arange(rows.size) >= chosen.size
    place = np.empty(rows.size)
    slides, slide = np.unique(candidates.slide_id[rows], return_inverse=True)
    for number in range(slides.size):
        mine = slide == number
        own, drawn = np.flatnonzero(mine & ~is_audit), np.flatnonzero(mine & is_audit)
        places = rng.permutation(own.size + drawn.size)
        place[drawn] = places[: drawn.size]
        place[own] = np.sort(places[drawn.size :])  # the plan's order stays
    first = np.unique(slide, return_index=True)[1]
    turn = _turns(slides.size, None if candidates.run_id is None else candidates.run_id[rows[first]], rng)[slide]
    early = min(FIRST_BLOCK, block)
    order = np.lexsort((place, turn, np.where(place < early, 0, 1 + (place - early) // block)))
    ids = candidates.patch_id[rows[order]].tolist()
    streams = is_audit[order].tolist()
    return [Pick(patch, "audit" if drawn else "plan") for patch, drawn in zip(ids, streams, strict=True)]


def _turns(slides: int, run_id: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Place of each slide in a round, shape (slides,), in an order of the seed's that is the same in every round.

    Slides of one run are spread evenly over the round, so that whatever part of it is gone through holds the runs in
    their proportion to within a slide.
    """
    luck = rng.permutation(slides)
    if run_id is None:
        return luck
    spread = np.empty(slides)
    for run in np.unique(run_id):
        mine = np.flatnonzero(run_id == run)
        spread[mine[np.argsort(luck[mine])]] = (np.arange(mine.size) + 0.5) / mine.size
    turn = np.empty(slides, dtype=np.int64)
    turn[np.lexsort((luck, spread))] = np.arange(slides)
    return turn
