"""The viewer: a slide at every magnification; over it patches, labels, measured fat, tissue and heat.

A click gives the patch there, a rectangle is the page's to use, lengths and areas go to whoever keeps them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st
from pydantic_core import to_jsonable_python

from ui.server.door import under_base
from ui.shell.access import view_access
from ui.shell.literal import plain
from ui.shell.scripts import bundle
from ui.shell.session import at, go_to, lab, person, refusals
from ui.shell.words import set_aside_reason
from ui.slides.pictures import Region
from ui.slides.zoom_routes import LIBRARY, LIBRARY_AT

if TYPE_CHECKING:
    from mmdnet.reports.schema import AttentionMap
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import PatchView, SlideView

Switch = Literal["patches", "labels", "fat", "aside", "drawn"]
Tool = Literal["region", "length", "area"]

HEIGHT_PX = 560
YOUNGER_TOKEN_S = 20 * 60  # a token lives for 30 minutes; a viewer left open gets a new one before that
TITLES: Mapping[Switch, str] = {
    "patches": "Patches", "labels": "My labels", "fat": "Measured fat", "aside": "Why set aside", "drawn": "Drawn",
}  # fmt: skip
REASON_COLOURS = {
    "pen": "#2f5aa8", "blur": "#8b6bc6", "blank": "#8a8f94", "fold": "#a04a5b", "bubble": "#1d8fb8",
    "edge": "#5c940d", "unreadable": "#16181a", "region": "#0f766e",
}  # fmt: skip
OTHER_REASON = "#5f6b76"
FAT_STEP = 5  # per cent to which the end of the scale of measured fat is rounded up
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture over the whole slide.

    A `map`'s colours stand for numbers: one map is shown at a time, with its scale, which comes with the picture where
    `legend` does not give it. Other layers are switched on by themselves. `begins_shown` layers are drawn when the
    viewer opens (of maps the first), the others when a person asks.
    """

    id: str
    title: str
    url: str
    legend: AttentionMap | None = None
    begins_shown: bool = True
    opacity: float = 1.0
    map: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A length or an area that was drawn, its corners in level-0 pixels, with its measure in words."""

    kind: str
    points: Sequence[Sequence[float]]
    words: str


def viewer_is_here() -> bool:
    """Whether the viewer's library was put in place; without network at set-up it is not."""
    return (LIBRARY / "openseadragon.min.js").is_file()


def tissue_layer(slide: SlideView) -> Layer:
    """The slide's tissue mask: glass covered, tissue clear."""
    url = f"/api/zoom/tissue/{slide.id}.png"
    return Layer("tissue", "Tissue", url, begins_shown=False)  # the picture lets glass through by itself


def heat_layers(score: ScoreView | None) -> list[Layer]:
    """Where the score's model looked, a map for each of its tasks; none is shown at first.

    There is none without a score, or while a reader's own grades are awaited.
    """
    from mmdnet.labels.grading import SHOWN_TASKS

    if score is None or score.awaits_reader:
        return []
    return [
        Layer(task.name, task.title, f"/api/zoom/heat/{score.id}/{task.name}.png", begins_shown=False, map=True)
        for task in SHOWN_TASKS
        if task.name in score.summary.tasks
    ]


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_deep_zoom",
        html=(_HERE / "viewer.html").read_text("utf-8"),
        css=(_HERE / "viewer.css").read_text("utf-8"),
        js=bundle(_HERE / "index.js"),
    )


