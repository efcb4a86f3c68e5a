"""Scoring a slide: its patches through the network, then to grades, NAS, intervals and attention."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS, Task
from mmdnet.progress import Progress, silent
from mmdnet.scoring.aggregate import Aggregator, choose_aggregator
from mmdnet.scoring.calibration.guard import Guard, Unlikeness, mean_feature
from mmdnet.scoring.calibration.refer import reasons_to_refer
from mmdnet.scoring.calibration_record import Calibration, read_calibration
from mmdnet.scoring.choices import ScoringChoices
from mmdnet.scoring.estimate import SlideEstimate, TaskEstimate, estimate_slide, is_low_evidence
from mmdnet.scoring.evidence import SlideEvidence, lay_out
from mmdnet.scoring.fields import FIELD_PATCHES
from mmdnet.scoring.heat import relative_attention
from mmdnet.scoring.predict import PatchReading, SlideFeatures, embed_patches, grade_bags, predict_patches
from mmdnet.scoring.result import ScoreArrays, SlideScore
from mmdnet.scoring.summary import SAMPLING_INTERVAL, ScoredBy, ScoreSummary, TaskSummary
from mmdnet.slides.geometry import MPP_TOLERANCE, GridPosition
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet


class Grid(Protocol):
    """Size of the slide's patches."""

    @property
    def patch_px(self) -> int: ...
    @property
    def patch_mpp(self) -> float: ...


