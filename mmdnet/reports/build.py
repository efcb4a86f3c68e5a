"""Building a report from plain values: what a slide is, what the scorer found, who graded and signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import numpy as np

from mmdnet.labels.grading import FIELD_MM2, TASKS, task
from mmdnet.nn.card import ModelCard
from mmdnet.reports import words
from mmdnet.reports.schema import (
    AttentionMap,
    Criterion,
    EvidencePatch,
    Feature,
    FeatureEvidence,
    Header,
    HumanGrade,
    Interval,
    Nas,
    Provenance,
    Quality,
    Quantities,
    Quantity,
    Report,
    SignOff,
    SignOffs,
)
from mmdnet.scoring.aggregate import middle_grade
from mmdnet.scoring.heat import attention_legend, pick_places, relative_attention
from mmdnet.slides.set_aside import set_aside_reason

ORDER = ("steatosis", "inflammation", "ballooning")  # as the NAS is written
TOP, LOW, RANDOM = 6, 3, 3


class Place(Protocol):
    """Where a patch lies, in level-0 pixels and on the grid."""

    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...
    @property
    def x_px0(self) -> int: ...
    @property
    def y_px0(self) -> int: ...


@dataclass(frozen=True)
class SlideFacts:
    """What is known of the slide; None is not recorded. Shares are 0-1."""

    slide_id: int
    name: str
    fingerprint: str
    width_px0: int
    height_px0: int
    mpp_x: float | None
    mpp_y: float | None
    mpp_source: str | None
    objective: float | None
    stain: str | None
    scanner: str | None
    site: str | None
    patient: str | None
    simulated: bool
    tissue_mm2: float | None
    core_length_mm: float | None
    fat_area_share: float | None
    patch_px: int
    patch_mpp: float


@dataclass(frozen=True)
class ReaderGrades:
    """A person's grades of the whole slide, by task name."""

    reader: str
    grades: Mapping[str, int | None]
    at: datetime


@dataclass(frozen=True)
class ReportInputs:
    """All a report is made of.

    Attributes:
        slide: the slide's facts.
        score_id: of the score.
        scored_at: when it was made.
        score: `SlideScore.summary()`.
        arrays: `SlideScore.arrays()`; an entry per place.
        places: the slide's patches in the order of the arrays.
        patch_ids: their ids.
        card: the model card.
        set_aside: patches set aside when the slide was surveyed, by reason, without those a person put back.
        slide_part: `train`, `validation` or `test` where this slide was in the model's split.
        human: readers' grades of the slide.
        sign_offs: signatures, oldest first.
        made_at: now.
        seed: of the patches shown at random.
    """

    slide: SlideFacts
    score_id: int
    scored_at: datetime
    score: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    places: Sequence[Place]
    patch_ids: Sequence[int]
    card: ModelCard
    made_at: datetime
    set_aside: Mapping[str, int] = field(default_factory=dict)
    slide_part: str | None = None
    human: Sequence[ReaderGrades] = ()
    sign_offs: Sequence[SignOff] = ()
    seed: int = 0


def build_report(inputs: ReportInputs) -> Report:
    """The report of a scored slide."""
    features = tuple(_feature(name, inputs) for name in ORDER)
    return Report(
        made_at=inputs.made_at,
        header=_header(inputs),
        features=features,
        fibrosis=words.fibrosis(inputs.slide.stain),
        nas=_nas(inputs.score, features),
        quantities=_quantities(inputs),
        evidence=tuple(_evidence(name, inputs) for name in ORDER if name in inputs.score["tasks"]),
        maps=tuple(_map(name, inputs) for name in ORDER if name in inputs.score["tasks"]),
        quality=_quality(inputs),
        provenance=_provenance(inputs),
        sign_off=SignOffs(signed=tuple(inputs.sign_offs)),
        limits=words.limits(inputs.slide.simulated, inputs.card.simulated),
    )


def _header(inputs: ReportInputs) -> Header:
    slide, score = inputs.slide, inputs.score
    return Header(
        slide_id=slide.slide_id,
        slide=slide.name,
        fingerprint=slide.fingerprint,
        patient=slide.patient or None,
        site=slide.site or None,
        stain=slide.stain or None,
        scanner=slide.scanner or None,
        objective=slide.objective,
        mpp_x=slide.mpp_x,
        mpp_y=slide.mpp_y,
        mpp_source=slide.mpp_source,
        width_mm=_mm(slide.width_px0, slide.mpp_x),
        height_mm=_mm(slide.height_px0, slide.mpp_y),
        tissue_mm2=_digits(slide.tissue_mm2),
        core_length_mm=_digits(slide.core_length_mm),
        patch_px=slide.patch_px,
        patch_mpp=slide.patch_mpp,
        patches=score["patches"],
        patches_assessed=score["assessed_patches"],
        patches_set_aside=score["set_aside"],
        assessed_mm2=score["area_mm2"],
        fields=score["fields"],
        simulated=slide.simulated,
        use=words.RESEARCH_USE,
    )


def _feature(name: str, inputs: ReportInputs) -> Feature:
    one, found = task(name), inputs.score["tasks"].get(name)
    human = [
        HumanGrade(reader=by.reader, grade=by.grades[name], at=by.at)
        for by in inputs.human
        if by.grades.get(name) is not None
    ]
    return Feature(
        task=name,
        title=one.title,
        letter=one.letter,
        criteria=tuple(Criterion(grade=grade.value, words=grade.slide) for grade in one.grades),
        grade=found["grade"] if found else None,
        absent=None if found else words.UNTRAINED,
        score=found["expected"] if found else None,
        interval=_interval(found["interval"]) if found else None,
        probabilities=tuple(found["probabilities"]) if found else None,
        rests_on=found["rests_on"] if found else None,
        calibrated=found["calibrated"] if found else None,
        human=tuple(human),
        readers_agree=words.READERS_AGREE[name],
    )


