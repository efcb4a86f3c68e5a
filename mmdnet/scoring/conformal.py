"""Intervals that hold as often as they say: split conformal prediction on the residuals of graded slides.

A residual is truth minus what was said, on a slide whose patient had no part in the scale that said it (folds by
patient: cross-conformal, Vovk 2015). It is standardised by how far it was to be expected, sqrt(error² + sampling · s²)
with s the standard deviation that the choice of tissue alone gives, so that more tissue gives a narrower interval, and
never one narrower than the model's own error. Slides of one patient are not independent: patients weigh the same, and a
slide its share of its patient's (hierarchical conformal prediction; Lee, Barber, Willett 2023). One slide a patient:
that is the ceil((n + 1) · level)-th smallest of n residuals (Vovk 2005; Lei 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeInt, PositiveFloat, model_validator

LEVEL = 0.9
LEAST_IN_GROUP = 19  # patients with a grade, for that grade's residuals to speak for themselves (Mondrian)
LEAST_ERROR = 0.02  # of a residual's standard deviation: no model is exact
LEAST_OF_RESIDUAL = 0.4  # of all residuals' size is at least the model's own, which more tissue does not mend
SAMPLING = (0.25, 0.5, 1.0, 2.0)  # how much of the tissue's variance can be in residuals; never none of it


class Residuals(BaseModel):
    """Standardised residuals of graded slides, all tuples in one order.

    Attributes:
        error: the model's own part of a residual's standard deviation, in the unit of what is predicted.
        sampling: how much of the variance over resampled tissue is in residuals.
        values: (truth - said) / spread, shape (residuals,).
        slide: number of the slide, the same in all `Residuals` of a calibration, so that tasks can be drawn together.
        patient: number of the patient.
        group: the grade that was said, within which residuals are compared where enough patients have it.
    """

    model_config = ConfigDict(frozen=True)

    error: PositiveFloat = Field(allow_inf_nan=False)
    sampling: FiniteFloat = Field(ge=0)
    values: tuple[FiniteFloat, ...]
    slide: tuple[NonNegativeInt, ...]
    patient: tuple[NonNegativeInt, ...]
    group: tuple[NonNegativeInt, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Residuals:
        if not len(self.values) == len(self.slide) == len(self.patient) == len(self.group):
            raise ValueError("residuals, slides, patients and groups are not as many")
        return self

    def spread(self, sampled: float | np.ndarray) -> np.ndarray:
        """Standard deviation of a residual, where tissue alone gives one of `sampled`."""
        return np.sqrt(self.error**2 + self.sampling * np.square(sampled))

    def half_width(self, sampled: float, group: int, level: float = LEVEL) -> float:
        """Half the interval's width; infinite where too few patients were graded for that level."""
        values, patient = self._compared_with(group)
        return float(conformal_quantile(np.abs(values), patient, level) * self.spread(sampled))

    def holds(self, level: float = LEVEL) -> float:
        """How often intervals made without the slide's own patient hold its truth: the share of patients."""
        values, patient = np.asarray(self.values), np.asarray(self.patient)
        group = np.asarray(self.group)
        held = np.empty(len(values))
        for k in range(len(values)):
            others = patient != patient[k]
            like = others & (group == group[k])
            if len(np.unique(patient[like])) >= LEAST_IN_GROUP:
                others = like
            held[k] = abs(values[k]) <= conformal_quantile(np.abs(values[others]), patient[others], level)
        return float(np.mean([held[patient == number].mean() for number in np.unique(patient)]))

    def without(self, patient: int) -> Residuals:
        """The residuals of the other patients."""
        kept = [k for k, number in enumerate(self.patient) if number != patient]
        at = {name: tuple(getattr(self, name)[k] for k in kept) for name in ("values", "slide", "patient", "group")}
        return self.model_copy(update=at)

    def _compared_with(self, group: int) -> tuple[np.ndarray, np.ndarray]:
        values, patient = np.asarray(self.values), np.asarray(self.patient)
        like = np.asarray(self.group) == group
        if len(np.unique(patient[like])) >= LEAST_IN_GROUP:
            return values[like], patient[like]
        return values, patient


def conformal_quantile(scores: np.ndarray, patient: np.ndarray, level: float) -> float:
    """The score that a new patient's slide does not exceed with probability `level` or more; infinite if none is known.

    Args:
        scores: nonconformity, shape (slides,).
        patient: number of each slide's patient, shape (slides,).
        level: 0-1.
    """
    if not len(scores):
        return float("inf")
    _, index, slides = np.unique(patient, return_inverse=True, return_counts=True)
    weight = 1.0 / (slides[index] * (len(slides) + 1.0))
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weight[order]) >= level - 1e-12
    return float(scores[order][np.argmax(reached)]) if reached.any() else float("inf")


@dataclass(frozen=True)
class Held:
    """What was said of one graded slide without its patient's help, and what is true.

    Attributes:
        slide, patient: numbers.
        said, truth: in one unit.
        sampled: standard deviation of what is said over resampled tissue.
        group: the grade that was said.
    """

    slide: int
    patient: int
    said: float
    truth: float
    sampled: float
    group: int = 0


def fit_residuals(held: Sequence[Held]) -> Residuals:
    """The residuals of these slides, with the spread that makes them likeliest (a normal likelihood on a grid)."""
    residual = np.array([slide.truth - slide.said for slide in held])
    sampled = np.array([slide.sampled for slide in held])
    largest = max(float(np.sqrt(np.mean(residual**2))), 2 * LEAST_ERROR)
    least = max(LEAST_ERROR, LEAST_OF_RESIDUAL * largest)
    best = (-np.inf, largest, 1.0)
    for sampling in SAMPLING:
        for error in np.geomspace(least, 1.5 * largest, 40):
            variance = error**2 + sampling * sampled**2
            likelihood = float(-0.5 * np.sum(np.log(variance) + residual**2 / variance))
            best = max(best, (likelihood, float(error), sampling))
    _, error, sampling = best
    values = residual / np.sqrt(error**2 + sampling * sampled**2)
    return Residuals(
        error=round(error, 5),
        sampling=sampling,
        values=tuple(round(float(value), 4) for value in values),
        slide=tuple(slide.slide for slide in held),
        patient=tuple(slide.patient for slide in held),
        group=tuple(slide.group for slide in held),
    )
