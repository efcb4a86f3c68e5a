"""The report as one HTML file: pictures inside, nothing fetched, made to be read on screen and printed on A4."""

import base64
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mmdnet.labels.grading import TASKS
from mmdnet.reports.schema import Feature, Interval, Report, SignOff, report_sha256
from mmdnet.reports.words import MAP_CAPTION, chance, percent
from mmdnet.scoring.heat import MapFrame, scale_bar_um
from mmdnet.scoring.palette import GRADE_RAMPS, heat_stops, ink_on

TEMPLATE = "report.html.j2"


@dataclass(frozen=True)
class ReportPictures:
    """What the report shows; all encoded, all optional: a picture that is not there is said to be missing.

    Attributes:
        slide: the whole slide, JPEG.
        maps: attention over the whole slide by task, RGBA PNG, the more opaque the higher.
        frame: how the patches lie on the slide; crops the maps to the tissue.
        patches: patches by id, JPEG.
        links: address of each patch in the app, by patch id.
    """

    slide: bytes | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    frame: MapFrame | None = None
    patches: Mapping[int, bytes] = field(default_factory=dict)
    links: Mapping[int, str] = field(default_factory=dict)


def to_html(report: Report, pictures: ReportPictures | None = None) -> str:
    """The report as one self-contained file."""
    pictures = pictures or ReportPictures()
    slide = data_uri(pictures.slide, "image/jpeg") if pictures.slide else None
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            report=report,
            content_sha256=report_sha256(report),
            titles={task.name: task.title for task in TASKS},
            letters={task.name: task.letter for task in TASKS},
            ramps=GRADE_RAMPS,
            heat_stops=heat_stops(),
            map_caption=MAP_CAPTION,
            slide_picture=slide,
            maps={name: data_uri(png, "image/png") for name, png in pictures.maps.items()},
            crop=crop_of(report, pictures.frame),
            patch_pictures={key: data_uri(jpeg, "image/jpeg") for key, jpeg in pictures.patches.items()},
            links=pictures.links,
            graph=grade_graph,
            bases=_bases(report),
            model_grades={feature.task: feature.grade for feature in report.features},
        )
    )


def data_uri(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


@dataclass(frozen=True)
class Crop:
    """The part of a slide that maps show, in level-0 pixels, with a scale bar that fits it."""

    slide_width: int
    slide_height: int
    x: float
    y: float
    width: float
    height: float
    bar_px0: float
    bar_words: str


def crop_of(report: Report, frame: MapFrame | None) -> Crop | None:
    """The patches' bounding box with a margin, so that a thin core on a wide slide is not a thread."""
    if frame is None or len(frame.x_px0) == 0:
        return None
    left, top = float(frame.x_px0.min()), float(frame.y_px0.min())
    right, bottom = float(frame.x_px0.max() + frame.side_x_px0), float(frame.y_px0.max() + frame.side_y_px0)
    margin = 0.03 * max(right - left, bottom - top)
    x, y = max(0.0, left - margin), max(0.0, top - margin)
    width = min(float(frame.width_px0), right + margin) - x
    height = min(float(frame.height_px0), bottom + margin) - y
    mpp = report.header.mpp_x or math.nan
    bar_um = scale_bar_um(width * mpp) if math.isfinite(mpp) else 0.0
    words = f"{bar_um / 1000:g} mm" if bar_um >= 1000 else f"{bar_um:g} µm"
    bar_px0 = bar_um / mpp if bar_um else 0.0
    return Crop(frame.width_px0, frame.height_px0, x, y, width, height, bar_px0, words)


@dataclass(frozen=True)
class GradeBar:
    """One column of a grade graph, in the graph's own units."""

    grade: int
    x: float
    height: float
    share: str
    colour: str
    chosen: bool


@dataclass(frozen=True)
class GradeGraph:
    """Probability per grade as columns over the axis of the continuous score, with its interval as a whisker."""

    width: int
    bars: tuple[GradeBar, ...]
    low_x: float
    high_x: float
    point_x: float


def grade_graph(feature: Feature, width: int = 190) -> GradeGraph:
    """Positions for a feature that was assessed; grade 0 and the highest sit half a column from the edges."""
    assert feature.interval and feature.score is not None and feature.probabilities and feature.grade is not None
    step = width / (feature.highest + 1)

    def at(score: float) -> float:
        return round(step * (score + 0.5), 1)

    bars = tuple(
        GradeBar(k, at(k), round(share * 34, 1), chance(share), GRADE_RAMPS[feature.task][k], k == feature.grade)
        for k, share in enumerate(feature.probabilities)
    )
    return GradeGraph(width, bars, at(feature.interval.low), at(feature.interval.high), at(feature.score))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "figure": figure_text,
        "percent": percent,
        "chance": chance,
        "interval": _interval,
        "beside": _beside,
        "moment": _moment,
        "ink": ink_on,
        "css_text": _css_text,
        "names": _names,
        "quantity": _quantity,
        "typeset": _typeset,
        "verdict": _verdict,
    }
    return environment


def figure_text(value: float | None, absent: str = "not recorded") -> str:
    """A number with two significant digits, and never fewer than its whole part."""
    if value is None:
        return absent
    if value == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 4)}f}"


def _interval(interval: Interval | None, style: str = "score") -> str:
    """Low and high end; `style`: score (one decimal), whole, share or figure."""
    if interval is None:
        return "no interval"
    write = {"score": "{:.1f}".format, "whole": "{:.0f}".format, "share": percent, "figure": figure_text}[style]
    return f"{write(interval.low).removesuffix(' %')}–{write(interval.high)}"


def _beside(report: Report, name: str) -> str:
    """What an interval covers, in brackets behind it; nothing in reports of version 1."""
    return f" ({report.covers(name)})" if report.covers(name) else ""


def _quantity(value: float | None, unit: str) -> str:
    return percent(value) if unit == "share" else f"{figure_text(value)} per field"


def _typeset(text: str) -> str:
    """Ranges with a dash and magnifications with a cross, as print has them."""
    return re.sub(r"(?<=\d)x(?= field)", "×", re.sub(r"(?<=\d)-(?=\d)", "–", text))


def _bases(report: Report) -> dict[str, str]:
    """What grades rest on: each ground once, with the features it is true of."""
    grounds: dict[str, list[str]] = {}
    for feature in report.features:
        if feature.rests_on:
            grounds.setdefault(feature.rests_on, []).append(feature.title)
    every = len(grounds) == 1 and len(next(iter(grounds.values()))) == len(report.features)
    return {"All features" if every else ", ".join(titles): ground for ground, titles in grounds.items()}


def _verdict(sign_off: SignOff, report: Report) -> str:
    """Accepted or changed, and why."""
    changed = [
        feature.title.lower() for feature in report.features if sign_off.grades.get(feature.task) != feature.grade
    ]
    if not changed:
        return sign_off.reason or "the model's grades accepted"
    return f"{', '.join(changed)} changed: {sign_off.reason or 'no reason given'}"


def _moment(at: datetime) -> str:
    """A date and time with its zone, unmistakable in every country."""
    return f"{at.day} {at:%B %Y, %H:%M} {at.tzname() or ''}".strip()


def _names(values: Any) -> str:
    """A list of names in words; a number or a text as it is."""
    if isinstance(values, (list, tuple)):
        return ", ".join(map(str, values)) or "none recorded"
    return str(values)


def _css_text(text: str) -> str:
    """Text for a CSS string: everything but letters and digits as a code point, so nothing can end the string."""
    return "".join(char if char.isascii() and char.isalnum() else f"\\{ord(char):06x}" for char in text)
