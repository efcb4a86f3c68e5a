"""The report as one HTML file: pictures inside, nothing fetched, made to be read on screen and printed on A4."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from mmdnet.files import data_uri
from mmdnet.labels.grading import TASKS
from mmdnet.reports.model_card import CardDocument
from mmdnet.reports.patch_maps import ReportMaps
from mmdnet.reports.schema import Feature, Report, report_sha256
from mmdnet.reports.typeset import (
    absent_words,
    advice_of,
    all_withheld_words,
    as_left,
    bases,
    beside,
    cautions_of,
    cautions_title,
    evidence_caption,
    evidence_note,
    figure_text,
    has_interval,
    interval_text,
    left_out,
    likeness_of,
    limits_of,
    moment,
    patch_chance,
    provenance_facts,
    quantities_left,
    quantity_text,
    slide_facts,
    times_text,
    typeset,
    unsigned,
    verdict,
)
from mmdnet.reports.withhold import withheld
from mmdnet.reports.words import MAP_CAPTION, PLACE_IN_FILE, chance, fibrosis_shown, percent
from mmdnet.scoring.heat import MapFrame, scale_bar_um
from mmdnet.scoring.palette import GRADE_RAMPS, heat_stops, ink_on
from mmdnet.scoring.validity import NOT_REPORTABLE

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
        on_patches: where on the patches the grades come from.
    """

    slide: bytes | None = None
    maps: Mapping[str, bytes] = field(default_factory=dict)
    frame: MapFrame | None = None
    patches: Mapping[int, bytes] = field(default_factory=dict)
    links: Mapping[int, str] = field(default_factory=dict)
    on_patches: ReportMaps = field(default_factory=ReportMaps)


def to_html(report: Report, pictures: ReportPictures | None = None, card: CardDocument | None = None) -> str:
    """The report as one self-contained file; with the card of its model at the end, where it is given."""
    pictures, content_sha256 = pictures or ReportPictures(), report_sha256(report)
    report = withheld(report)
    quantities, not_shown = quantities_left(report)
    slide = data_uri(pictures.slide, "image/jpeg") if pictures.slide else None
    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            report=report,
            card=card,
            content_sha256=content_sha256,
            titles={task.name: task.title for task in TASKS},
            letters={task.name: task.letter for task in TASKS},
            ramps=GRADE_RAMPS,
            heat_stops=heat_stops(),
            map_caption=MAP_CAPTION,
            slide_picture=slide,
            maps={name: data_uri(png, "image/png") for name, png in pictures.maps.items()},
            crop=crop_of(report, pictures.frame),
            patch_pictures={key: data_uri(jpeg, "image/jpeg") for key, jpeg in pictures.patches.items()},
            on_patches=pictures.on_patches,
            patch_map=partial(_patch_map, pictures.on_patches),
            links=pictures.links,
            graph=grade_graph,
            bases=bases(report),
            facts=slide_facts(report.header),
            provenance=provenance_facts(report),
            unsigned=unsigned(report),
            evidence_caption=evidence_caption(report) + PLACE_IN_FILE,
            evidence_note=evidence_note(report),
            likeness=likeness_of(report),
            cautions=cautions_of(report),
            cautions_title=cautions_title(report),
            withheld=all_withheld_words(report),
            quantities=quantities,
            not_shown=not_shown,
            intervals=has_interval(report),
            limits=limits_of(report),
            fibrosis=fibrosis_shown(report.fibrosis),
            not_reportable=NOT_REPORTABLE.lower(),
        )
    )


def _patch_map(maps: ReportMaps, task: str, place: int) -> str | None:
    jpeg = maps.picture(task, place)
    return data_uri(jpeg, "image/jpeg") if jpeg else None


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
        "interval": interval_text,
        "beside": beside,
        "moment": moment,
        "ink": ink_on,
        "css_text": _css_text,
        "quantity": quantity_text,
        "typeset": typeset,
        "verdict": verdict,
        "advice": advice_of,
        "absent": absent_words,
        "times": times_text,
        "patch_chance": patch_chance,
        "left_out": left_out,
        "as_left": as_left,
    }
    return environment


def _css_text(text: str) -> str:
    """Text for a CSS string: everything but letters and digits as a code point, so nothing can end the string."""
    return "".join(char if char.isascii() and char.isalnum() else f"\\{ord(char):06x}" for char in text)