def score_slide(
    model: MMDNet,
    card: ModelCard,
    patches: Iterable[tuple[int, Any]],
    places: Sequence[GridPosition],
    grid: Grid,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
    progress: Progress = silent,
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
        progress: told how many patches were read.

    Raises:
        LabError: the slide cannot be assessed, or its patches are of another size than the model's.
    """
    check_patch_size(card, grid)
    features = embed_slide(model, patches, len(places), device, choices, progress)
    return score_features(model, card, features, places, grid, device, choices)


def embed_slide(
    model: MMDNet,
    patches: Iterable[tuple[int, Any]],
    places: int,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
    progress: Progress = silent,
) -> SlideFeatures:
    """The slow half of `score_slide`: features that may be kept and scored again."""
    model.to(device).eval()
    return embed_patches(model, patches, places, device, (choices or ScoringChoices()).batch, progress)


def score_features(
    model: MMDNet,
    card: ModelCard,
    features: SlideFeatures,
    places: Sequence[GridPosition],
    grid: Grid,
    device: str = "cpu",
    choices: ScoringChoices | None = None,
    guard: Guard | None = None,
    run: str | None = None,
) -> SlideScore:
    """The quick half of `score_slide`, on features already computed by the same model.

    `guard` is the model's (`load_guard`), `run` the slide's staining run, where they are known.

    Raises:
        LabError: the slide cannot be assessed, or its patches are of another size than the model's.
    """
    choices = choices or ScoringChoices()
    check_patch_size(card, grid)
    if not card.trained_tasks:
        raise LabError(f"The model {card.name} was trained on no task, so it cannot grade a slide.")
    model.to(device).eval()
    calibration = read_calibration(card.calibration)
    seen = _look(model, card, features, len(places), choices, device)
    aggregator = choose_aggregator(choices.rule, calibration)
    bag_size = choices.bag_size or calibration.bag_size or FIELD_PATCHES
    evidence = _evidence(model, card, seen, places, grid, bag_size, device)
    unlike = guard.unlikeness(mean_feature(features.values[seen.used])) if guard else None
    widen = unlike.widening if unlike else 1.0
    estimate = estimate_slide(evidence, aggregator, choices.resamples, choices.seed, widen)
    floors = calibration.floors.get(run or "", {})
    computed_on = f"{device}, features by {' and '.join(features.engines)}" if features.engines else device
    made = _Run(card, choices, bag_size, computed_on, aggregator, calibration, unlike, floors)
    return SlideScore(_summary(made, seen, len(places), evidence, estimate), _arrays(made, seen, places, evidence))


def evidence_of(
    model: MMDNet,
    card: ModelCard,
    features: SlideFeatures,
    places: Sequence[GridPosition],
    grid: Grid,
    device: str = "cpu",
    bag_size: int = FIELD_PATCHES,
) -> tuple[SlideEvidence, np.ndarray]:
    """What the network says of a slide before any rule, and the slide's mean feature, shape (features,).

    Raises:
        LabError: the slide cannot be assessed, or its patches are of another size than the model's.
    """
    check_patch_size(card, grid)
    model.to(device).eval()
    seen = _look(model, card, features, len(places), ScoringChoices(), device)
    return _evidence(model, card, seen, places, grid, bag_size, device), mean_feature(features.values[seen.used])


@dataclass(frozen=True)
class _Run:
    card: ModelCard
    choices: ScoringChoices
    bag_size: int
    device: str
    aggregator: Aggregator
    calibration: Calibration
    unlike: Unlikeness | None
    floors: Mapping[str, float]


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
    model: MMDNet, card: ModelCard, seen: _Seen, places: Sequence[GridPosition], grid: Grid, bag_size: int, device: str
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
        attention={name: seen.reading.attention[name][seen.kept] for name in card.trained_tasks},
        patch_logits={name: seen.reading.logits[name][seen.kept] for name in card.trained_tasks},
    )


def _summary(run: _Run, seen: _Seen, places: int, evidence: SlideEvidence, estimate: SlideEstimate) -> ScoreSummary:
    tasks = _task_summaries(run.aggregator, evidence, estimate)
    withheld = run.unlike is not None and run.unlike.far
    nas = None if withheld else estimate.distribution.nas()
    low_evidence, odd = is_low_evidence(evidence), run.unlike is not None and run.unlike.odd
    under = tuple(name for name, task in tasks.items() if task.grade and task.density <= run.floors.get(name, -1.0))
    fits = run.aggregator.nas is not None
    return ScoreSummary(
        tasks=tasks,
        nas=nas.nas if nas else None,
        nas_expected=_rounded(nas.expected) if nas else None,
        nas_interval=nas.interval if nas else None,
        p_active=_rounded(nas.p_active) if nas else None,
        patches=places,
        assessed_patches=len(seen.used),
        set_aside=places - len(seen.used),
        ignored_by_model=int((~seen.kept).sum()),
        not_read=seen.features.not_read,
        area_mm2=_rounded(evidence.area_mm2),
        fields=_rounded(evidence.fields),
        bags=int(evidence.bag.max()) + 1,
        bag_size=run.bag_size,
        blocks=evidence.blocks,
        rule=run.aggregator.rule.name,
        aggregator="; ".join(dict.fromkeys(task.rests_on for task in tasks.values())),
        resamples=run.choices.resamples,
        seed=run.choices.seed,
        low_evidence=low_evidence,
        nas_at_least=_all_rounded(nas.at_least) if nas else (),
        nas_covers_error=nas is not None and fits,
        nas_holds=run.calibration.nas_holds if nas is not None and fits else None,
        withheld=withheld,
        unlikeness=_rounded(run.unlike.times) if run.unlike else None,
        graded_slides=run.calibration.slides if run.aggregator.calibrations else 0,
        refer=reasons_to_refer(estimate.distribution, low_evidence, odd, under),
        referral=run.calibration.referral if run.aggregator.calibrations else None,
        under_floor=under,
        warnings=tuple(_warnings(seen, evidence, tasks, low_evidence)),
        notes=tuple(_notes(tasks)),
        model=ScoredBy(name=run.card.name, weights_sha256=run.card.weights_sha256, simulated=run.card.simulated),
        device=run.device,
    )


def _task_summaries(aggregator: Aggregator, evidence: SlideEvidence, estimate: SlideEstimate) -> dict[str, TaskSummary]:
    grades = estimate.distribution
    summaries = {}
    for task in TASKS:
        if task.name not in estimate.tasks:
            continue
        rests_on, threshold = estimate.tasks[task.name], aggregator.threshold(task)
        present = 1.0 - evidence.patch_probabilities[task.name][:, 0]
        attention = evidence.attention[task.name].astype(float)
        summaries[task.name] = TaskSummary(
            grade=grades.grade(task.name),
            probabilities=_all_rounded(grades.probabilities(task.name)),
            expected=grades.own[task.name],
            interval=_all_rounded(grades.interval(task.name)),
            quantity=rests_on.quantity,
            quantity_interval=_all_rounded(rests_on.quantity_interval),
            density=_rounded(rests_on.density),
            density_interval=_all_rounded(rests_on.density_interval),
            positive_patch_share=_rounded(float(np.mean(present > threshold))),
            threshold=threshold,
            rests_on=aggregator.rests_on(task),
            calibrated=task.name in aggregator.calibrations,
            highest_attention=_rounded(float(relative_attention(attention / attention.sum()).max())),
            **_coverage(aggregator, task, rests_on),
        )
    return summaries


def _coverage(aggregator: Aggregator, task: Task, estimate: TaskEstimate) -> dict[str, Any]:  # by field
    """Whether the intervals of a task cover the model's own error, and how often such intervals held."""
    fit, density = aggregator.calibrations.get(task.name), aggregator.densities.get(task.name)
    covers = fit is not None and (fit.conformal is not None or bool(fit.residuals))
    stated = estimate.density_calibrated
    return {
        "covers_error": covers,
        "holds": fit.holds if fit and covers else None,
        "density_covers_error": stated,
        "density_holds": density.holds if density and stated else None,
    }


def _arrays(run: _Run, seen: _Seen, places: Sequence[GridPosition], evidence: SlideEvidence) -> ScoreArrays:
    """What was found, laid onto all places of the slide."""
    graded = evidence.patch_probabilities
    attention = {name: seen.reading.attention[name][seen.kept] for name in graded}
    p_ignore = seen.reading.p_ignore if run.card.ignore_head else np.full(len(seen.read), np.nan)
    number = len(places)
    return ScoreArrays(
        assessed=np.isin(np.arange(number), seen.used),
        p_ignore=_on_places(p_ignore, seen.read, number),
        bag=_on_places(evidence.bag, seen.used, number, empty=-1),
        row=np.array([place.row for place in places]),
        col=np.array([place.col for place in places]),
        attention={name: _on_places(share / share.sum(), seen.used, number) for name, share in attention.items()},
        patch_probabilities={name: _on_places(table, seen.used, number) for name, table in graded.items()},
        bag_probabilities=evidence.bag_probabilities,
    )


def _warnings(seen: _Seen, evidence: SlideEvidence, tasks: dict[str, TaskSummary], low_evidence: bool) -> list[str]:
    warnings = []
    if low_evidence:
        warnings.append(
            f"Little tissue: {count(len(seen.used), 'patch')} of {evidence.area_mm2:.2g} mm² in all, "
            f"{evidence.fields:.2g} of a 200x field. Grades of so little tissue vary."
        )
    if broken := sum(seen.features.not_read.values()):
        warnings.append(f"{count(broken, 'patch')} could not be read from the slide's file, and the score is without.")
    if (left_out := float(np.mean(~seen.kept))) > 0.3:
        warnings.append(f"The model's quality gate left out {left_out:.0%} of the patches that were read.")
    if untrained := [task.title for task in TASKS if task.name not in tasks]:
        warnings.append(
            f"Not assessed, since the model was not trained on it: {', '.join(untrained)}. So there is no NAS."
        )
    return warnings


def _notes(tasks: dict[str, TaskSummary]) -> list[str]:
    loose = [task.title.lower() for task in TASKS if task.name in tasks and not tasks[task.name].calibrated]
    if not loose:
        return []
    return [f"Not calibrated to graded slides: {', '.join(loose)}. {SAMPLING_INTERVAL}"]


def _on_places(values: np.ndarray, at: np.ndarray, places: int, empty: float = np.nan) -> np.ndarray:
    """Values of some places laid onto all of them, `empty` elsewhere."""
    whole = np.full((places, *values.shape[1:]), empty, dtype=np.int32 if empty == -1 else np.float32)
    whole[at] = values
    return whole


def _rounded(value: float) -> float:
    """Four digits after the point: more would be noise, and equal scores should be equal bytes."""
    return round(float(value), 4)


def _all_rounded(values: tuple[float, ...]) -> tuple[Any, ...]:
    return tuple(map(_rounded, values))
