"""Numbers and facts in the words of the field: units always, two significant digits, a dash where nothing is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from mmdnet.reports.words import percent
from mmdnet.scoring.validity import NOT_REPORTABLE
from mmdnet.slides.set_aside import set_aside_reason
from mmdnet.words import count  # noqa: F401 - pages take it from here, with the rest
from ui.shell.literal import plain

Key = TypeVar("Key")

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import PatchView, SlideView


class Named(Protocol):
    """A slide, a model or another thing of the lab: what is read of it to list it."""

    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


NOTHING = "–"
AT_READER = "Reader in the side bar (» opens it where it is folded)"  # where people say who they are
READER_FIRST = "reader's grades first"  # where the model's are not shown yet
MEASURES = {
    "pen_share": "pen",
    "bubble_share": "bubble",
    "blur_share": "out of focus",
    "fold_share": "fold",
    "blank_share": "white",
    "edge_share": "edge",
}
RULES = {
    "latest": "Latest label",
    "majority": "Majority of readers",
    "adjudicated": "Adjudicated or unanimous",
    "reader": "One reader's labels",
}
RULE_HELP = {
    "latest": "The newest label counts, whoever gave it.",
    "majority": "The grade more than half of a patch's readers gave; where there is none, the feature stays unknown.",
    "adjudicated": "What was settled counts; else only what all readers agree on, and the rest stays unknown.",
    "reader": "Only this reader's labels count.",
}
SCALE_FROM = {
    "file": "from the file",
    "person": "entered by hand",
    "overruled": "entered by hand, against the file's own",
}
NAS_HELP = "As signed; where nobody signed, the model's, if it is reportable."
STATUS = {"ready": "ready", "needs_mpp": "µm/px missing"}


def share(value: float | None) -> str:
    """A share (0-1) as per cent: "38 %", "4.2 %"."""
    return percent(value, absent=NOTHING)


def number(value: float | None, unit: str = "", digits: int = 2) -> str:
    """A number with its unit, at that many significant digits, never as a power of ten."""
    if value is None:
        return NOTHING
    if value == 0:
        return f"0 {unit}".strip()
    from math import floor, log10

    decimals = max(0, digits - 1 - floor(log10(abs(value))))
    return f"{value:,.{decimals}f} {unit}".strip()


def nas_by(score: ScoreView | None) -> str | None:
    """Whose NAS leads, for a cell of a table: who signed, the model, or why the model's is not shown."""
    if score is None:
        return None
    if score.signed is not None:
        return f"signed, {plain(score.signed.reader)}"
    if score.awaits_reader:
        return READER_FIRST
    return "model" if score.validity.reportable else NOT_REPORTABLE.lower()


def micron_size(slide: SlideView) -> str:
    """Size of the slide in mm, or in pixels while µm/px is missing."""
    if slide.mpp_x is None or slide.mpp_y is None:
        return f"{slide.width_px0:,} × {slide.height_px0:,} px, unknown in mm"
    return f"{slide.width_px0 * slide.mpp_x / 1000:.1f} × {slide.height_px0 * slide.mpp_y / 1000:.1f} mm"


def micron_per_pixel(slide: SlideView) -> str:
    """µm/px, both when they differ, and who said so."""
    if slide.mpp_x is None or slide.mpp_y is None:
        return "missing"
    same = abs(slide.mpp_x - slide.mpp_y) < 1e-6
    size = f"{slide.mpp_x:.4g}" if same else f"{slide.mpp_x:.4g} × {slide.mpp_y:.4g}"
    return f"{size} µm/px, {SCALE_FROM.get(slide.mpp_source or 'file', 'from the file')}"


def measured_fat(slide: SlideView) -> str:
    """A slide's measured fat, or that it is not measured yet."""
    if slide.fat_area_share is None:
        return NOTHING if slide.measured else "not measured yet"
    return f"{share(slide.fat_area_share)} of tissue area"


def place_of(patch: PatchView, slide: SlideView) -> str:
    """Where a patch lies, in mm from the slide's upper left corner."""
    if slide.mpp_x is None or slide.mpp_y is None:
        return f"row {patch.row + 1}, column {patch.col + 1}"
    x, y = patch.x_px0 * slide.mpp_x / 1000, patch.y_px0 * slide.mpp_y / 1000
    return f"{x:.2f} mm from the left, {y:.2f} mm from the top"


def set_aside_counts(patches: Sequence[PatchView]) -> str:
    """How many patches are not used, by reason, the most frequent first: "4: pen mark 3, out of focus 1"."""
    reasons = Counter(patch.set_aside for patch in patches if not patch.usable)
    listed = ", ".join(f"{set_aside_reason(reason)} {times}" for reason, times in reasons.most_common())
    return f"{reasons.total():,}: {listed}" if reasons else "none"


def quality_line(quality: Mapping[str, Any]) -> str:
    """What was measured of a patch's fitness, in words; shares of nothing are left out, and empty is not measured."""
    known = {name: value for name, value in quality.items() if isinstance(value, int | float)}
    parts = [f"focus {share(known['focus'])} of usual"] if "focus" in known else []
    parts += [f"{name} {share(known[key])}" for key, name in MEASURES.items() if known.get(key, 0) >= 0.005]
    return " · ".join(parts).capitalize()


def why_set_aside(patch: PatchView) -> str:
    """The reason with how much of the patch it mars, where that was measured: "pen mark 42 %"."""
    marred = patch.quality.get(f"{patch.set_aside}_share")
    reason = set_aside_reason(patch.set_aside)
    return f"{reason} {share(marred)}" if isinstance(marred, int | float) else reason


def told_apart(names: Mapping[Key, str]) -> dict[Key, str]:
    """These names of what can be chosen, each once: alike ones have their number behind them.

    Streamlit's lists know a choice by its words alone: of two models, slides or trainings of one name the last was
    taken, whichever a person chose.
    """
    often = Counter(names.values())
    return {key: name if often[name] == 1 else f"{name} · no. {key}" for key, name in names.items()}


def names_of(things: Iterable[Named]) -> dict[int, str]:
    """What slides, models and the like are called in a list to choose from, by their numbers."""
    return told_apart({thing.id: plain(thing.name) for thing in things})
