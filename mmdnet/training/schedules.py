"""What changes over a training: the domain branch's strength, the learning rate, the weights of grades."""

import math

import numpy as np

WARM_UP_SHARE = 0.05


def domain_strength(progress: float, alpha: float) -> float:
    r"""Strength of the gradient reversal.

    .. math:: \lambda = \frac{2}{1 + e^{-10 \alpha p}} - 1 = \tanh(5 \alpha p)

    Alpha stands inside the exponent, as in Hashimoto et al. 2020's code: 0.1 ends at 0.46, 0.001 at 0.005.

    Args:
        progress: share of the training done, 0-1.
        alpha: 0 turns the branch's grip on the extractor off, 1 is plain DANN's schedule.
    """
    return math.tanh(5 * alpha * progress)


def learning_rate_share(progress: float) -> float:
    """Share of the full learning rate at a share of the training done: linear warm-up over 5 %, then half a cosine."""
    if progress < WARM_UP_SHARE:
        return (progress + 1e-3) / (WARM_UP_SHARE + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)))


def class_weights(grades: np.ndarray, classes: int, cap: float) -> np.ndarray:
    r"""Weights of a task's grades, so that rare grades count as much as common ones.

    .. math:: \omega_c = \min\Bigl(\frac{N}{C \, n_c}, \text{cap}\Bigr),
              \text{ scaled to mean 1 over the grades present}

    Args:
        grades: of an epoch's bags, or of their patches; -1 where unknown.
        classes: length of the scale.
        cap: most that a rare grade may be lifted.

    Returns:
        (classes,); 0 for a grade that is not there. All 1 when no grade is known.
    """
    counts = np.bincount(grades[grades >= 0], minlength=classes)
    there = counts > 0
    if not there.any():
        return np.ones(classes, np.float32)
    weights = np.where(there, np.minimum(counts.sum() / (there.sum() * np.maximum(counts, 1)), cap), 0)
    return (weights / weights[there].mean()).astype(np.float32)
