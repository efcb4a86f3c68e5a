"""From a slide's evidence to grades with their uncertainty. Arrays in, numbers out; no network, no files."""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from mmdnet.labels.grading import TASKS, Task
from mmdnet.scoring.aggregate import Aggregator
from mmdnet.scoring.distribution import HIGH, GradeDistribution, interval_around
from mmdnet.scoring.evidence import SlideEvidence
from mmdnet.scoring.fields import resample_counts
from mmdnet.scoring.rules import COUNTED, DENSITY

LEAST_FIELDS = 1.0
LEAST_PATCHES = 30


@dataclass(frozen=True)
class TaskEstimate:
    """What the grade of one feature rests on, each with its 90 % interval over resampled tissue.

    `quantity` is the rule's own; `density` that of Kleiner's criteria, which a report states whatever the rule.
    """

    quantity: float
    quantity_interval: tuple[float, float]
    density: float
    density_interval: tuple[float, float]


@dataclass(frozen=True)
class SlideEstimate:
    """The grades of a slide (`distribution`), and by task what they rest on."""

    distribution: GradeDistribution
    tasks: dict[str, TaskEstimate]


def estimate_slide(
    evidence: SlideEvidence, aggregator: Aggregator, resamples: int = 1000, seed: int = 0
) -> SlideEstimate:
    """Grade every task the evidence speaks of.

    Intervals come from a spatial block bootstrap: whole blocks of neighbouring patches are drawn with replacement, the
    same blocks for all tasks, so that the NAS keeps what its parts share. Where a task is calibrated, a residual of the
    calibration is added to each resample: the interval then covers the model's own error too, else only where on the
    tissue one happened to look.
    """
    counts = resample_counts(evidence.blocks, resamples, seed)
    random = np.random.default_rng([seed, 1])
    estimates, own, resampled = {}, {}, {}
    for task in TASKS:
        if task.name not in evidence.patch_probabilities:
            continue
        density, densities = _density(task, evidence, aggregator, counts, random)
        quantity, quantities = density, densities
        if aggregator.rule is not DENSITY:
            quantity = float(aggregator.quantity(task, evidence, evidence.once())[0])
            quantities = aggregator.quantity(task, evidence, counts)
        estimates[task.name] = TaskEstimate(
            quantity=quantity,
            quantity_interval=interval_around(quantity, quantities),
            density=density,
            density_interval=interval_around(density, densities),
        )
        own[task.name], resampled[task.name] = _scores(task, aggregator, quantity, quantities, random)
    return SlideEstimate(GradeDistribution.of(own, resampled, seed), estimates)


def _scores(
    task: Task, aggregator: Aggregator, quantity: float, quantities: np.ndarray, random: np.random.Generator
) -> tuple[float, np.ndarray]:
    """The continuous score of the slide and of its resamples, shape (resamples,)."""
    scale = aggregator.scale(task)
    scores = scale(quantities)
    calibration = aggregator.calibrations.get(task.name)
    if calibration and calibration.residuals:
        scores = scores + random.choice(np.asarray(calibration.residuals), size=len(scores))
    return float(scale(np.array(quantity))), np.clip(scores, 0.0, task.highest)


def _density(
    task: Task, evidence: SlideEvidence, aggregator: Aggregator, counts: np.ndarray, random: np.random.Generator
) -> tuple[float, np.ndarray]:
    """The density on the slide and on its resamples, shape (resamples,)."""
    density = float(aggregator.density(task, evidence, evidence.once())[0])
    if task.name in COUNTED and density == 0.0:
        # nothing seen is not "none there": what n fields without an event leave possible (rule of three)
        return density, random.exponential(1.0 / evidence.fields, size=len(counts))
    drawn = aggregator.density(task, evidence, counts)
    return density, np.maximum(0.0, density + (drawn - density) * _few_blocks(evidence.blocks))


def _few_blocks(blocks: int) -> float:
    """How much wider the bootstrap should spread: few blocks understate their own scatter.

    Student's t in place of the normal quantile, and blocks - 1 in place of blocks. Without it, 90 % intervals of 12 and
    of 21 blocks held the truth 81 and 85 times in 100.
    """
    if blocks < 2:
        return 1.0
    return float(stdtrit(blocks - 1, HIGH) / ndtri(HIGH) * np.sqrt(blocks / (blocks - 1)))
