"""The aggregation rules: from patches and bags to one quantity of a slide per task.

To add one, write its entry below and put it into `RULES`: the command line, the Score page and the reports read it from
there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax

from mmdnet.errors import LabError
from mmdnet.labels.grading import FIELD_MM2, STEATOSIS_CUTS, Task
from mmdnet.scoring.choices import AUTO
from mmdnet.scoring.evidence import SlideEvidence

# What one patch of a grade contributes. Steatosis: share of hepatocytes with fat, the middle of the grade's range.
# Counts: the grade is the count, and "so many or more" stands for a little more than so many.
PATCH_QUANTITY: dict[str, tuple[float, ...]] = {
    "ballooning": (0.0, 1.0, 2.3),
    "inflammation": (0.0, 1.0, 2.0, 3.3),
    "steatosis": (0.02, 0.19, 0.50, 0.82),
}
# Events per field (steatosis is a share), with how often one event is counted: at a patch's edge it is seen on two.
# On 40 simulated slides exact patch grades held 1.1 ballooned cells and 1.2 foci for each one drawn; a circle of 25 to
# 40 µm that is seen where three tenths of it lie on a patch gives the same.
COUNTED = {"ballooning": 1.1, "inflammation": 1.2}
TOP_SHARE = 0.05  # of a slide's patches: the rules that look at the highest-graded ones
AT_ONCE = 128  # resamples whose patches are in memory together
THRESHOLD = 0.5  # a patch counts where "at least one" is more probable than this

Thresholds = Mapping[str, float]
"""Fitted thresholds by task (`mmdnet.scoring.calibration.thresholds.fit_thresholds`); else `THRESHOLD`."""


@dataclass(frozen=True)
class Scale:
    """Quantity to score by straight lines between given points; outside them the end values hold."""

    quantity: tuple[float, ...]
    score: tuple[float, ...]

    def __call__(self, quantity: np.ndarray) -> np.ndarray:
        return np.interp(quantity, self.quantity, self.score)


def scale_from_cuts(cuts: tuple[float, ...], top: float) -> Scale:
    """The scale on which each cut is the half-way point between two grades and `top` is the highest grade."""
    halves = tuple(0.5 + k for k in range(len(cuts)))
    return Scale((0.0, *cuts, top), (0.0, *halves, float(len(cuts))))


# Kleiner 2005, table 1. Her lowest grade of a count is "none", but a network's count is never quite none: under half an
# event per field counts as none. "Few" and "many" balloon cells are cut at 4 per field (mmdnet.labels.grading).
KLEINER_SCALES: dict[str, Scale] = {
    "ballooning": scale_from_cuts((0.5, 4.0), 8.0),
    "inflammation": scale_from_cuts((0.5, 2.0, 4.0), 8.0),
    "steatosis": scale_from_cuts(STEATOSIS_CUTS, 1.0),
}

QuantityOf = Callable[[Task, SlideEvidence, np.ndarray, Thresholds], np.ndarray]
"""Of a task, a slide, how often each block is drawn (resamples, blocks) and thresholds: the quantity (resamples,)."""


@dataclass(frozen=True)
class AggregationRule:
    """All there is to say of one rule.

    Attributes:
        name: on the command line and in files.
        title: in reports: what a grade rests on.
        help: one sentence for whoever chooses.
        uncalibrated: how the quantity becomes a grade where no graded slides fitted a scale, in reports.
        quantity: the task's quantity for each resample.
        scale: from quantity to score where nothing was calibrated: 0 to the task's highest grade.
        learned: whether graded slides weigh several quantities (`mmdnet.scoring.learned`); until they do, `quantity`
            holds.
    """

    name: str
    title: str
    help: str
    uncalibrated: str
    quantity: QuantityOf
    scale: Callable[[Task], Scale]
    learned: bool = False

    def rests_on(self, graded_slides: int | None) -> str:
        """What a grade rests on, in a reader's words; `graded_slides` fitted the scale, None where none did."""
        if graded_slides is None:
            return f"{self.title}, {self.uncalibrated}; not calibrated"
        return f"{self.title}, calibrated on {graded_slides} graded slides"