def deep_zoom(
    slide: SlideView,
    patches: Sequence[PatchView],
    *,
    layers: Sequence[Layer] = (),
    labelled: Collection[int] = (),
    begin_at_patch: bool = True,
    height_px: int = HEIGHT_PX,
    key: str = "zoom",
    switches: Mapping[Switch, bool] | None = None,
    tools: Sequence[Tool] = (),
    drawn: Sequence[Shape] = (),
    on_drawn: Callable[[str, object], None] | None = None,
) -> None:
    """Draw the viewer; a click makes the patch there the chosen one of this tab.

    It begins at the chosen patch or at the whole slide, and goes to a patch that is chosen elsewhere on the page.

    Args:
        labelled: patches that are marked as labelled.
        switches: what can be switched on over the slide, and whether it is at first; patches with labels if not given.
        tools: what a hand may draw. A rectangle is kept for the page (`drawn_region`).
        drawn: lengths and areas to show.
        on_drawn: takes the kind and the points of a length or an area, as the browser sent them.
    """
    if switches is None:
        switches = {"patches": True} if patches else {}
    drawn_in = st.fragment(_draw, run_every=YOUNGER_TOKEN_S)
    drawn_in(slide, patches, layers, labelled, switches, tools, drawn, on_drawn, begin_at_patch, height_px, key)


def _draw(
    slide: SlideView,
    patches: Sequence[PatchView],
    layers: Sequence[Layer],
    labelled: Collection[int],
    switches: Mapping[Switch, bool],
    tools: Sequence[Tool],
    drawn: Sequence[Shape],
    on_drawn: Callable[[str, object], None] | None,
    begin_at_patch: bool,
    height_px: int,
    key: str,
) -> None:
    if st.session_state.pop("zoom_acted", False):
        st.rerun()
    info = None
    with refusals():
        info = lab().slides.pictures.zoom_info(slide.id)
    if info is None:
        return
    wanted = at("patch")
    chosen = None if wanted is None else next((patch for patch in patches if patch.id == wanted), None)
    square = None if chosen is None else [chosen.x_px0, chosen.y_px0, chosen.width_px0, chosen.height_px0]
    region = drawn_region(slide) if "region" in tools else None
    reasons = Counter(patch.set_aside for patch in patches if patch.set_aside and not patch.usable)
    places = {reason: place for place, reason in enumerate(reasons)}
    mounted = f"{key}_{slide.id}"
    _component()(
        key=mounted,
        data={
            "name": mounted,
            "info": info,
            "tiles": under_base(f"/api/zoom/slide/{slide.id}"),
            "library": under_base(LIBRARY_AT),
            "token": view_access(lab(), slide.project_id, person()),
            "mpp": None if slide.mpp_x is None else [slide.mpp_x, slide.mpp_y or slide.mpp_x],
            "patches": _marks(patches, labelled, places, switches),
            "patch_px0": [patches[0].width_px0, patches[0].height_px0] if patches else [0, 0],
            "switches": [{"id": name, "title": TITLES[name], "on": on} for name, on in switches.items()],
            "fat": to_jsonable_python(_fat(patches)) if "fat" in switches else None,
            "reasons": [
                {
                    "title": f"{plain(set_aside_reason(reason))} ({number})",
                    "colour": REASON_COLOURS.get(reason, OTHER_REASON),
                }
                for reason, number in reasons.items()
            ],
            "chosen": square,
            "focus": square if begin_at_patch else None,
            "region": None if region is None else [region.x0, region.y0, region.x1, region.y1],
            "layers": to_jsonable_python([_layer(layer) for layer in layers]),
            "tools": list(tools),
            "drawn": to_jsonable_python(drawn),
            "height_px": height_px,
        },
        on_click_change=lambda: _take_click(st.session_state[mounted].click, patches),
        on_region_change=lambda: _take_region(st.session_state[mounted].region, slide),
        on_drawn_change=lambda: _take_drawn(st.session_state[mounted].drawn, on_drawn),
    )


def drawn_region(slide: SlideView) -> Region | None:
    """The rectangle that was drawn on this slide in this tab, if one is."""
    kept = st.session_state.get("region")
    return kept[1] if kept and kept[0] == slide.id else None


