"""Scoring a slide: its patches through the network, then to grades, NAS, intervals and attention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS
from mmdnet.scoring.aggregate import Aggregator, choose_aggregator
from mmdnet.scoring.estimate import LEAST_FIELDS, LEAST_PATCHES, TaskJudgement, judge_nas, judge_tasks
from mmdnet.scoring.evidence import SlideEvidence, lay_out
from mmdnet.scoring.fields import FIELD_PATCHES
from mmdnet.scoring.predict import PatchReading, Progress, SlideFeatures, embed_patches, grade_bags, predict_patches
from mmdnet.scoring.result import SlideScore, TaskScore
from mmdnet.slides.geometry import MPP_TOLERANCE

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet


class Place(Protocol):
    """Where a patch lies on the grid, and how much of it is tissue."""

    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...
    @property
    def tissue_share(self) -> float: ...


class Grid(Protocol):
    """Size of the slide's patches."""

    @property
    def patch_px(self) -> int: ...
    @property
    def patch_mpp(self) -> float: ...


@dataclass(frozen=True, slots=True)
class ScoringChoices:
    """How a slide is scored.

    Attributes:
        rule: `auto`, `density` or `max`; see `mmdnet.scoring.aggregate.choose_aggregator`.
        bag_size: patches to a bag; None takes the calibration's, else 48, a 200x field.
        ignore_above: patches the quality gate holds for worse than this are left out (only where the gate was trained).
        resamples, seed: of the bootstrap.
        batch: patches through the backbone at once.
    """

    rule: str = "auto"
    bag_size: int | None = None
    ignore_above: float = 0.5
    resamples: int = 1000
    seed: int = 0
    batch: int = 32


def score_slide(
    model: MMDNet,
    card: ModelCard,
    patches: Iterable[tuple[int, Any]],
    places: Sequence[Place],
    grid: Grid,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
    on_progress: Progress | None = None,
) -> SlideScore:
    """Score one slide.

    Args:
        model: the network; it is moved to `device` and put in evaluation mode.
        card: the model's card.
        patches: pairs of place and patch (uint8 RGB, or an object with a `reason` where it could not be read). Only
            usable patches are given; places that never come count as set aside.
        places: all places of the slide's grid.
        grid: size of its patches.
        device: `cpu`, `cuda` ...
        choices: how; the defaults if not given.
        on_progress: told the share done (0-1) and a sentence.

    Raises:
        LabError: the slide cannot be assessed, or its patches are of another size than the model's.
    """
    check_patch_size(card, grid)
    features = embed_slide(model, patches, len(places), device, choices, on_progress)
    return score_features(model, card, features, places, grid, device, choices)


def embed_slide(
    model: MMDNet,
    patches: Iterable[tuple[int, Any]],
    places: int,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
    on_progress: Progress | None = None,
) -> SlideFeatures:
    """The slow half of `score_slide`: features that may be kept and scored again."""
    model.to(device).eval()
    return embed_patches(model, patches, places, device, (choices or ScoringChoices()).batch, on_progress)


def score_features(
    model: MMDNet,
    card: ModelCard,
    features: SlideFeatures,
    places: Sequence[Place],
    grid: Grid,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
) -> SlideScore:
    """The quick half of `score_slide`, on features already computed by the same model.

    Raises:
        LabError: the slide cannot be assessed, or its patches are of another size than the model's.
    """
    choices = choices or ScoringChoices()
    check_patch_size(card, grid)
    if not card.trained_tasks:
        raise LabError(f"The model {card.name} was trained on no task, so it cannot grade a slide.")
    model.to(device).eval()
    seen = _look(model, card, features, len(places), choices, device)
    aggregator = choose_aggregator(choices.rule, card.calibration)
    bag_size = choices.bag_size or (card.calibration or {}).get("bag_size") or FIELD_PATCHES
    evidence = _evidence(model, card, seen, places, grid, bag_size, device)
    judged = judge_tasks(evidence, aggregator, choices.resamples, choices.seed)
    return _put_together(_Run(card, choices, bag_size, device), seen, places, evidence, aggregator, judged)


