"""Sampling plans: the one registry of how a label session may choose its patches.

A plan is an entry of `PLANS`: what it is called, what it reads, what has to be there before it can be followed, which
acquisition function says how much a label would tell, and in which order patches are then asked for. Such a function
takes all that is known (`Evidence`) and gives one value per patch, higher asked for sooner, NaN not at all. Pages,
sessions, suggestions and the label-efficiency experiment know plans from here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.acquisition import (
    LEAST_DISTANCE,
    Evidence,
    distance,
    entropy,
    margin,
    over_tasks,
    rarity,
    spread,
)
from mmdnet.labels.grading import TASKS


@dataclass(frozen=True, slots=True)
class Source:
    """Something a plan goes by.

    `missing` says what is so where there is none; "" if it is always there. `comes` tells that it comes while one
    labels: a plan that needs it then begins at random.
    """

    name: str
    missing: str = ""
    comes: bool = False


PREDICTIONS = Source(
    "predictions",
    "No model knows these slides yet: it asks at random until one has learnt from the first labels, then goes by that.",
    comes=True,
)
READINGS = Source(
    "readings", "Nobody has graded a patch here yet. Grade some first; then there is something to differ on."
)
LABEL_COUNTS = Source("label counts")
TISSUE_KINDS = Source("kinds of tissue")


@dataclass(frozen=True, slots=True)
class Plan:
    """A way to choose patches.

    Attributes:
        name: in sessions, commands and results; it never changes.
        title, what: for the page.
        order: of `labels.queue.ORDERS`, how patches are taken by what is known of them.
        reads: what it is given as `Evidence`.
        needs: of those, what it cannot do without.
        acquisition: value per patch, for the orders `ranked` and `shuffled`.
        asks_again: it may ask for patches the reader has labelled before; those are read blind, without suggestions.
        replayed: whether the label-efficiency experiment replays it (never one that reads `READINGS`).
        was: what it was called in sessions and results of earlier builds.
    """

    name: str
    title: str
    what: str
    order: str
    reads: tuple[Source, ...] = ()
    needs: Source | None = None
    acquisition: Callable[[Evidence], np.ndarray] | None = None
    asks_again: bool = False
    replayed: bool = False
    was: str = ""


def most_uncertain(known: Evidence) -> np.ndarray:
    """Entropy of the task the model is least sure of."""
    return over_tasks({name: entropy(table) for name, table in known.probabilities.items()})


def smallest_margin(known: Evidence) -> np.ndarray:
    """1 minus the margin between two grades, of the task where it is smallest."""
    return over_tasks({name: 1 - margin(table) for name, table in known.probabilities.items()})


def rarest_grade(known: Evidence) -> np.ndarray:
    """How rare the grade is that the model expects, of the task where it is rarest."""
    return over_tasks({name: rarity(table, known.label_counts[name]) for name, table in known.probabilities.items()})


def disagreement(known: Evidence) -> np.ndarray:
    """How far readers lie apart, or a reader and the model; NaN where neither do."""
    apart: dict[str, np.ndarray] = {}
    for task in TASKS:
        grades = known.grades[task.name]
        between = spread(grades, task.highest)
        apart[f"readers on {task.name}"] = np.where(between > 0, between, np.nan)
        for column in range(grades.shape[1]) if task.name in known.probabilities else ():
            away = distance(known.probabilities[task.name], grades[:, column])
            apart[f"model and reader {column} on {task.name}"] = np.where(away >= LEAST_DISTANCE, away, np.nan)
    if known.ignored is not None:
        apart["ignored by some"] = np.where(known.ignored.all(axis=1), 1.0, np.nan)
    return over_tasks(apart)


PLANS: Mapping[str, Plan] = {
    plan.name: plan
    for plan in (
        Plan("random", "Random", "Every patch has the same chance.", "random", replayed=True),
        Plan(
            "stratified",
            "Even over kinds of tissue",
            "Rare kinds of tissue as often as common ones.",
            "stratified",
            reads=(TISSUE_KINDS,),
            replayed=True,
        ),
        Plan(
            "uncertain",
            "Uncertain first",
            "Patches whose grades the model is least sure of.",
            "ranked",
            reads=(PREDICTIONS,),
            needs=PREDICTIONS,
            acquisition=most_uncertain,
            replayed=True,
        ),
        Plan(
            "margin",
            "Torn between two grades first",
            "Patches where two grades are nearly as likely.",
            "ranked",
            reads=(PREDICTIONS,),
            needs=PREDICTIONS,
            acquisition=smallest_margin,
            replayed=True,
            was="torn",
        ),
        Plan(
            "rare",
            "Rare grades first",
            "Patches where the model expects grades that few patches have.",
            "ranked",
            reads=(PREDICTIONS, LABEL_COUNTS),
            needs=PREDICTIONS,
            acquisition=rarest_grade,
            replayed=True,
        ),
        Plan(
            "disagreement",
            "Disagreement first",
            "Graded patches on which readers, or a reader and the model, lie furthest apart.",
            "shuffled",
            reads=(PREDICTIONS, READINGS),
            needs=READINGS,
            acquisition=disagreement,
            asks_again=True,
        ),
    )
}


def current_name(name: str) -> str:
    """The name a plan has now, of one it has or had; any other name as it is."""
    return next((plan.name for plan in PLANS.values() if plan.was and plan.was == name), name)


def plan_named(name: str) -> Plan:
    """The plan that is or was called so.

    Raises:
        LabError: there is none.
    """
    plan = PLANS.get(current_name(name))
    if plan is None:
        raise LabError(f"There is no sampling plan called {name}. Known are {', '.join(PLANS)}.")
    return plan