def _nas(score: Mapping[str, Any], features: Sequence[Feature]) -> Nas:
    missing = [feature.title.lower() for feature in features if feature.grade is None]
    return Nas(
        value=score["nas"],
        absent=f"No NAS: {' and '.join(missing)} not assessed." if missing else None,
        interval=_interval(score["nas_interval"]) if score["nas_interval"] else None,
        score=score["nas_expected"],
        p_active=score["p_active"],
        meaning=words.NAS_MEANING,
    )


def _quantities(inputs: ReportInputs) -> Quantities:
    tasks, fat = inputs.score["tasks"], inputs.slide.fat_area_share
    items = [
        Quantity(
            name="fat_area",
            title="Fat, share of tissue area",
            value=_digits(fat),
            interval=None,
            unit="share",
            basis=words.BY_PIXELS,
            absent=None if fat is not None else "not measured on this slide",
        )
    ]
    for name, title in words.DENSITIES.items():
        items.append(_density(name, title, tasks.get(name)))
    ballooned = tasks.get("ballooning")
    items.append(
        Quantity(
            name="ballooned_patches",
            title="Patches with ballooning",
            value=ballooned["positive_patch_share"] if ballooned else None,
            interval=None,
            unit="share",
            basis=words.BY_MODEL,
            absent=None if ballooned else words.UNTRAINED,
        )
    )
    grades = {name: found["grade"] for name, found in tasks.items()}
    densities = {name: found["density"] for name, found in tasks.items()}
    disagreements = words.disagreements(grades, densities, fat)
    return Quantities(field_mm2=FIELD_MM2, items=tuple(items), disagreements=disagreements)


def _density(name: str, title: str, found: Mapping[str, Any] | None) -> Quantity:
    return Quantity(
        name=f"{name}_density",
        title=title,
        value=found["density"] if found else None,
        interval=_interval(found["density_interval"]) if found else None,
        unit="share" if name == "steatosis" else "per field",
        basis=words.BY_MODEL,
        absent=None if found else words.UNTRAINED,
    )


def _evidence(name: str, inputs: ReportInputs) -> FeatureEvidence:
    times = relative_attention(inputs.arrays[f"attention.{name}"])
    probabilities = inputs.arrays[f"patches.{name}"]
    grades = patch_grades(name, inputs)
    picked = pick_places(times, TOP, LOW, RANDOM, inputs.seed)

    def shown(k: int) -> EvidencePatch:
        place = inputs.places[k]
        return EvidencePatch(
            patch_id=inputs.patch_ids[k],
            place=k,
            row=place.row,
            col=place.col,
            x_px0=place.x_px0,
            y_px0=place.y_px0,
            attention=round(float(times[k]), 3),
            grade=int(grades[k]),
            probability=round(float(probabilities[k, grades[k]]), 4),
        )

    return FeatureEvidence(task=name, **{kind: tuple(map(shown, places)) for kind, places in picked.items()})


def patch_grades(name: str, inputs: ReportInputs) -> np.ndarray:
    """The model's grade of each patch, shape (places,), drawn at the threshold the score was counted at."""
    return middle_grade(inputs.arrays[f"patches.{name}"], inputs.score["tasks"][name]["line"])


def _map(name: str, inputs: ReportInputs) -> AttentionMap:
    legend = attention_legend(inputs.arrays[f"attention.{name}"])
    return AttentionMap(task=name, low=legend.low, high=round(legend.high, 4), ticks=legend.ticks, unit=legend.unit)


def _quality(inputs: ReportInputs) -> Quality:
    score = inputs.score
    set_aside = {set_aside_reason(reason): count for reason, count in sorted(inputs.set_aside.items()) if count}
    if score["not_read"]:
        unreadable = set_aside_reason("unreadable")
        set_aside[unreadable] = set_aside.get(unreadable, 0) + sum(score["not_read"].values())
    if score["ignored_by_model"]:
        set_aside["left out by the model's quality gate"] = score["ignored_by_model"]
    notes = words.quality_notes(inputs.slide, score, inputs.card, inputs.slide_part)
    return Quality(set_aside=set_aside, notes=notes)


def _provenance(inputs: ReportInputs) -> Provenance:
    card, score = inputs.card, inputs.score
    validation = card.metrics.get("validation", {})
    return Provenance(
        score_id=inputs.score_id,
        scored_at=inputs.scored_at,
        model=card.name,
        backbone=card.backbone,
        weights_sha256=card.weights_sha256,
        label_set_sha256=card.label_set_sha256,
        code_version=card.code_version,
        trained_on=card.trained_on.model_dump(mode="json", exclude_unset=True),
        slide_part=inputs.slide_part,
        kappas={one.name: validation.get(f"kappa_{one.name}") for one in TASKS},
        rule=score["aggregator"],
        bag_size=score["bag_size"],
        seed=score["seed"],
        resamples=score["resamples"],
        device=score["device"],
        simulated_training=card.simulated,
    )


def _interval(pair: Sequence[float]) -> Interval:
    return Interval(low=pair[0], high=pair[1])


def _mm(pixels: int, mpp: float | None) -> float | None:
    return None if mpp is None else round(pixels * mpp / 1000, 3)


def _digits(value: float | None) -> float | None:
    return None if value is None else round(float(value), 5)
