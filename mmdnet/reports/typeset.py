"""How a report writes numbers, dates and verdicts: the same in HTML and PDF."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.reports import words
from mmdnet.reports.schema import EvidencePatch, Feature, FeatureEvidence, Header, Interval, Quantity, Report, SignOff
from mmdnet.reports.words import percent
from mmdnet.scoring.calibration.guard import LEAST_PATIENTS, LEAST_SLIDES
from mmdnet.scoring.summary import SAMPLING_INTERVAL
from mmdnet.scoring.validity import Ground, agreement_words
from mmdnet.words import count

RECORD_TAKES = (
    f"It takes {LEAST_SLIDES} training slides of {LEAST_PATIENTS} patients, or a calibration on as many graded ones."
)

LEAST_TIMES = 0.01


def figure_text(value: float | None, absent: str = "not recorded") -> str:
    """A number with two significant digits, and never fewer than its whole part."""
    if value is None:
        return absent
    if value == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 4)}f}"


def times_text(times: float) -> str:
    """Attention in multiples of the slide's mean: what is next to none says so instead of a row of zeros."""
    if times < LEAST_TIMES:
        return f"under {LEAST_TIMES:g}×"
    return f"{times:.{2 if times < 0.1 else 1}f}×"


def interval_text(interval: Interval | None, style: str = "score") -> str:
    """Low and high end; `style`: score (one decimal), whole, share or figure."""
    if interval is None:
        return "no interval"
    write = {"score": "{:.1f}".format, "whole": "{:.0f}".format, "share": percent, "figure": figure_text}[style]
    return f"{write(interval.low).removesuffix(' %')}–{write(interval.high)}"


def beside(report: Report, name: str) -> str:
    """What an interval covers, in brackets behind it; nothing in reports of version 1."""
    return f" ({report.covers(name)})" if report.covers(name) else ""


def quantity_text(value: float | None, unit: str) -> str:
    return percent(value) if unit == "share" else f"{figure_text(value)} per field"


def typeset(text: str) -> str:
    """Ranges with a dash, magnifications with a cross, no line that ends in < or >, as print has them."""
    ranged = re.sub(r"(?<=\d)-(?=\d)", "–", text)
    crossed = re.sub(r"(?<=\d)x(?= field)", "×", ranged)
    return re.sub(r"([<>]) (?=\d)", "\\1\u00a0", crossed)


def bases(report: Report) -> dict[str, str]:
    """What grades rest on: each ground once, with the features it is true of."""
    grounds: dict[str, list[str]] = {}
    for feature in report.features:
        if feature.rests_on:
            grounds.setdefault(feature.rests_on, []).append(feature.title)
    every = len(grounds) == 1 and len(next(iter(grounds.values()))) == len(report.features)
    return {"All features" if every else ", ".join(titles): ground for ground, titles in grounds.items()}


def has_grade(report: Report) -> bool:
    """Whether any grade of the model's is left in a report as it is shown (`withheld`)."""
    return any(feature.grade is not None for feature in report.features)


def all_withheld(report: Report) -> bool:
    """Whether no grade of the model's may be reported: then it is said once, and not feature by feature."""
    return not report.validity.reportable and not has_grade(report)


def all_withheld_words(report: Report) -> str:
    """That no grade of the model's stands in the report; empty where one does."""
    return words.ALL_WITHHELD if all_withheld(report) else ""


def absent_words(feature: Feature, report: Report) -> str:
    """Why a feature has no grade of the model's; empty where it has one, and where none has and that is said above."""
    return "" if all_withheld(report) and feature.absent == words.WITHHELD else feature.absent or ""


def quantities_left(report: Report) -> tuple[tuple[Quantity, ...], str]:
    """Quantities without those that are withheld, and these in a sentence, empty where there are none."""
    gone = [item.title for item in report.quantities.items if item.absent == words.WITHHELD]
    kept = tuple(item for item in report.quantities.items if item.absent != words.WITHHELD)
    return kept, f"Withheld with the model's grades: {'; '.join(gone)}." if gone else ""


def unsigned(report: Report) -> str:
    """That nobody signed, and whose the grades are that stand here."""
    if has_grade(report):
        return "Not signed: these are the model's grades alone."
    return "Not signed, and the model's grades are withheld: no grade stands here until a reader gives it."


def advice_of(report: Report) -> str:
    """Whether a second reader is advised; of a score that is withheld, whose grades hold instead."""
    if report.reliability is None:
        return ""
    said = report.reliability.advice
    return words.NO_ADVICE_SIGNED if said == words.NO_ADVICE and report.sign_off.current else said


