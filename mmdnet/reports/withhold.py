"""Withheld is withheld: a report without what a model said that may not be reported."""

from collections.abc import Mapping
from typing import TypeVar

from mmdnet.reports import words
from mmdnet.reports.schema import (
    EVIDENCE_KINDS,
    EvidencePatch,
    Feature,
    FeatureEvidence,
    QualityNote,
    Quantities,
    Quantity,
    Reliability,
    Report,
)

Value = TypeVar("Value")
POSITIVE_PATCHES = {"ballooning": "ballooned_patches"}  # the quantity of the share of patches that show a task


def withheld(report: Report) -> Report:
    """The report as it may be shown: of a feature whose grade is not reportable, nothing that rests on the model.

    What was measured on pixels stays, and so do pictures of patches and where the network looked, which show why it is
    not to be believed. A reportable report is as it was, and so is one that went through here before.
    """
    validity = report.validity
    if validity.reportable:
        return report
    gone = {feature.task for feature in report.features if not validity.holds_for(feature.task)}
    return report.model_copy(
        update={
            "features": tuple(_feature(feature) if feature.task in gone else feature for feature in report.features),
            "quantities": _quantities(report, gone),
            "evidence": tuple(_evidence(shown) if shown.task in gone else shown for shown in report.evidence),
            "quality": report.quality.model_copy(update={"notes": _notes(report, gone)}),
            "reliability": report.reliability and _reliability(report.reliability, gone),
        }
    )


def density_name(task_name: str) -> str:
    """The quantity of a task's density."""
    return f"{task_name}_density"


def _feature(feature: Feature) -> Feature:
    nothing = dict.fromkeys(("grade", "score", "interval", "probabilities", "rests_on", "calibrated"))
    return feature.model_copy(update={**nothing, "absent": feature.absent or words.WITHHELD})


def _quantities(report: Report, gone: set[str]) -> Quantities:
    names = {density_name(task) for task in gone} | {POSITIVE_PATCHES[task] for task in gone & set(POSITIVE_PATCHES)}

    def shown(item: Quantity) -> Quantity:
        if item.name not in names or item.value is None:
            return item
        return item.model_copy(update={"value": None, "interval": None, "absent": words.WITHHELD})

    titles = tuple(f"{feature.title}:" for feature in report.features if feature.task in gone)
    return report.quantities.model_copy(
        update={
            "items": tuple(map(shown, report.quantities.items)),
            "disagreements": tuple(said for said in report.quantities.disagreements if not said.startswith(titles)),
        }
    )


def _notes(report: Report, gone: set[str]) -> tuple[QualityNote, ...]:
    """Without a doubt of a grade that is not shown, from which it could be guessed."""
    kept = []
    for note in report.quality.notes:
        about, floor, _ = note.words.partition(words.FLOOR_REACHED)
        doubted = [feature.task for feature in report.features if feature.title in about.split(" and ")]
        left = [name for name in doubted if name not in gone]
        if not floor:
            kept.append(note)
        elif left:
            kept.append(note.model_copy(update={"words": words.under_floor(left)}))
    return tuple(kept)


def _evidence(shown: FeatureEvidence) -> FeatureEvidence:
    nothing = dict.fromkeys(("grade", "probability", "at_least"))

    def bare(patches: tuple[EvidencePatch, ...]) -> tuple[EvidencePatch, ...]:
        return tuple(patch.model_copy(update=nothing) for patch in patches)

    return shown.model_copy(update={kind: bare(getattr(shown, kind)) for kind in EVIDENCE_KINDS})


def _reliability(told: Reliability, gone: set[str]) -> Reliability:
    """Without the intervals of what is withheld, and without advice, which the model's own doubt is the ground of."""
    names = gone | {density_name(task) for task in gone}

    def kept(about: Mapping[str, Value]) -> dict[str, Value]:
        return {name: value for name, value in about.items() if name not in names}

    return told.model_copy(
        update={
            "intervals": kept(told.intervals),
            "covers_error": kept(told.covers_error),
            "holds": kept(told.holds),
            "nas_at_least": (),
            "refer": (),
            "advice": words.NO_ADVICE,
            "measured": "",
        }
    )
