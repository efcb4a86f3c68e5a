"""Replaying sampling plans on patches whose grades are known: quadratic kappa against the number of labels.

The head is logistic regression on features that stay as they are (`Pool.features`): a fraction of a second per fit, so
that every plan can be replayed for several seeds. It is not the network's own training; what carries over is which plan
needs fewer labels, not the kappa itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mmdnet.labels.acquisition import Evidence
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.labels.light import Head, fit_head
from mmdnet.labels.plans import PLANS, TISSUE_KINDS, Plan
from mmdnet.labels.queue import Candidates, plan_queue

STEPS = (24, 48, 72, 96, 128, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1500)
HELD_OUT = 1 / 3  # of the patients
AUDIT = 0.2
BUDGETS = (200, 400, 800)  # labels drawn at random whose kappa the plans are to reach with fewer
RESAMPLES = 2000
KINDS = 12
QUOTA = "quota"  # random choice, the same number of every slide: a way to spread a plan, not one of the product's


@dataclass(frozen=True)
class Pool:
    """Patches that may be labelled, with the truth a label would give.

    Attributes:
        features: shape (n, d).
        grades: shape (n, tasks) in the order of `TASKS`, -1 where the patch is to be ignored. A task that no patch is
            graded in is left out.
        ignored: shape (n,) bool; labelling such a patch costs a label and teaches no grade.
        slide: shape (n,), number of its slide.
        patient: shape (n,), number of its patient.
    """

    features: np.ndarray
    grades: np.ndarray
    ignored: np.ndarray
    slide: np.ndarray
    patient: np.ndarray


@dataclass(frozen=True)
class Curve:
    """Quadratic kappa on held-out patients after so many labels; `kappa[task][k]` belongs to `labels[k]`."""

    plan: str
    seed: int
    labels: tuple[int, ...]
    kappa: Mapping[str, tuple[float, ...]]

    @property
    def mean(self) -> np.ndarray:
        """Mean over tasks, shape (steps,)."""
        return np.mean(list(self.kappa.values()), axis=0)


def replayed_plans() -> dict[str, Plan]:
    """What is replayed, in the order of the results."""
    plans = {name: plan for name, plan in PLANS.items() if plan.replayed}
    return {"random": plans.pop("random"), QUOTA: PLANS["random"], **plans}


def replay(pool: Pool, plan: str, seed: int, steps: tuple[int, ...] = STEPS) -> Curve:
    """Label step by step what the plan asks for; after each, train the head anew and grade held-out patients.

    The seed chooses the held-out patients, the first labels and every draw, so plans of one seed are paired. A fifth of
    each batch is drawn at random whatever the plan, as in the product.

    Raises:
        ValueError: there is no such plan, or too few patches for one step.
    """
    known = replayed_plans()
    if plan not in known:
        raise ValueError(f"there is no plan called {plan} to replay")
    rng = np.random.default_rng(seed)
    patients = rng.permutation(np.unique(pool.patient))
    held = np.isin(pool.patient, patients[: round(len(patients) * HELD_OUT)])
    test, open_ = np.flatnonzero(held & ~pool.ignored), np.flatnonzero(~held)
    features = _standardised(pool.features, open_)
    kinds = _kinds(features[open_], seed) if TISSUE_KINDS in known[plan].reads else None
    labelled = np.empty(0, dtype=int)
    heads: dict[str, Head] = {}
    graded = [n for n in range(len(TASKS)) if (pool.grades[:, n] != UNKNOWN).any()]
    reached, kappa = [], {TASKS[n].name: [] for n in graded}  # type: ignore[var-annotated]
    for step in steps:
        wanted = step - labelled.size
        if wanted > open_.size - labelled.size:
            break
        rest = ~np.isin(open_, labelled)
        asked = _asked(pool, plan if heads else "random", open_[rest], wanted, heads, features,
                       None if kinds is None else kinds[rest], labelled, int(rng.integers(2**31)))  # fmt: skip
        labelled = np.concatenate([labelled, asked])
        reached.append(labelled.size)
        known = labelled[~pool.ignored[labelled]]
        for n in graded:
            task = TASKS[n]
            heads[task.name] = fit_head(features[known], pool.grades[known, n], len(task.grades))
            given = heads[task.name].probabilities(features[test]).argmax(axis=1)
            kappa[task.name].append(_kappa(pool.grades[test, n], given, len(task.grades)))
    if not reached:
        raise ValueError("there are fewer patches than labels in the first step")
    return Curve(plan, seed, tuple(reached), {name: tuple(values) for name, values in kappa.items()})


def _asked(
    pool: Pool,
    plan: str,
    rows: np.ndarray,
    wanted: int,
    heads: Mapping[str, Head],
    features: np.ndarray,
    tissue_kind: np.ndarray | None,
    labelled: np.ndarray,
    seed: int,
) -> np.ndarray:
    """The rows of the pool that the plan asks for next, shape (wanted,)."""
    replayed = replayed_plans()[plan]
    acquisition = replayed.acquisition
    values = None
    if acquisition is not None:
        probabilities = {name: head.probabilities(features[rows]) for name, head in heads.items()}
        counts = {task.name: _counts(pool, labelled, n).tolist() for n, task in enumerate(TASKS)}
        values = acquisition(Evidence(rows.size, probabilities, counts))
    candidates = Candidates(rows, pool.slide[rows], tissue_kind=tissue_kind, acquisition=values)
    if plan == QUOTA:
        slides = np.unique(pool.slide[rows])
        share = {int(slide): -(-wanted // slides.size) for slide in slides}
        picks = plan_queue(candidates, share, "random", seed, AUDIT)
    else:
        picks = plan_queue(candidates, order=replayed.order, seed=seed, audit_share=AUDIT, total=wanted)
    return np.array([pick.patch_id for pick in picks[:wanted]], dtype=int)


def _counts(pool: Pool, labelled: np.ndarray, n: int) -> np.ndarray:
    """Labels per grade of the n-th task so far."""
    grades = pool.grades[labelled, n]
    return np.bincount(grades[grades != UNKNOWN], minlength=len(TASKS[n].grades))


def _standardised(features: np.ndarray, rows: np.ndarray) -> np.ndarray:
    spread = features[rows].std(axis=0)
    return (features - features[rows].mean(axis=0)) / np.where(spread > 1e-6, spread, 1.0)


def _kinds(features: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans

    return MiniBatchKMeans(KINDS, random_state=seed, n_init=3, batch_size=2048).fit_predict(features)


def _kappa(truth: np.ndarray, given: np.ndarray, grades: int) -> float:
    """Quadratic kappa; 0 where it is not defined: a head that gives one grade only has learned nothing."""
    kappa = quadratic_kappa(truth, given, grades)
    return 0.0 if np.isnan(kappa) else kappa


def over_seeds(values: ArrayLike, ends: tuple[float, float] = (-1.0, 1.0)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over seeds and its 95 % interval of values of shape (seeds, ...), each of shape (...).

    The interval is Student's t on the measure as it is, cut at the ends of its scale (kappa's own if none are given):
    near them it is no longer symmetric, and what is cut off was no value of it. One seed has no interval: both ends are
    the value.
    """
    from scipy.stats import t

    table = np.asarray(values, float)
    mean = table.mean(axis=0)
    if len(table) < 2:
        return mean, mean, mean
    half = t.ppf(0.975, len(table) - 1) * table.std(axis=0, ddof=1) / np.sqrt(len(table))
    return mean, np.maximum(mean - half, ends[0]), np.minimum(mean + half, ends[1])