def choose_spot(x_px0: float, y_px0: float, patches: Sequence[PatchView]) -> None:
    """Make the patch at this spot the chosen one of this tab; a rectangle drawn before is let go."""
    patch = next((patch for patch in patches if patch.meets(x_px0, y_px0, x_px0, y_px0)), None)
    st.session_state["missed"] = patch is None
    st.session_state.pop("region", None)
    go_to("patch", patch.id if patch else None)


def choose_region(slide: SlideView, region: Region) -> None:
    """Keep a rectangle on this slide for the page."""
    st.session_state.pop("region_queued", None)
    st.session_state["region"] = (slide.id, region)


def _take_click(spot: Mapping[str, float] | None, patches: Sequence[PatchView]) -> None:
    if spot:
        choose_spot(spot["x"], spot["y"], patches)
        st.session_state["zoom_acted"] = True


def _take_region(sent: Mapping[str, float] | None, slide: SlideView) -> None:
    if sent:
        choose_region(slide, Region(sent["x0"], sent["y0"], sent["x1"], sent["y1"]))
        st.session_state["zoom_acted"] = True


def _take_drawn(sent: Mapping[str, Any] | None, on_drawn: Callable[[str, object], None] | None) -> None:
    if sent and on_drawn is not None:
        on_drawn(str(sent.get("kind")), sent.get("points"))
        st.session_state["zoom_acted"] = True


def _marks(
    patches: Sequence[PatchView], labelled: Collection[int], places: Mapping[str, int], switches: Mapping[Switch, bool]
) -> dict[str, object]:
    """Patches as the viewer's script takes them: their corners, level-0 pixels, and which are in use or labelled.

    `fat` is a share by patch, `reasons` the place among the reasons by patch; None where neither can be switched on. A
    list a column and not one a patch, as a slide may have 10,000: a third of the time and half the bytes.
    """
    return {
        "x": [patch.x_px0 for patch in patches],
        "y": [patch.y_px0 for patch in patches],
        "aside": [place for place, patch in enumerate(patches) if not patch.usable],
        "labelled": [place for place, patch in enumerate(patches) if patch.id in labelled],
        "fat": [None if patch.fat_area_share is None else round(patch.fat_area_share, 4) for patch in patches]
        if "fat" in switches
        else None,
        "reasons": [None if patch.usable else places.get(patch.set_aside or "") for patch in patches]
        if "aside" in switches
        else None,
    }


@dataclass(frozen=True, slots=True)
class _Legend:
    """The scale of colours, from `low` to `high` in `unit`, with the numbers written on it."""

    low: float
    high: float
    ticks: list[float]
    unit: str
    stops: list[str]


@dataclass(frozen=True, slots=True)
class _Fat:
    """How measured fat is drawn: one colour, the more opaque the more fat, to `opaque` at the end of the scale."""

    colour: str
    opaque: float
    legend: _Legend


def _fat(patches: Sequence[PatchView]) -> _Fat | None:
    from mmdnet.scoring.palette import FAT, HEAT_OPAQUE, stops

    known = [100 * patch.fat_area_share for patch in patches if patch.fat_area_share is not None]
    if not known:
        return None
    high = float(FAT_STEP * max(1, ceil(max(known) / FAT_STEP)))
    return _Fat(FAT, HEAT_OPAQUE, _Legend(0.0, high, [0.0, high / 2, high], "% fat", list(stops(FAT))))


@dataclass(frozen=True, slots=True)
class _LayerShown:
    """A layer as the viewer's script takes it."""

    id: str
    title: str
    url: str
    begins_shown: bool
    opacity: float
    map: bool
    legend: _Legend | None
    stops: list[str]


def _layer(layer: Layer) -> _LayerShown:
    from mmdnet.scoring.palette import heat_stops

    scale, stops = layer.legend, list(heat_stops())
    legend = None
    if scale is not None:
        legend = _Legend(scale.low, scale.high, list(scale.ticks), scale.unit, stops)
    is_map = layer.map or scale is not None
    return _LayerShown(
        layer.id, layer.title, under_base(layer.url), layer.begins_shown, layer.opacity, is_map, legend, stops
    )