@dataclass(frozen=True)
class _Run:
    card: ModelCard
    choices: ScoringChoices
    bag_size: int
    device: str


@dataclass(frozen=True)
class _Seen:
    """The patches that were read (`read`, places), and which of those the quality gate kept (`kept`, bool)."""

    features: SlideFeatures
    reading: PatchReading
    read: np.ndarray
    kept: np.ndarray

    @property
    def used(self) -> np.ndarray:
        return self.read[self.kept]


def _look(
    model: MMDNet, card: ModelCard, features: SlideFeatures, places: int, choices: ScoringChoices, device: str
) -> _Seen:
    """Read every patch that has features, and pass the quality gate where the model has a trained one."""
    read = np.flatnonzero(features.read)
    if not len(read):
        raise LabError(_nothing_to_assess(places, features))
    reading = predict_patches(model, features.values[read], device)
    kept = reading.p_ignore <= choices.ignore_above if card.ignore_head else np.ones(len(read), dtype=bool)
    if not kept.any():
        raise LabError(
            f"This slide cannot be assessed: the model's quality gate left out all {len(read)} patches that were read. "
            "Look at the slide's patches; if they are good tissue, train the model with more slides of this stain."
        )
    return _Seen(features, reading, read, kept)


def check_patch_size(card: ModelCard, grid: Grid) -> None:
    """Refuse patches the model was not made for.

    Raises:
        LabError: other pixels or another magnification.
    """
    off = abs(grid.patch_mpp - card.patch_mpp) / card.patch_mpp
    if grid.patch_px != card.patch_px or off > MPP_TOLERANCE:
        raise LabError(
            f"The model {card.name} grades patches of {card.patch_px} px at {card.patch_mpp:g} µm/px; this slide's are "
            f"{grid.patch_px} px at {grid.patch_mpp:g} µm/px. Choose another model, or lay the patches anew."
        )


def _nothing_to_assess(places: int, features: SlideFeatures) -> str:
    broken = sum(features.not_read.values())
    if places == 0:
        return "This slide cannot be assessed: no patches lie on its tissue."
    if broken:
        return f"This slide cannot be assessed: none of its patches could be used, {broken} could not be read."
    return (
        f"This slide cannot be assessed: all its {places} patches were set aside. "
        "Look at them on the slide's page; patches that are good after all can be put back."
    )


def _evidence(
    model: MMDNet, card: ModelCard, seen: _Seen, places: Sequence[Place], grid: Grid, bag_size: int, device: str
) -> SlideEvidence:
    """What the patches in use say, alone and in bags. Only trained tasks have a say."""
    inside = [places[k] for k in seen.used]
    rows, cols = np.array([place.row for place in inside]), np.array([place.col for place in inside])
    layout = lay_out(rows, cols, bag_size)
    by_bag = grade_bags(model, seen.features.values[seen.used], layout.bag, device)
    return SlideEvidence(
        rows=rows,
        cols=cols,
        tissue_share=np.array([place.tissue_share for place in inside], dtype=float),
        patch_mm2=(grid.patch_px * grid.patch_mpp / 1000.0) ** 2,
        bag=layout.bag,
        block=layout.block,
        patch_probabilities={name: seen.reading.probabilities[name][seen.kept] for name in card.trained_tasks},
        bag_probabilities={name: by_bag[name] for name in card.trained_tasks},
    )