def counted_events(task_name: str, probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Events each patch counts, shape (n,), of probabilities (n, grades): what is expected if there is at least one."""
    present = 1.0 - probabilities[:, 0]
    expected = probabilities @ np.asarray(PATCH_QUANTITY[task_name])
    return np.where(present > threshold, expected / np.maximum(present, 1e-9), 0.0)


def density(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """Kleiner's own quantities: share of hepatocytes with fat; foci and balloon cells per 200x field of tissue.

    Steatosis is the mean over patches, weighted by tissue, of the expected share. A focus or balloon cell is counted on
    a patch only where the probability of "at least one" is above the task's threshold: training shows the network far
    more positive patches than a slide has, and the doubts of many empty patches would add up to events.
    """
    probabilities = evidence.patch_probabilities[task.name].astype(float)
    tissue = np.bincount(evidence.block, evidence.tissue_share, evidence.blocks)
    if task.name in COUNTED:
        events = counted_events(task.name, probabilities, thresholds.get(task.name, THRESHOLD)) / COUNTED[task.name]
        fields = counts @ tissue * evidence.patch_mm2 / FIELD_MM2
        return counts @ np.bincount(evidence.block, events, evidence.blocks) / fields
    share = probabilities @ np.asarray(PATCH_QUANTITY[task.name])
    fatty = np.bincount(evidence.block, share * evidence.tissue_share, evidence.blocks)
    return (counts @ fatty) / (counts @ tissue)


def highest_bag(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """The paper's rule: a slide has the highest grade any of its bags was given.

    One bag graded too high moves the whole slide, and more so the more bags a slide has: with an error of 6 % per
    bag, a slide of 50 bags is overcalled with probability 0.95.
    """
    grade_of_bag = evidence.bag_probabilities[task.name].argmax(axis=1)
    bag_of_block = np.zeros(evidence.blocks, dtype=np.int64)
    bag_of_block[evidence.block] = evidence.bag
    grade_of_block = grade_of_bag[bag_of_block]
    return np.where(counts > 0, grade_of_block, 0).max(axis=1).astype(float)


def grade_scale(task: Task) -> Scale:
    """The scale of a quantity that is a grade already."""
    grades = tuple(float(grade.value) for grade in task.grades)
    return Scale(grades, grades)


def _resampled_top(task: Task, evidence: SlideEvidence, counts: np.ndarray, share: float, mean: bool) -> np.ndarray:
    """The mean patch grade that `share` of a resample's patches reach, or theirs in the mean; shape (resamples,)."""
    probabilities = evidence.patch_probabilities[task.name].astype(float)
    grade = probabilities @ np.arange(probabilities.shape[1])
    order = np.argsort(-grade, kind="stable")
    grade, block = grade[order], evidence.block[order]
    reading = np.empty(len(counts))
    for start in range(0, len(counts), AT_ONCE):
        drawn = counts[start : start + AT_ONCE, block].astype(float)
        reached = np.cumsum(drawn, axis=1)
        wanted = np.maximum(share * reached[:, -1:], 1.0)
        if mean:
            used = np.clip(wanted - (reached - drawn), 0.0, drawn)
            reading[start : start + AT_ONCE] = (used @ grade) / wanted[:, 0]
        else:
            reading[start : start + AT_ONCE] = grade[np.argmax(reached >= wanted, axis=1)]
    return reading


def quantile(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """The mean grade that one patch in twenty reaches: high where lesions are spread, unmoved by a single patch."""
    return _resampled_top(task, evidence, counts, TOP_SHARE, mean=False)


def top_k(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """The mean grade of the twentieth part of the patches that is graded highest."""
    return _resampled_top(task, evidence, counts, TOP_SHARE, mean=True)


def slide_attention(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """The mean grade of the slide as one bag.

    The grade head is affine, so the bag's logits are the mean of its patches' by their attention; a resample draws
    whole blocks of both.
    """
    attention, logits = evidence.attention[task.name].astype(float), evidence.patch_logits[task.name].astype(float)
    weight = counts @ np.bincount(evidence.block, attention, evidence.blocks)
    summed = [counts @ np.bincount(evidence.block, attention * column, evidence.blocks) for column in logits.T]
    with np.errstate(invalid="ignore"):
        pooled = np.stack(summed, axis=1) / weight[:, None]
    # a resample without any patch that the slide attends to has attention nowhere: as the slide's mean patch
    pooled = np.where(np.isfinite(pooled), pooled, logits.mean(axis=0))
    return _mean_grade(pooled, task.highest + 1)


def _mean_grade(logits: np.ndarray, grades: int) -> np.ndarray:
    """The mean grade, shape (n,), of logits of a grade head (`mmdnet.nn.heads`): steps (grades - 1) or softmax."""
    if logits.shape[1] == grades - 1:
        return np.cumprod(expit(logits), axis=1).sum(axis=1)
    return softmax(logits, axis=1) @ np.arange(grades)


def density_score(task: Task, evidence: SlideEvidence, counts: np.ndarray, thresholds: Thresholds) -> np.ndarray:
    """The density read by Kleiner's cuts: what `learned` gives before graded slides have weighed anything."""
    return KLEINER_SCALES[task.name](density(task, evidence, counts, thresholds))


DENSITY = AggregationRule(
    name="density",
    title="density per field",
    help="Share of fatty hepatocytes, foci and ballooned cells per 200x field, read by Kleiner's cuts.",
    uncalibrated="read by Kleiner's cuts",
    quantity=density,
    scale=lambda task: KLEINER_SCALES[task.name],
)
HIGHEST_BAG = AggregationRule(
    name="max",
    title="highest bag",
    help="The highest grade any bag of the slide was given.",
    uncalibrated="as in the MMD-Net paper",
    quantity=highest_bag,
    scale=grade_scale,
)

QUANTILE = AggregationRule(
    name="quantile",
    title="grade of the 95th percentile of patches",
    help="The mean grade that one patch in twenty reaches.",
    uncalibrated="rounded",
    quantity=quantile,
    scale=grade_scale,
)
TOP_K = AggregationRule(
    name="top-k",
    title="mean of the highest twentieth of patches",
    help="The mean grade of the one patch in twenty that is graded highest.",
    uncalibrated="rounded",
    quantity=top_k,
    scale=grade_scale,
)
ATTENTION = AggregationRule(
    name="attention",
    title="the slide as one bag",
    help="The grade of all patches as one bag, weighed by the network's attention.",
    uncalibrated="rounded",
    quantity=slide_attention,
    scale=grade_scale,
)
LEARNED = AggregationRule(
    name="learned",
    title="several quantities of the slide together",
    help="Ridge regression on what the other rules say of the slide, weighed on graded slides.",
    uncalibrated="density alone, read by Kleiner's cuts",
    quantity=density_score,
    scale=grade_scale,
    learned=True,
)

RULES: dict[str, AggregationRule] = {
    rule.name: rule for rule in (DENSITY, HIGHEST_BAG, QUANTILE, TOP_K, ATTENTION, LEARNED)
}
# On 150 held-out simulated slides density reached a weighted kappa of 0.88 for steatosis without any calibration, the
# highest bag 0.54.
DEFAULT_RULE = DENSITY.name


def rule_called(name: str) -> AggregationRule:
    """The rule of that name.

    Raises:
        LabError: there is none.
    """
    if name not in RULES:
        known = ", ".join([AUTO, *sorted(RULES)])
        raise LabError(f"There is no aggregation rule called {name!r}; known are {known}.")
    return RULES[name]
