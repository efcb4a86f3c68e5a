"""The light model: one grade head a task on features that stay as they are, fitted in seconds while one labels.

The head is multinomial logistic regression with a weight penalty, all grades counting alike however few labels some
have. It is not the network's own training: a head on the mean of a patch sees much and little of one cell in it. What
the product measures tells more of two tasks, and their heads read that in its place (`READS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from mmdnet.labels.grading import TASKS, UNKNOWN

STRENGTH = 0.3  # inverse of the head's weight penalty
MOST_STEPS = 400  # of the solver
LEAST_SPREAD = 1e-6  # a feature that varies less tells nothing
COMPONENTS = 256  # as good as all 1,280 on simulated patches, at an eighth of the time with some hundred labels
LENGTH = 5.0  # deviation of the first component: what the penalty is measured by
NETWORK, DENSITY, FAT = "network", "density", "fat"  # a network's, `measures.local_density`, `fat_features`
READS = {"inflammation": DENSITY, "steatosis": FAT}  # all others the network's: with both each came out worse

Features = Mapping[str, np.ndarray]
"""By what they are of, `NETWORK`, `DENSITY` or `FAT`: shape (n, features) each, NaN rows where there are none."""


def read_by(task: str) -> str:
    """What the head of a task reads."""
    return READS.get(task, NETWORK)


def fat_features(area_share: np.ndarray) -> np.ndarray:
    """What is read of measured fat, shape (n, 1): the square root of its share of the tissue, (n,), which spreads the
    low grades; NaN where it is not measured."""
    return np.sqrt(np.asarray(area_share, float))[:, None]


@dataclass(frozen=True)
class Head:
    """Logistic regression of one task.

    Attributes:
        grades: how many grades the task has.
        known: those that had a label, shape (known,), rising.
        weights: shape (known, features).
        bias: shape (known,).
        reads: which features, `NETWORK` or `DENSITY`.
    """

    grades: int
    known: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    reads: str = NETWORK

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Shape (n, grades), of features (n, d); a grade without a label yet has none, a NaN row is one again."""
        logits = features @ self.weights.T + self.bias
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        table = np.zeros((len(features), self.grades))
        table[:, self.known] = shares / shares.sum(axis=1, keepdims=True)
        table[~there(features)] = np.nan
        return table


def fit_head(features: np.ndarray, grades: np.ndarray, number: int, reads: str = NETWORK) -> Head:
    """The head of a task with so many grades, from features (n, d) and grades (n,), all known, n at least 1."""
    from sklearn.linear_model import LogisticRegression

    known = np.unique(grades)
    if known.size < 2:
        return Head(number, known, np.zeros((1, features.shape[1])), np.zeros(1), reads)
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=MOST_STEPS).fit(features, grades)
    weights, bias = model.coef_, model.intercept_
    if known.size == 2:  # scikit-learn keeps one side of two
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.r_[0.0, bias]
    return Head(number, known, weights, bias, reads)


def likeliest_grade(probabilities: np.ndarray) -> np.ndarray:
    """The grade with half of the probability below it or in it (the median), shape (n,), of shape (n, grades)."""
    return (probabilities.cumsum(axis=1) < 0.5).sum(axis=1).clip(max=probabilities.shape[1] - 1)