def _task_scores(
    seen: _Seen, places: int, evidence: SlideEvidence, aggregator: Aggregator, judged: dict[str, TaskJudgement]
) -> dict[str, TaskScore]:
    """What was found per task, its arrays laid onto all places of the slide."""
    scores = {}
    for task in TASKS:
        if task.name not in judged:
            continue
        one = judged[task.name]
        attention = seen.reading.attention[task.name][seen.kept]
        scores[task.name] = TaskScore(
            grade=one.grade,
            probabilities=one.probabilities,
            expected=one.expected,
            interval=one.interval,
            quantity=one.quantity,
            quantity_interval=one.quantity_interval,
            density=one.density,
            density_interval=one.density_interval,
            line=aggregator.density.line(task.name),
            rests_on=aggregator.title(task),
            calibrated=task.name in aggregator.calibrations,
            attention=_on_places(attention / attention.sum(), seen.used, places),
            patch_probabilities=_on_places(evidence.patch_probabilities[task.name], seen.used, places),
            bag_probabilities=evidence.bag_probabilities[task.name],
        )
    return scores


def _put_together(
    run: _Run,
    seen: _Seen,
    places: Sequence[Place],
    evidence: SlideEvidence,
    aggregator: Aggregator,
    judged: dict[str, TaskJudgement],
) -> SlideScore:
    nas = judge_nas(judged)
    tasks = _task_scores(seen, len(places), evidence, aggregator, judged)
    low_evidence = evidence.fields < LEAST_FIELDS or len(seen.used) < LEAST_PATCHES
    p_ignore = seen.reading.p_ignore if run.card.ignore_head else np.full(len(seen.read), np.nan)
    return SlideScore(
        tasks=tasks,
        nas=nas.nas if nas else None,
        nas_expected=nas.expected if nas else None,
        nas_interval=nas.interval if nas else None,
        p_active=nas.p_active if nas else None,
        places=len(places),
        assessed=np.isin(np.arange(len(places)), seen.used),
        p_ignore=_on_places(p_ignore, seen.read, len(places)),
        bag=_on_places(evidence.bag, seen.used, len(places), empty=-1),
        row=np.array([place.row for place in places]),
        col=np.array([place.col for place in places]),
        not_read=seen.features.not_read,
        ignored=int((~seen.kept).sum()),
        area_mm2=evidence.area_mm2,
        fields=evidence.fields,
        bags=int(evidence.bag.max()) + 1,
        bag_size=run.bag_size,
        blocks=evidence.blocks,
        rule=aggregator.rule.name,
        resamples=run.choices.resamples,
        seed=run.choices.seed,
        low_evidence=bool(low_evidence),
        warnings=tuple(_warnings(seen, evidence, tasks, low_evidence)),
        notes=tuple(_notes(tasks)),
        model={"name": run.card.name, "weights_sha256": run.card.weights_sha256, "simulated": run.card.simulated},
        device=run.device,
    )


def _warnings(seen: _Seen, evidence: SlideEvidence, tasks: dict[str, TaskScore], low_evidence: bool) -> list[str]:
    found = []
    if low_evidence:
        found.append(
            f"Little tissue: {len(seen.used)} patches, {evidence.fields:.2g} of a 200x field "
            f"({evidence.area_mm2:.2g} mm²). Grades of so little tissue vary."
        )
    if broken := sum(seen.features.not_read.values()):
        found.append(f"{broken} patches could not be read from the slide's file and are not part of the score.")
    if (left_out := float(np.mean(~seen.kept))) > 0.3:
        found.append(f"The model's quality gate left out {left_out:.0%} of the patches that were read.")
    if untrained := [task.title for task in TASKS if task.name not in tasks]:
        found.append(
            f"Not assessed, since the model was not trained on it: {', '.join(untrained)}. So there is no NAS."
        )
    return found


def _notes(tasks: dict[str, TaskScore]) -> list[str]:
    loose = [task.title.lower() for task in TASKS if task.name in tasks and not tasks[task.name].calibrated]
    if not loose:
        return []
    return [
        f"Not calibrated to graded slides: {', '.join(loose)}. The interval there covers the choice of tissue, not the "
        "model's own error."
    ]


def _on_places(values: np.ndarray, at: np.ndarray, places: int, empty: float = np.nan) -> np.ndarray:
    """Values of some places laid onto all of them, `empty` elsewhere."""
    whole = np.full((places, *values.shape[1:]), empty, dtype=np.int32 if empty == -1 else np.float32)
    whole[at] = values
    return whole