def labels_needed(labels: Sequence[int], kappa: np.ndarray, target: float) -> float:
    """Labels at which a curve first reaches the target, between steps by a straight line; infinite if it never does.

    A curve that dips counts as what it had reached before: nobody forgets labels.
    """
    reached = np.maximum.accumulate(kappa)
    if reached[-1] < target:
        return float("inf")
    at = int(np.argmax(reached >= target))
    if at == 0:
        return float(labels[0])
    share = (target - reached[at - 1]) / (reached[at] - reached[at - 1])
    return labels[at - 1] + share * (labels[at] - labels[at - 1])


def share_needed(
    plan: Sequence[Curve], random: Sequence[Curve], budget: int, seed: int = 0
) -> tuple[float, float, float]:
    """Labels a plan needs as a share of those drawn at random for the kappa that `budget` random labels reach.

    Curves of one seed are paired. The mean curves over seeds give the share, seeds drawn again and again its 95 %
    interval: five seeds make a rough one.
    """
    steps = min(len(curve.labels) for curve in (*plan, *random))
    labels = random[0].labels[:steps]
    tables = [np.stack([curve.mean[:steps] for curve in curves]) for curves in (plan, random)]

    def share(chosen: np.ndarray) -> float:
        of_plan, of_random = (table[chosen].mean(axis=0) for table in tables)
        target = float(np.interp(budget, labels, np.maximum.accumulate(of_random)))
        return labels_needed(labels, of_plan, target) / labels_needed(labels, of_random, target)

    rng = np.random.default_rng(seed)
    drawn = [share(rng.integers(0, len(plan), len(plan))) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.025, 0.975], method="closest_observation")
    return share(np.arange(len(plan))), float(low), float(high)
