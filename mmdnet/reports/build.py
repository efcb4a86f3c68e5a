"""Building a report: each block from what it is made of."""

from collections.abc import Sequence

import numpy as np

from mmdnet.labels.agreement import KLEINER
from mmdnet.labels.grading import FIELD_MM2, SHOWN_TASKS, task
from mmdnet.reports import words
from mmdnet.reports.findings import disagreements, quality_notes
from mmdnet.reports.inputs import ReportInputs
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
    Reliability,
    Report,
    SignOffs,
)
from mmdnet.reports.withhold import POSITIVE_PATCHES, density_name, withheld
from mmdnet.scoring.heat import attention_legend, pick_places, relative_attention
from mmdnet.scoring.rules import COUNTED
from mmdnet.scoring.summary import ScoreSummary, TaskSummary
from mmdnet.scoring.validity import Validity, checks_of
from mmdnet.slides.set_aside import set_aside_reason

TOP, LOW, RANDOM = 6, 3, 3
EVIDENCE_TISSUE = 0.75  # of a patch: with less, a quarter or more of what is seen is glass


def build_report(inputs: ReportInputs) -> Report:
    """The report of a scored slide."""
    names, version = _reported(inputs.score), inputs.score.version
    drawn_alone = inputs.card.simulated and not inputs.card.partly_simulated
    features = tuple(_feature(name, inputs) for name in names)
    reliability = _reliability(inputs.score, inputs.validity)
    report = Report(
        schema_version=4 if version >= 4 else 3 if version >= 3 else 2 if reliability else 1,
        made_at=inputs.made_at,
        header=_header(inputs),
        features=features,
        fibrosis=words.fibrosis(inputs.slide.stain),
        nas=_nas(inputs, features),
        quantities=_quantities(inputs),
        evidence=tuple(_evidence(name, inputs) for name in names if name in inputs.score.tasks),
        maps=tuple(_map(name, inputs) for name in names if name in inputs.score.tasks),
        quality=_quality(inputs),
        provenance=_provenance(inputs, names),
        sign_off=SignOffs(signed=tuple(inputs.sign_offs)),
        limits=words.limits(inputs.slide.simulated, drawn_alone, of_before=reliability is None),
        reliability=reliability,
        validity=inputs.validity,
    )
    return withheld(report) if report.schema_version >= 4 else report


def _reliability(score: ScoreSummary, validity: Validity) -> Reliability | None:
    """What the intervals are worth; None for a score of a build that did not tell."""
    if score.refer is None:
        return None
    has_nas = score.nas is not None and validity.reportable
    covers: dict[str, bool] = {"nas": score.nas_covers_error} if has_nas else {}
    holds: dict[str, float | None] = {"nas": score.nas_holds} if has_nas else {}
    for name, about in score.tasks.items():
        covers |= {name: about.covers_error, density_name(name): about.density_covers_error}
        holds |= {name: about.holds, density_name(name): about.density_holds}
    return Reliability(
        intervals={name: words.coverage(known, holds[name], score.graded_slides) for name, known in covers.items()},
        covers_error=covers,
        holds=holds,
        graded_slides=score.graded_slides,
        nas_at_least=score.nas_at_least if has_nas else (),
        refer=tuple(reason.value for reason in score.refer),
        advice=words.second_reader(score.refer),
        measured=words.referral_measured(score.referral),
        likeness=words.likeness(score),
        unlikeness=score.unlikeness,
    )


def _reported(score: ScoreSummary) -> tuple[str, ...]:
    """Tasks the report has: those of the NAS, graded or not, and others the model grades.

    So a score of before a task was added gives the report that was signed, byte for byte.
    """
    return tuple(shown.name for shown in SHOWN_TASKS if shown.in_nas or shown.name in score.tasks)


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
        patches=score.patches,
        patches_assessed=score.assessed_patches,
        patches_set_aside=score.set_aside,
        assessed_mm2=score.area_mm2,
        fields=score.fields,
        simulated=slide.simulated,
        use=words.RESEARCH_USE,
        accession_number=slide.accession_number or None,
        barcode=slide.barcode or None,
    )


def _feature(name: str, inputs: ReportInputs) -> Feature:
    about, score = task(name), inputs.score.tasks.get(name)
    human = [
        HumanGrade(reader=reading.reader, grade=reading.grades[name], at=reading.at)
        for reading in inputs.human
        if reading.grades.get(name) is not None
    ]
    return Feature(
        task=name,
        title=about.title,
        letter=about.letter,
        criteria=tuple(Criterion(grade=grade.value, words=grade.slide) for grade in about.grades),
        grade=score.grade if score else None,
        absent=None if score else words.UNTRAINED,
        score=score.expected if score else None,
        interval=_interval(score.interval) if score else None,
        probabilities=score.probabilities if score else None,
        rests_on=score.rests_on if score else None,
        calibrated=score.calibrated if score else None,
        human=tuple(human),
        readers_agree=KLEINER.kappa.get(name),
    )


def _nas(inputs: ReportInputs, features: Sequence[Feature]) -> Nas:
    score = inputs.score
    if not inputs.validity.reportable:
        why = inputs.validity.words
        return Nas(value=None, absent=why, interval=None, score=None, p_active=None, meaning=words.NAS_MEANING)
    missing = [feature.title.lower() for feature in features if feature.grade is None and task(feature.task).in_nas]
    absent = f"No NAS: {' and '.join(missing)} not assessed." if missing else None
    return Nas(
        value=score.nas,
        absent=words.likeness(score) if score.withheld else absent,
        interval=_interval(score.nas_interval) if score.nas_interval else None,
        score=score.nas_expected,
        p_active=score.p_active,
        meaning=words.NAS_MEANING,
    )