@dataclass(frozen=True)
class Reduction:
    """Features centred, scaled and turned onto the directions in which patches differ most (principal components).

    Of all patches, labelled or not, so that it tells nothing of a label.

    Attributes:
        mean: shape (features,).
        across: shape (features, components): by what a centred feature is multiplied.
    """

    mean: np.ndarray
    across: np.ndarray

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Shape (n, components), the first of deviation `LENGTH`, of features (n, features)."""
        return (features.astype(np.float32) - self.mean) @ self.across


class Moments:
    """Sums over the features of `number` patches that come part by part, of which a `Reduction` is made."""

    def __init__(self) -> None:
        self.number = 0
        self._sum = np.zeros(0)
        self._products = np.zeros((0, 0))

    def add(self, features: np.ndarray) -> None:
        """Count features, shape (n, features), in."""
        part = features.astype(np.float32)
        if not self.number:
            self._sum = np.zeros(part.shape[1])
            self._products = np.zeros((part.shape[1], part.shape[1]))
        self.number += len(part)
        self._sum += part.sum(axis=0, dtype=float)
        self._products += part.T @ part

    def reduction(self) -> Reduction:
        """Onto `COMPONENTS` directions at most.

        Raises:
            ValueError: nothing was counted in.
        """
        if not self.number:
            raise ValueError("there are no features")
        from scipy.linalg import eigh

        mean = self._sum / self.number
        covariance = self._products / self.number - np.outer(mean, mean)
        spread = np.sqrt(np.maximum(np.diag(covariance), 0))
        spread = np.where(spread > LEAST_SPREAD, spread, np.inf)
        scaled, number = covariance / np.outer(spread, spread), len(spread)
        kept = (number - min(COMPONENTS, self.number, number), number - 1)
        strength, direction = eigh(scaled, subset_by_index=kept)  # rising
        length = LENGTH / np.sqrt(max(strength[-1], LEAST_SPREAD))
        across = direction[:, ::-1] / spread[:, None] * length
        return Reduction(mean.astype(np.float32), across.astype(np.float32))


@dataclass(frozen=True)
class LightModel:
    """Heads by task, on features after the reduction of what each reads."""

    reductions: Mapping[str, Reduction]
    heads: Mapping[str, Head]

    def probabilities(self, features: Features) -> dict[str, np.ndarray]:
        """By task, shape (n, grades); NaN rows where there are no features of what its head reads."""
        reduced = {of: reduction(features[of]) for of, reduction in self.reductions.items()}
        return {name: head.probabilities(reduced[head.reads]) for name, head in self.heads.items()}

    def arrays(self) -> dict[str, np.ndarray]:
        """To be kept; `of_arrays` reads them back."""
        kept: dict[str, np.ndarray] = {}
        for of, reduction in self.reductions.items():
            kept |= {f"{_before(of)}mean": reduction.mean, f"{_before(of)}across": reduction.across}
        for name, head in self.heads.items():
            begins = f"{_before(head.reads)}{name}"
            kept |= {f"{begins}.known": head.known, f"{begins}.weights": head.weights, f"{begins}.bias": head.bias}
        return {name: np.ascontiguousarray(array, np.float32) for name, array in kept.items()}

    @classmethod
    def of_arrays(cls, kept: Mapping[str, np.ndarray]) -> LightModel:
        """What `arrays` gave, now or when every head read the network's features."""
        heads, reductions = {}, {}
        for of in (NETWORK, DENSITY, FAT):
            if f"{_before(of)}mean" in kept:
                reductions[of] = Reduction(kept[f"{_before(of)}mean"], kept[f"{_before(of)}across"])
            for task in TASKS:
                begins = f"{_before(of)}{task.name}"
                if f"{begins}.known" in kept:
                    known = kept[f"{begins}.known"].astype(int)
                    weights, bias = kept[f"{begins}.weights"], kept[f"{begins}.bias"]
                    heads[task.name] = Head(len(task.grades), known, weights, bias, of)
        return cls(reductions, heads)


def _before(of: str) -> str:
    """What the names of kept arrays begin with; those of the network stood alone once, and begin with nothing."""
    return "" if of == NETWORK else f"{of}."


def fit(reduced: Features, grades: np.ndarray) -> dict[str, Head]:
    """Heads of the tasks of which two grades or more are labelled on patches with features that tell of them.

    Args:
        reduced: features after their `Reduction`, shape (n, components) each.
        grades: in the order of `TASKS`, -1 where unknown, shape (n, tasks).
    """
    heads = {}
    for n, task in enumerate(TASKS):
        reads = read_by(task.name)
        if reads not in reduced:
            continue
        known = (grades[:, n] != UNKNOWN) & there(reduced[reads])
        if len(np.unique(grades[known, n])) > 1:
            heads[task.name] = fit_head(reduced[reads][known], grades[known, n], len(task.grades), reads)
    return heads


def on_one_thread() -> AbstractContextManager[object]:
    """While this is open the algebra is done by one thread: of matrices as small as these more take eight times as
    long in processor time (measured on two cores), and the reader's next patch waits for it."""
    import scipy.linalg  # noqa: F401 - its own library: what is loaded later is not limited
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, user_api="blas")


def there(features: np.ndarray) -> np.ndarray:
    """Which rows hold features, shape (n,)."""
    return np.isfinite(features).all(axis=1)
