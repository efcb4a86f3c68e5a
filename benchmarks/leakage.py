"""Coin-flip labels on near-copies: what a split lets a nearest neighbour know."""

import numpy as np

from benchmarks.result import Result
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split, audit_leakage, split_by_patient
from mmdnet.errors import LabError

SIBLINGS = 5


def run(quick: bool = False) -> Result:
    """Each patch has four lightly edited siblings on its slide and a label from a coin.

    `value` is the accuracy of the nearest neighbour under our split by patient (chance is 0.5); beside it that of a
    random split.
    """
    slides, parents = (20, 8) if quick else (60, 20)
    grouped, random_split = [], []
    runs = 3 if quick else 5
    for seed in range(runs):
        cohort, look, parent, label = _siblings(slides, parents, seed)
        split = split_by_patient(cohort, seed)
        trains = np.isin(cohort.slide_index, split.train)
        grouped.append(_nearest(look, label, trains))
        random_split.append(_nearest(look, label, np.random.default_rng(seed).random(len(label)) < 0.6))
        audit_leakage(cohort, split, parent)
    return Result(
        "leakage",
        float(np.mean(grouped)),
        "accuracy on coin-flip labels",
        {
            "chance": 0.5,
            "lowest": round(min(grouped), 3),
            "highest": round(max(grouped), 3),
            "random_split": round(float(np.mean(random_split)), 3),
            "audit_refuses_a_leaking_split": _refused(),
        },
        runs,
    )


def _siblings(slides: int, parents: int, seed: int) -> tuple[Cohort, np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    parent = np.repeat(np.arange(slides * parents), SIBLINGS)
    n = len(parent)
    label = random.integers(0, 2, slides * parents)[parent]
    look = random.normal(size=(slides * parents, 16))[parent] + 0.05 * random.normal(size=(n, 16))
    infos = tuple(SlideInfo(s, f"patient {s // 2}") for s in range(slides))
    grades = np.stack([label] * 3, axis=1).astype(np.int8)
    cohort = Cohort(infos, np.arange(n), np.repeat(np.arange(slides), parents * SIBLINGS), grades, np.zeros(n, bool))
    return cohort, look, parent, label


def _nearest(look: np.ndarray, label: np.ndarray, trains: np.ndarray) -> float:
    known, asked = look[trains], look[~trains]
    distance = (asked**2).sum(1)[:, None] - 2 * asked @ known.T + (known**2).sum(1)
    return float((label[trains][distance.argmin(axis=1)] == label[~trains]).mean())


def _refused() -> bool:
    """Whether the audit refuses a patient on two sides, and a picture on two sides."""
    cohort, _, parent, _ = _siblings(4, 2, 0)
    refused = 0
    for split, hashes in ((Split((0, 2), (), (1, 3)), None), (Split((0, 1), (), (2, 3)), np.zeros_like(parent))):
        try:
            audit_leakage(cohort, split, hashes)
        except LabError:
            refused += 1
    return refused == 2