def verdict(sign_off: SignOff, report: Report) -> str:
    """What was signed beside the model's grades: accepted, changed and why, or where it reports none.

    Args:
        sign_off: the signature.
        report: as it is shown (`withheld`): a grade that is not reported is none to differ from.
    """
    said = {feature.task: feature.grade for feature in report.features if feature.grade is not None}
    titles = {feature.task: feature.title.lower() for feature in report.features}
    changed = [titles[name] for name, grade in said.items() if sign_off.grades.get(name) != grade]
    alone = [titles[name] for name in titles if name not in said and sign_off.grades.get(name) is not None]
    parts = [f"{', '.join(changed)} changed"] if changed else ["the model's grades accepted"] if said else []
    if alone:
        parts.append(
            f"{', '.join(alone)} graded where the model reports none" if said else "the model reports no grade"
        )
    return "; ".join(parts) + (f": {sign_off.reason}" if sign_off.reason else "")


def patch_chance(patch: EvidencePatch) -> str:
    """The probability beside a patch's grade, with what it is of; empty where the grade is withheld."""
    if patch.grade is None or patch.probability is None:
        return ""
    of = f"P({patch.grade})" if patch.at_least is None else f"P(≥ {patch.at_least})"
    return f"{of} {percent(patch.probability)}"


def left_out(shown: FeatureEvidence) -> str:
    """That patches which drew more attention are not shown; empty where none is."""
    if not shown.left_out:
        return ""
    number, are = count(shown.left_out, "patch", "patches"), "is" if shown.left_out == 1 else "are"
    return f"{number} drew more attention and {are} not shown: a quarter or more is glass."


def has_interval(report: Report) -> bool:
    """Whether any interval is left in a report as it is shown (`withheld`)."""
    intervals = [report.nas.interval, *(feature.interval for feature in report.features)]
    return any((*intervals, *(item.interval for item in report.quantities.items)))


def limits_of(report: Report) -> tuple[str, ...]:
    """What a report cannot say; nothing on intervals where none is left in it, and of the grades that it shows."""
    whose = words.whose_grades(has_grade(report), report.sign_off.current is not None)
    kept = (said for said in report.limits if has_interval(report) or said not in words.ABOUT_INTERVALS)
    return tuple(whose if said == words.OF_MODEL else said for said in kept)


def likeness_of(report: Report) -> str:
    """How like the training's tissue the slide is, or what it takes to be told; empty where it was not told."""
    told = report.reliability
    if told is None:
        return ""
    return as_left(told.likeness if told.unlikeness is not None else f"{told.likeness} {RECORD_TAKES}", report)


SAID_BY_VALIDITY = {
    Ground.LEARNT_PATIENT: words.TRAINED_ON_SLIDE,
    Ground.SIMULATED_TRAINING: words.SIMULATED_AMONG_TRAINING,
    Ground.UNSEEN_STAIN: words.STAIN_UNSEEN,
    Ground.UNSEEN_TISSUE: words.TISSUE_UNLIKE,
}
"""How the caution begins that a ground against reporting says already."""


def cautions_of(report: Report) -> tuple[str, ...]:
    """What to know before trusting the grades, gravest first; what keeps them from being reported is said there."""
    said = tuple(
        SAID_BY_VALIDITY[held.ground] for held in report.validity.objections if held.ground in SAID_BY_VALIDITY
    )
    return tuple(as_left(caution, report) for caution in report.cautions if not caution.startswith(said))


def cautions_title(report: Report) -> str:
    """What stands over them; without a grade of the model's there is none to trust."""
    return "Before trusting these grades" if has_grade(report) else "Also to know of the slide and the model"


def notes_of(report: Report) -> tuple[str, ...]:
    """Lesser notes on the slide and the model."""
    return tuple(as_left(note.words, report) for note in report.quality.notes if note.weight == "note")


def as_left(said: str, report: Report) -> str:
    """A sentence without what it says of intervals that are not left in the report."""
    if not any(feature.interval and not feature.calibrated for feature in report.features):
        said = said.replace(f" {SAMPLING_INTERVAL}", "")
    return said if has_interval(report) else said.replace(words.WIDENED, "")


def evidence_caption(report: Report) -> str:
    """What stands under each patch of the evidence, up to how its place is told."""
    return words.UNDER_UNGRADED_PATCH if all_withheld(report) else words.UNDER_EACH_PATCH


