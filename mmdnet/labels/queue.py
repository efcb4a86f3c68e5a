"""Which patches to ask a reader for, and in which order: pure functions over patch ids, nothing read, nothing stored.

Every plan keeps a random audit stream beside it (default 20 %): patches drawn evenly from each slide whatever the plan
prefers, because random is hard to beat and a plan's own picks cannot say how good labels or model are elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError

BLOCK = 6  # patches of one slide in a row: stains do not change at every key, yet every slide has labels early on
FAT_CUTS = (0.02, 0.10, 0.25)  # area shares that split patches into looks when nothing better is known


@dataclass(frozen=True)
class Candidates:
    """Patches that may be asked for.

    Attributes:
        patch_id: shape (n,), unique.
        slide_id: shape (n,).
        look: shape (n,), a small integer per kind of tissue (a cluster of features, a class of fat area).
        worth: shape (n,), higher is asked for sooner; only ranked plans read it.
    """

    patch_id: np.ndarray
    slide_id: np.ndarray
    look: np.ndarray | None = None
    worth: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Pick:
    """One place in a queue; `stream` is plan or audit."""

    patch_id: int
    stream: str


def fat_look(fat_area_share: np.ndarray) -> np.ndarray:
    """Kind of tissue by measured fat (shares 0-1, NaN where not measured): 0-3, or 4 for not measured."""
    look = np.digitize(fat_area_share, FAT_CUTS)
    return np.where(np.isnan(fat_area_share), len(FAT_CUTS) + 1, look)


def _random(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(rows)[:wanted]


def _stratified(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """As many of each look as there are, as evenly as possible: looks take turns, each in random order."""
    if candidates.look is None:
        raise LabError("The stratified plan needs to know what the tissue looks like; nothing is known yet.")
    shuffled = rng.permutation(rows)
    looks = candidates.look[shuffled]
    order = np.argsort(looks, kind="stable")
    starts = np.r_[0, np.flatnonzero(np.diff(looks[order])) + 1] if order.size else np.array([], dtype=int)
    turn = np.arange(order.size) - np.repeat(starts, np.diff(np.r_[starts, order.size]))
    return shuffled[order[np.lexsort((rng.random(order.size), turn))]][:wanted]


def _ranked(rows: np.ndarray, candidates: Candidates, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """The highest worth first; ties in random order."""
    if candidates.worth is None:
        raise LabError("This plan follows a model's scores; score the slides first, or choose the random plan.")
    return rows[np.lexsort((rng.random(rows.size), -candidates.worth[rows]))][:wanted]


PLANS: Mapping[str, Callable[[np.ndarray, Candidates, int, np.random.Generator], np.ndarray]] = {
    "random": _random,
    "stratified": _stratified,
    "ranked": _ranked,
}


def plan_queue(
    candidates: Candidates,
    per_slide: int | Mapping[int, int],
    plan: str = "random",
    seed: int = 0,
    audit_share: float = 0.2,
    block: int = BLOCK,
) -> list[Pick]:
    """The queue of a session: from each slide as many patches as asked for, in blocks that take turns.

    Args:
        candidates: what may be asked for.
        per_slide: how many per slide, audit stream included; one number, or one per slide id (a quota).
        plan: one of `PLANS`.
        seed: the same seed over the same candidates gives the same queue.
        audit_share: share 0-1 of each slide's patches drawn at random whatever the plan; for the random plan the
            audit stream is a marked part of the same draw.
        block: patches of one slide in a row.

    Raises:
        LabError: there is no such plan, a number is out of range, or the plan lacks what it follows.
    """
    if plan not in PLANS:
        raise LabError(f"There is no sampling plan called {plan}. Known are {', '.join(PLANS)}.")
    if not 0 <= audit_share <= 1:
        raise LabError("The share of random audit patches is a number from 0 to 1.")
    rng = np.random.default_rng(seed)
    blocks: list[tuple[int, float, list[Pick]]] = []
    order = np.argsort(candidates.slide_id, kind="stable")
    cuts = np.flatnonzero(np.diff(candidates.slide_id[order])) + 1
    for rows in np.split(order, cuts) if order.size else []:
        slide = int(candidates.slide_id[rows[0]])
        wanted = per_slide.get(slide, 0) if isinstance(per_slide, Mapping) else per_slide
        if wanted < 0:
            raise LabError("The number of patches per slide cannot be negative.")
        picks = _slide_picks(rows, candidates, min(wanted, rows.size), plan, audit_share, rng)
        luck = rng.random()  # slides take turns in an order of the seed's, the same in every round
        blocks.extend(
            (turn, luck, picks[start : start + block]) for turn, start in enumerate(range(0, len(picks), block))
        )
    return [pick for _, _, part in sorted(blocks, key=lambda one: one[:2]) for pick in part]


def _slide_picks(
    rows: np.ndarray, candidates: Candidates, wanted: int, plan: str, audit_share: float, rng: np.random.Generator
) -> list[Pick]:
    """One slide's picks: the audit draw first, then the plan over the rest, mixed so that neither can be told."""
    audit = rng.permutation(rows)[: round(wanted * audit_share)]
    rest = np.setdiff1d(rows, audit, assume_unique=True)
    chosen = PLANS[plan](rest, candidates, wanted - audit.size, rng)
    streams = np.zeros(wanted, dtype=bool)
    streams[rng.permutation(wanted)[: audit.size]] = True
    mixed = np.empty(wanted, dtype=rows.dtype)
    mixed[streams], mixed[~streams] = audit, chosen
    ids = candidates.patch_id[mixed].tolist()
    return [Pick(patch, "audit" if is_audit else "plan") for patch, is_audit in zip(ids, streams.tolist(), strict=True)]
