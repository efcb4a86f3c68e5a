"""How good the light model is, and what more labels would add: on patients left out in turn, with intervals by patient.

Each fold's heads are fitted on the other patients' labels, once on all of them and a few times on a half drawn at
random. What the last doubling of labels gave, carried on by as much of a doubling as the next labels are, is what they
are expected to add: kappa rises about evenly with the logarithm of the labels over so short a step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict

from mmdnet.labels.agreement import FEWEST_CLUSTERS, RESAMPLES, estimate_of, kappas_of_counts
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.labels.light import Features, fit, likeliest_grade

FOLDS = 5
HALVES = 3  # halves drawn at random in each fold
NEXT_LABELS = 20
FEWEST_RANDOM = 30  # of patches asked for at random: with as many, only those are judged


class Judged(BaseModel):
    """A number with its 95 % interval over patients; the ends are None with fewer than five patients, all are None
    where it is not defined."""

    model_config = ConfigDict(frozen=True)

    value: float | None = None
    low: float | None = None
    high: float | None = None


class LightEstimate(BaseModel):
    """What is known of a light model.

    Attributes:
        kappa: quadratic kappa by task, of grades given to patches of patients that were left out.
        gain: what `next_labels` more labels are expected to add to the mean kappa of the tasks.
        patches, patients: that were judged, of how many.
        at_random: whether only patches asked for at random were judged; else all, also those a plan chose.
    """

    model_config = ConfigDict(frozen=True)

    kappa: dict[str, Judged] = {}
    gain: Judged = Judged()
    next_labels: int = NEXT_LABELS
    patches: int = 0
    patients: int = 0
    at_random: bool = False


@dataclass(frozen=True)
class Labelled:
    """Patches with labels, shape (n, ...) each.

    Attributes:
        reduced: features after their `light.Reduction`.
        grades: in the order of `TASKS`, -1 where unknown.
        patient: number of the patch's patient.
        at_random: whether it was asked for at random.
        blind: whether no suggestion was in view; others are learnt from and not judged.
    """

    reduced: Features
    grades: np.ndarray
    patient: np.ndarray
    at_random: np.ndarray
    blind: np.ndarray


def judge(labelled: Labelled, seed: int = 0) -> tuple[LightEstimate, dict[str, np.ndarray]]:
    """The estimate, and by task the probabilities of each patch by heads that saw nothing of its patient.

    Those are of shape (n, grades), NaN where there are none: with one patient there is nobody to leave out, and
    everything is unknown.
    """
    folds = patient_folds(labelled.patient)
    number = len(labelled.grades)
    whole = _Told(number)
    halves = [_Told(number) for _ in range(HALVES)]
    rng = np.random.default_rng(seed)
    for fold in range(folds.max(initial=-1) + 1) if folds.max(initial=0) > 0 else ():
        out, learnt = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        whole.tell(labelled, learnt, out)
        for half in halves:
            half.tell(labelled, rng.permutation(learnt)[: (len(learnt) + 1) // 2], out)
    looked = labelled.blind & (labelled.grades != UNKNOWN).any(axis=1)
    at_random = looked & labelled.at_random
    only_random = int(at_random.sum()) >= FEWEST_RANDOM
    looked = at_random if only_random else looked
    draws = _draws(labelled.patient[looked], seed)
    kappas = {task.name: _kappas(n, labelled, looked, whole, draws) for n, task in enumerate(TASKS)}
    of_halves = [
        {task.name: _kappas(n, labelled, looked, half, draws) for n, task in enumerate(TASKS)} for half in halves
    ]
    estimate = LightEstimate(
        kappa={name: _judged(values) for name, values in kappas.items() if np.isfinite(values[0])},
        gain=_gain(kappas, of_halves, number),
        patches=int(looked.sum()),
        patients=len(np.unique(labelled.patient[looked])),
        at_random=only_random,
    )
    return estimate, whole.probabilities


def patient_folds(patient: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """A fold for each patch, all of a patient in one, the patients with most patches spread first; shape (n,)."""
    names, of_patch, counts = np.unique(patient, return_inverse=True, return_counts=True)
    fold_of = np.zeros(len(names), int)
    held = np.zeros(min(folds, max(1, len(names))))
    for who in np.argsort(-counts, kind="stable"):
        fold_of[who] = int(held.argmin())
        held[fold_of[who]] += counts[who]
    return fold_of[of_patch]


class _Told:
    """Probabilities by task of patches that were left out."""

    def __init__(self, number: int) -> None:
        self.probabilities = {task.name: np.full((number, len(task.grades)), np.nan) for task in TASKS}

    def tell(self, labelled: Labelled, learnt: np.ndarray, out: np.ndarray) -> None:
        features = labelled.reduced
        heads = fit({of: values[learnt] for of, values in features.items()}, labelled.grades[learnt])
        for name, head in heads.items():
            self.probabilities[name][out] = head.probabilities(features[head.reads][out])


def _draws(patient: np.ndarray, seed: int) -> np.ndarray:
    """How often each patient is drawn: once each in the first row, then in each resample; (1 + resamples, patients)."""
    number = len(np.unique(patient))
    once = np.ones((1, number))
    if number < FEWEST_CLUSTERS:
        return once
    return np.vstack([once, np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), RESAMPLES)])


def _kappas(n: int, labelled: Labelled, looked: np.ndarray, told: _Told, draws: np.ndarray) -> np.ndarray:
    """Quadratic kappa of a task in each draw, shape (draws,); NaN where not defined, or one grade only was given."""
    task = TASKS[n]
    truth, shares = labelled.grades[looked, n], told.probabilities[task.name][looked]
    who = np.unique(labelled.patient[looked], return_inverse=True)[1]
    known = (truth != UNKNOWN) & np.isfinite(shares[:, 0])
    if len(np.unique(truth[known])) < 2:
        return np.full(len(draws), np.nan)
    size = len(task.grades)
    counts = np.zeros((draws.shape[1], size, size))
    np.add.at(counts, (who[known], truth[known], likeliest_grade(shares[known])), 1)
    return kappas_of_counts(np.tensordot(draws, counts, axes=1))


def _judged(values: np.ndarray) -> Judged:
    """The first value, with the interval of the others."""
    if len(values) == 1:
        return Judged(value=float(values[0]))
    estimate = estimate_of(float(values[0]), values[1:], 0)
    return Judged(value=estimate.value, low=estimate.low, high=estimate.high)


def _gain(kappas: Mapping[str, np.ndarray], of_halves: Sequence[Mapping[str, np.ndarray]], number: int) -> Judged:
    """What the next labels are expected to add to the mean kappa, see above."""
    gained = []
    for name, whole in kappas.items():
        halves = np.stack([half[name] for half in of_halves])
        doubling = whole - halves.mean(axis=0)
        if np.isfinite(doubling[0]):
            gained.append(doubling)
    if not gained:
        return Judged()
    return _judged(np.mean(gained, axis=0) * np.log2((number + NEXT_LABELS) / number))
