"""Suggested grades: what a model would give a patch, with a few wrong ones planted to see who takes them unseen.

Whoever grades with a suggestion before them leans to it. How far is measured: about one suggestion in 33 is wrong on
purpose, in one feature and by as much as the model thinks least likely, and how often a reader takes it is a rate with
an interval. Which ones are planted follows from a seed and the patch alone, so a reload shows the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

PLANTED_SHARE = 0.03
Probabilities = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Grades by task name; `planted` is the task whose grade is wrong on purpose, None if none is."""

    grades: dict[str, int]
    planted: str | None = None


@dataclass(frozen=True, slots=True)
class AcceptedWrong:
    """How many planted wrong grades a reader was shown and took, with the share's 95 % Wilson interval (0-1)."""

    reader: str
    shown: int
    taken: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.taken / self.shown


def plain(probabilities: Probabilities) -> Suggestion:
    """The most probable grade of each task the model knows; probabilities of shape (grades,) each."""
    return Suggestion({task: int(np.argmax(shares)) for task, shares in probabilities.items()})


def planted_task(tasks: Iterable[str], seed: int, patch_id: int, before: int | None) -> str | None:
    """The task whose suggested grade is wrong on purpose, None if none is.

    Args:
        tasks: those suggested on the patch.
        seed: the label session's.
        patch_id: the patch.
        before: the patch asked for before it, None for the first. Two planted ones never follow each other.
    """
    named = sorted(tasks)
    if not named or not _drawn(seed, patch_id) or (before is not None and _drawn(seed, before)):
        return None
    return named[int(_luck(seed, patch_id, "task") * len(named))]


def suggest(probabilities: Probabilities, seed: int, patch_id: int, before: int | None) -> Suggestion:
    """What a reader is shown on a patch, the planted task's grade turned into the one the model thinks least likely.

    `probabilities` are the model's, by task, shape (grades,) each; see `planted_task` for the rest.
    """
    right = plain(probabilities)
    task = planted_task(probabilities, seed, patch_id, before)
    if task is None:
        return right
    wrong = min((float(p), grade) for grade, p in enumerate(probabilities[task]) if grade != right.grades[task])[1]
    return Suggestion(right.grades | {task: wrong}, planted=task)


def withheld(seed: int, patch_id: int, audit_share: float) -> bool:
    """Whether a patch that may have a suggestion is shown without one all the same.

    Of those without one as many are then of the plan as of the audit stream (`audit_share` of the queue, 0-1), so that
    a patch without a suggestion does not tell its reader that it is there to check. More than half are never withheld.
    """
    return _luck(seed, patch_id, "withhold") < min(0.5, audit_share / (1 - audit_share) if audit_share < 1 else 1.0)


def accepted_wrong(taken: Mapping[str, Sequence[bool]]) -> list[AcceptedWrong]:
    """Per reader who was shown planted wrong grades (True: it was taken) how often they were taken, by name."""
    if not any(taken.values()):
        return []  # without scipy, which takes a second and a half to load
    from scipy.stats import binomtest

    rates = []
    for reader, answers in sorted(taken.items()):
        if answers:
            interval = binomtest(sum(answers), len(answers)).proportion_ci(method="wilson")
            rates.append(AcceptedWrong(reader, len(answers), sum(answers), interval.low, interval.high))
    return rates


def _drawn(seed: int, patch_id: int) -> bool:
    """Whether the draw falls on this patch: a little more often than 3 %, as the one after a drawn one is spared."""
    return _luck(seed, patch_id, "plant") < PLANTED_SHARE / (1 - PLANTED_SHARE)


def _luck(seed: int, patch_id: int, what: str) -> float:
    """A number from 0 to below 1 that only the seed, the patch and the purpose decide."""
    return int.from_bytes(hashlib.sha256(f"{what} {seed} {patch_id}".encode()).digest()[:7], "big") / 2**56