def evidence_note(report: Report) -> str:
    """Why some of a report's patches may be half empty; empty where none can be."""
    return words.GLASS_AMONG_EVIDENCE if report.schema_version < 4 and report.evidence else ""


def moment(at: datetime) -> str:
    """A date and time with its zone, unmistakable in every country."""
    return f"{at.day} {at:%B %Y, %H:%M} {at.tzname() or ''}".strip()


def names_text(values: Any) -> str:
    """A list of names in words; a number or a text as it is."""
    if isinstance(values, (list, tuple)):
        return ", ".join(map(str, values)) or "none recorded"
    return str(values)


def learnt_from(trained_on: Mapping[str, Any]) -> str:
    """How many slides of how many patients a model learnt from, as far as its card says."""
    slides, patients = trained_on.get("slides"), trained_on.get("patients")
    said = [count(slides, "slide")] if slides else []
    said += [count(patients, "patient")] if patients else []
    return " of ".join(said) or "not recorded"


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and what is known of it; `width` is how many of four columns it takes, `code` that it is a hash."""

    name: str
    value: str = "not recorded"
    width: int = 1
    code: bool = False

    @property
    def known(self) -> bool:
        """Whether it is recorded."""
        return self.value != "not recorded"


def slide_facts(header: Header) -> tuple[Fact, ...]:
    """What is known of the slide, in the order it is printed."""

    def fact(name: str, value: str | None, width: int = 1) -> Fact:
        return Fact(name, value, width) if value else Fact(name, width=width)

    resolution = None
    if header.mpp_x and header.mpp_y:
        both = f"{header.mpp_x:.3g}" if header.mpp_x == header.mpp_y else f"{header.mpp_x:.3g} × {header.mpp_y:.3g}"
        resolution = f"{both} µm/px{', entered by a person' if header.mpp_source == 'person' else ''}"
    scanned = None
    if header.width_mm and header.height_mm:
        scanned = f"{figure_text(header.width_mm)} × {figure_text(header.height_mm)} mm"
    tissue = None if header.tissue_mm2 is None else f"{figure_text(header.tissue_mm2)} mm²"
    core = "not measured" if header.core_length_mm is None else f"{figure_text(header.core_length_mm)} mm"
    area = f"{figure_text(header.assessed_mm2)} mm², {figure_text(header.fields)} fields"
    assessed = f"{header.patches_assessed:,} of {header.patches:,} ({area})"
    case = (fact("Accession number", header.accession_number, 2), fact("Barcode", header.barcode, 2))
    return (
        fact("Patient", header.patient),
        fact("Site", header.site),
        fact("Stain", header.stain),
        fact("Scanner", header.scanner),
        fact("Objective", f"{header.objective:g}×" if header.objective else None),
        fact("Resolution", resolution),
        fact("Scanned area", scanned),
        fact("Tissue", tissue),
        Fact("Core length", core),
        Fact("Patches laid", f"{header.patches:,}, each {header.patch_px * header.patch_mpp:.4g} µm"),
        Fact("Patches assessed", assessed),
        Fact("Patches not assessed", f"{header.patches_set_aside:,}"),
        *(case if any(each.known for each in case) else ()),
        Fact("Slide file, SHA-256 fingerprint", header.fingerprint, 4, code=True),
    )


def provenance_facts(report: Report) -> tuple[Fact, ...]:
    """What made the grades, in the order it is printed."""
    made = report.provenance
    trained = "; ".join(f"{key.replace('_', ' ')}: {names_text(value)}" for key, value in made.trained_on.items())
    if made.simulated_training:
        trained += " (simulated slides took part)"
    return (
        Fact("Model", made.model),
        Fact("Scored", moment(made.scored_at)),
        Fact("Code version", made.code_version),
        Fact("Scored in bags of", count(made.bag_size, "patch", "patches")),
        Fact("Resamples, seed", f"{made.resamples}, {made.seed}"),
        Fact("Device", made.device),
        Fact("Score number", str(made.score_id)),
        Fact("Backbone", made.backbone),
        Fact("Trained on", trained, 2) if trained else Fact("Trained on", width=2),
        Fact("Agreement with readers", agreement_words(made.checks) or "not known", 2),
        Fact("Weights, SHA-256", made.weights_sha256, 4, code=True),
        Fact("Label set, SHA-256", made.label_set_sha256, 4, code=True),
    )
