"""From which probability on a patch counts as showing a feature, fitted on patches that readers graded, with guards."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmdnet.labels.grading import task
from mmdnet.scoring.calibration_record import LEAST_THRESHOLD, MOST_THRESHOLD, ThresholdFit
from mmdnet.scoring.rules import COUNTED, THRESHOLD

LEAST_PATCHES, LEAST_POSITIVE, LEAST_PATIENTS = 100, 20, 3
WIDEST = 0.35  # of the threshold's interval over patients drawn again
DRAWS = 200
STEPS = np.round(np.arange(LEAST_THRESHOLD, MOST_THRESHOLD + 0.005, 0.01), 2)


def fit_thresholds(
    probabilities: Mapping[str, np.ndarray], grades: Mapping[str, np.ndarray], patients: np.ndarray, seed: int = 0
) -> dict[str, ThresholdFit]:
    """Thresholds at which the patches found agree best with the readers' (F1: as many missed as made up, and few).

    A threshold that makes total counts come out right can hide most lesions to make up for a few patches that count
    too much; this one looks at single patches. It is sought between 0.2 and 0.8 only, over patients drawn again, and is
    used only where those draws agree on it and on its gain over the usual one.

    Args:
        probabilities: the network's of patients it was not trained on, by task, shape (patches, grades); patches drawn
            as they come and not picked for what they show.
        grades: readers' grades of the same patches by task, shape (patches,), -1 where unknown.
        patients: number of each patch's patient, shape (patches,).
        seed: of the draws.

    Returns:
        By task, how the threshold was fitted and whether it is used; a task that counts nothing, or has too few graded
        patches, positive ones or patients, has none.
    """
    fits = {}
    for name in COUNTED:
        known = grades[name] >= 0 if name in grades and name in probabilities else np.zeros(0, dtype=bool)
        positive = int((grades[name][known] > 0).sum()) if known.any() else 0
        groups = patients[known] if known.any() else np.zeros(0)
        if known.sum() < LEAST_PATCHES or positive < LEAST_POSITIVE or len(np.unique(groups)) < LEAST_PATIENTS:
            continue
        shows = grades[name][known] > 0
        fits[name] = _fit(name, 1.0 - probabilities[name][known, 0].astype(float), shows, groups, seed)
    return fits


def _fit(name: str, present: np.ndarray, shows: np.ndarray, groups: np.ndarray, seed: int) -> ThresholdFit:
    tables = np.stack([_outcomes(present[groups == number], shows[groups == number]) for number in np.unique(groups)])
    random = np.random.default_rng(seed)
    drawn = random.multinomial(len(tables), np.full(len(tables), 1 / len(tables)), size=DRAWS)
    f1 = _f1(np.tensordot(drawn, tables, axes=1))
    best = STEPS[f1.argmax(axis=1)]
    chosen = float(np.median(best))
    low, high = (float(end) for end in np.quantile(best, [0.05, 0.95]))
    gains = f1[:, np.argmin(np.abs(STEPS - chosen))] - f1[:, np.argmin(np.abs(STEPS - THRESHOLD))]
    why = ""
    if high - low > WIDEST:
        why = f"Over patients drawn again it lies anywhere from {low:.2f} to {high:.2f}."
    elif low <= LEAST_THRESHOLD:
        why = f"It would fall below {LEAST_THRESHOLD:g}, where nearly everything counts."
    elif np.quantile(gains, 0.05) <= 0:
        why = f"It finds patches with {task(name).title.lower()} no better than {THRESHOLD:g} for certain."
    return ThresholdFit(
        threshold=round(chosen, 2),
        low=round(low, 2),
        high=round(high, 2),
        gain=round(float(gains.mean()), 4),
        patches=len(present),
        positive=int(shows.sum()),
        patients=len(tables),
        used=not why,
        why=why,
    )


def _outcomes(present: np.ndarray, shows: np.ndarray) -> np.ndarray:
    """Patches rightly found, found wrongly, and missed, at each step, shape (3, steps)."""
    counted = present[:, None] > STEPS
    there = shows[:, None]
    return np.stack([(counted & there).sum(0), (counted & ~there).sum(0), (~counted & there).sum(0)])


def _f1(outcomes: np.ndarray) -> np.ndarray:
    """F1, shape (draws, steps), of outcomes of shape (draws, 3, steps); 0 where there is nothing to find."""
    right, wrong, missed = outcomes[:, 0], outcomes[:, 1], outcomes[:, 2]
    return 2 * right / np.maximum(2 * right + wrong + missed, 1)
