"""Whether a slide's tissue looks like the tissue a model learned from: its features beside the training slides'.

A slide is the mean of its patches' features. How far it lies from the training slides is the Mahalanobis distance with
a shrunk covariance (Ledoit, Wolf 2004), compared with how far each training slide lies from the others: a scanner's or
stain's name says nothing where the same name is given to other colours, and the pixels do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.scoring.conformal import conformal_quantile

GUARD = "guard.safetensors"  # beside a model's weights
LEAST_PATIENTS = 3
LEAST_SLIDES = 12  # fewer training slides say too little of what is usual
USUAL = 0.95  # of training slides are nearer than the limit
FAR = 2.0  # times the limit: nothing the model learned from is near


@dataclass(frozen=True)
class Unlikeness:
    """How far a slide lies from the training slides, in multiples of what is usual among them.

    Attributes:
        times: distance over the limit that 95 % of training slides keep; above 1 is odd.
    """

    times: float

    @property
    def odd(self) -> bool:
        return self.times > 1.0

    @property
    def far(self) -> bool:
        """So far that no interval can be given."""
        return self.times > FAR

    @property
    def widening(self) -> float:
        """By how much intervals are widened."""
        return max(1.0, self.times)


@dataclass(frozen=True)
class Guard:
    """The training slides' features, as far as a new slide is compared with them.

    Attributes:
        mean: shape (features,).
        precision: inverse of the shrunk covariance, shape (features, features).
        limit: distance that 95 % of training slides keep from the others.
        slides: it was made of.
    """

    mean: np.ndarray
    precision: np.ndarray
    limit: float
    slides: int

    def unlikeness(self, slide: np.ndarray) -> Unlikeness:
        """Of a slide's mean feature, shape (features,).

        Raises:
            LabError: the feature is not as long as the guard's.
        """
        if slide.shape != self.mean.shape:
            raise LabError("The guard beside the model was made for other features. Train the model again.")
        return Unlikeness(_distance(slide - self.mean, self.precision) / self.limit)

    def save(self, folder: Path) -> None:
        """Write it beside a model's weights."""
        from safetensors.numpy import save

        tensors = {"mean": self.mean, "precision": self.precision, "limit": np.array([self.limit])}
        held = {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}
        write_aside(folder / GUARD, save(held, metadata={"slides": str(self.slides)}))


def load_guard(folder: Path) -> Guard | None:
    """The guard of a model folder; None where it has none, as models of earlier builds.

    Raises:
        LabError: it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / GUARD
    if not path.is_file():
        return None
    try:
        with safe_open(str(path), framework="numpy") as file:
            slides = int((file.metadata() or {})["slides"])
            mean, precision, limit = (file.get_tensor(name).astype(float) for name in ("mean", "precision", "limit"))
    except (SafetensorError, KeyError, ValueError) as problem:
        raise LabError(f"{GUARD} of the model {folder.name} is damaged. Train the model again.") from problem
    guard = Guard(mean, precision, float(limit[0]), slides)
    whole = np.isfinite(mean).all() and np.isfinite(precision).all() and guard.limit > 0
    if not whole or precision.shape != (len(mean), len(mean)):
        raise LabError(f"{GUARD} of the model {folder.name} is damaged. Train the model again.")
    return guard


def enough_for_guard(patients: Sequence[str]) -> bool:
    """Whether a guard can be fitted to slides of these patients, one a slide."""
    return len(patients) >= LEAST_SLIDES and len(set(patients)) >= LEAST_PATIENTS


def fit_guard(slides: Sequence[np.ndarray], patients: Sequence[str]) -> Guard | None:
    """The guard of these slides; None where they, or their patients, are too few.

    The limit is conformal: a slide of a new patient, if it is like these, keeps it with a probability of 95 %; where
    the patients are too few for that it is the largest distance there is.

    Args:
        slides: of each, its patches' mean feature, shape (features,).
        patients: whose each is.
    """
    owner = np.unique(np.asarray(patients, dtype=str), return_inverse=True)[1]
    if not enough_for_guard(patients):
        return None
    table = np.stack(slides).astype(float)
    mean, precision = _shrunk(table)
    apart = np.empty(len(table))
    for patient in np.unique(owner):  # from the other patients: a slide is near what it took part in
        mine = owner == patient
        middle, inverse = _shrunk(table[~mine])
        apart[mine] = [_distance(slide - middle, inverse) for slide in table[mine]]
    limit = conformal_quantile(apart, owner, USUAL)
    return Guard(mean, precision, limit if np.isfinite(limit) else float(apart.max()), len(table))


def mean_feature(features: np.ndarray) -> np.ndarray:
    """A slide's mean feature, shape (features,), of its patches', shape (patches, features)."""
    return features.mean(axis=0, dtype=float)


def _shrunk(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.covariance import LedoitWolf

    fit = LedoitWolf().fit(table)
    return fit.location_, fit.precision_


def _distance(away: np.ndarray, precision: np.ndarray) -> float:
    return float(np.sqrt(max(0.0, away @ precision @ away)))
