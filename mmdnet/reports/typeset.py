"""How a report writes numbers, dates and verdicts: the same in HTML and PDF."""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mmdnet.reports.schema import Header, Interval, Report, SignOff
from mmdnet.reports.words import percent


def figure_text(value: float | None, absent: str = "not recorded") -> str:
    """A number with two significant digits, and never fewer than its whole part."""
    if value is None:
        return absent
    if value == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 4)}f}"


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
    """Ranges with a dash and magnifications with a cross, as print has them."""
    return re.sub(r"(?<=\d)x(?= field)", "×", re.sub(r"(?<=\d)-(?=\d)", "–", text))


def bases(report: Report) -> dict[str, str]:
    """What grades rest on: each ground once, with the features it is true of."""
    grounds: dict[str, list[str]] = {}
    for feature in report.features:
        if feature.rests_on:
            grounds.setdefault(feature.rests_on, []).append(feature.title)
    every = len(grounds) == 1 and len(next(iter(grounds.values()))) == len(report.features)
    return {"All features" if every else ", ".join(titles): ground for ground, titles in grounds.items()}


def verdict(sign_off: SignOff, report: Report) -> str:
    """Accepted or changed, and why."""
    changed = [
        feature.title.lower() for feature in report.features if sign_off.grades.get(feature.task) != feature.grade
    ]
    if not changed:
        return sign_off.reason or "the model's grades accepted"
    return f"{', '.join(changed)} changed: {sign_off.reason or 'no reason given'}"


def moment(at: datetime) -> str:
    """A date and time with its zone, unmistakable in every country."""
    return f"{at.day} {at:%B %Y, %H:%M} {at.tzname() or ''}".strip()


def names_text(values: Any) -> str:
    """A list of names in words; a number or a text as it is."""
    if isinstance(values, (list, tuple)):
        return ", ".join(map(str, values)) or "none recorded"
    return str(values)


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

    def fact(name: str, value: str | None) -> Fact:
        return Fact(name, value) if value else Fact(name)

    resolution = None
    if header.mpp_x and header.mpp_y:
        both = f"{header.mpp_x:.3g}" if header.mpp_x == header.mpp_y else f"{header.mpp_x:.3g} × {header.mpp_y:.3g}"
        resolution = f"{both} µm/px{', entered by a person' if header.mpp_source == 'person' else ''}"
    scanned = None
    if header.width_mm and header.height_mm:
        scanned = f"{figure_text(header.width_mm)} × {figure_text(header.height_mm)} mm"
    tissue = None if header.tissue_mm2 is None else f"{figure_text(header.tissue_mm2)} mm²"
    core = "not measured" if header.core_length_mm is None else f"{figure_text(header.core_length_mm)} mm"
    assessed = (
        f"{header.patches_assessed} ({figure_text(header.assessed_mm2)} mm², {figure_text(header.fields)} fields)"
    )
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
        Fact("Patches laid", f"{header.patches}, each {header.patch_px * header.patch_mpp:.4g} µm"),
        Fact("Patches assessed", assessed),
        Fact("Patches not assessed", str(header.patches_set_aside)),
        Fact("Slide file, SHA-256 fingerprint", header.fingerprint, 4, code=True),
    )


def provenance_facts(report: Report) -> tuple[Fact, ...]:
    """What made the grades, in the order it is printed."""
    made = report.provenance
    trained = "; ".join(f"{key.replace('_', ' ')}: {names_text(value)}" for key, value in made.trained_on.items())
    if made.simulated_training:
        trained += " (simulated slides took part)"
    kappas = ", ".join(
        f"{feature.title} {'not known' if (kappa := made.kappas[feature.task]) is None else f'{kappa:.2f}'}"
        for feature in report.features
    )
    return (
        Fact("Model", made.model),
        Fact("Scored", moment(made.scored_at)),
        Fact("Code version", made.code_version),
        Fact("Bags of", f"{made.bag_size} patches"),
        Fact("Resamples, seed", f"{made.resamples}, {made.seed}"),
        Fact("Device", made.device),
        Fact("Score number", str(made.score_id), 2),
        Fact("Trained on", trained, 2) if trained else Fact("Trained on", width=2),
        Fact("Weighted κ on bags of validation patients", kappas, 2),
        Fact("Backbone", made.backbone, 4),
        Fact("Weights, SHA-256", made.weights_sha256, 4, code=True),
        Fact("Label set, SHA-256", made.label_set_sha256, 4, code=True),
    )