def _quantities(inputs: ReportInputs) -> Quantities:
    tasks, fat = inputs.score.tasks, inputs.slide.fat_area_share
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
            name=POSITIVE_PATCHES["ballooning"],
            title="Patches with ballooning",
            value=ballooned.positive_patch_share if ballooned else None,
            interval=None,
            unit="share",
            basis=words.BY_MODEL,
            absent=None if ballooned else words.UNTRAINED,
        )
    )
    return Quantities(field_mm2=FIELD_MM2, items=tuple(items), disagreements=disagreements(tasks, fat))


def _density(name: str, title: str, score: TaskSummary | None) -> Quantity:
    return Quantity(
        name=density_name(name),
        title=title,
        value=score.density if score else None,
        interval=_interval(score.density_interval) if score else None,
        unit="per field" if name in COUNTED else "share",
        basis=words.BY_MODEL,
        absent=None if score else words.UNTRAINED,
    )


def _evidence(name: str, inputs: ReportInputs) -> FeatureEvidence:
    times = relative_attention(inputs.arrays.attention[name])
    probabilities = inputs.arrays.patch_probabilities[name]
    grades = inputs.patch_grades(name)
    picked, left_out = _pick(times, inputs)
    of_now = inputs.score.version >= 4

    def shown(k: int) -> EvidencePatch:
        place, grade = inputs.places[k], int(grades[k])
        at_least = max(1, grade)
        chance = probabilities[k, at_least:].sum() if of_now else probabilities[k, grade]
        return EvidencePatch(
            patch_id=inputs.patch_ids[k],
            place=k,
            row=place.row,
            col=place.col,
            x_px0=place.x_px0,
            y_px0=place.y_px0,
            attention=round(float(times[k]), 3),
            grade=grade,
            probability=round(float(chance), 4),
            at_least=at_least if of_now else None,
        )

    groups = {kind: tuple(map(shown, places)) for kind, places in picked.items()}
    return FeatureEvidence(task=name, left_out=left_out, **groups)


def _pick(times: np.ndarray, inputs: ReportInputs) -> tuple[dict[str, list[int]], int]:
    """Which places are shown, see `pick_places`, and how many more attended to are not, being too much glass.

    Args:
        times: relative attention, shape (places,), NaN where not assessed.
        inputs: of the report; one of before version 4 leaves none out, and so does a slide that is glass throughout.
    """
    tissue = np.array([place.tissue_share for place in inputs.places])
    enough = np.where(tissue >= EVIDENCE_TISSUE, times, np.nan)
    if inputs.score.version < 4 or not np.isfinite(enough).any():
        return pick_places(times, TOP, LOW, RANDOM, inputs.seed), 0
    picked = pick_places(enough, TOP, LOW, RANDOM, inputs.seed)
    last = times[picked["top"][-1]]
    return picked, int(((times > last) & np.isnan(enough)).sum())


def _map(name: str, inputs: ReportInputs) -> AttentionMap:
    legend = attention_legend(inputs.arrays.attention[name])
    return AttentionMap(task=name, low=legend.low, high=round(legend.high, 4), ticks=legend.ticks, unit=legend.unit)


def _quality(inputs: ReportInputs) -> Quality:
    score = inputs.score
    set_aside = {set_aside_reason(reason): count for reason, count in sorted(inputs.set_aside.items()) if count}
    if score.not_read:
        unreadable = set_aside_reason("unreadable")
        set_aside[unreadable] = set_aside.get(unreadable, 0) + sum(score.not_read.values())
    if score.ignored_by_model:
        set_aside["left out by the model's quality gate"] = score.ignored_by_model
    notes = quality_notes(inputs.slide, score, inputs.card, inputs.slide_part)
    return Quality(set_aside=set_aside, notes=notes)


def _provenance(inputs: ReportInputs, names: Sequence[str]) -> Provenance:
    card, score = inputs.card, inputs.score
    validation = card.metrics.get("validation", {})
    kappas = {} if score.version >= 4 else {name: validation.get(f"kappa_{name}") for name in names}
    return Provenance(
        score_id=inputs.score_id,
        scored_at=inputs.scored_at,
        model=card.name,
        backbone=card.backbone_words,
        weights_sha256=card.weights_sha256,
        label_set_sha256=card.label_set_sha256,
        code_version=card.code_version,
        trained_on=card.trained_on.model_dump(mode="json", exclude_unset=True, exclude={"grades"}),
        slide_part=inputs.slide_part,
        kappas=kappas,
        rule=score.aggregator,
        bag_size=score.bag_size,
        seed=score.seed,
        resamples=score.resamples,
        device=score.device,
        simulated_training=card.simulated,
        checks=tuple(check for check in checks_of(card) if check.task in names),
    )


def _interval(pair: Sequence[float]) -> Interval:
    return Interval(low=pair[0], high=pair[1])


def _mm(pixels: int, mpp: float | None) -> float | None:
    return None if mpp is None else round(pixels * mpp / 1000, 3)


def _digits(value: float | None) -> float | None:
    return None if value is None else round(float(value), 5)
