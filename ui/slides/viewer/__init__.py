"""Deep zoom: a slide at every magnification; over it patches, labels, tissue and heat; a click gives the patch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic_core import to_jsonable_python

from ui.shell.access import view_access
from ui.shell.door import under_base
from ui.shell.scripts import bundle
from ui.shell.session import at, go_to, lab, person, refusals
from ui.slides.zoom_routes import LIBRARY_AT

if TYPE_CHECKING:
    from mmdnet.reports.schema import AttentionMap
    from mmdnet.workflows.slides.views import PatchView, SlideView

HEIGHT_PX = 560
YOUNGER_TOKEN_S = 20 * 60  # a token lives for 30 minutes; a viewer left open gets a new one before that
_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Layer:
    """A picture over the whole slide, with what its colours stand for where they stand for numbers.

    `begins_shown` layers are drawn when the viewer opens, the first of them; the others when a person asks.
    """

    id: str
    title: str
    url: str
    legend: AttentionMap | None = None
    begins_shown: bool = True
    opacity: float = 1.0


def tissue_layer(slide: SlideView) -> Layer:
    """The slide's tissue mask: glass covered, tissue clear."""
    url = f"/api/zoom/tissue/{slide.id}.png"
    return Layer("tissue", "Tissue", url, begins_shown=False)  # the picture lets glass through by itself


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
    show_patches: bool = True,
    begin_at_patch: bool = True,
    height_px: int = HEIGHT_PX,
    key: str = "zoom",
) -> None:
    """Draw the viewer; a click makes the patch there the chosen one of this tab.

    It begins at the chosen patch or at the whole slide, and goes to a patch that is chosen elsewhere on the page.
    """
    drawn = st.fragment(_draw, run_every=YOUNGER_TOKEN_S)
    drawn(slide, patches, layers, labelled, show_patches, begin_at_patch, height_px, key)


def _draw(
    slide: SlideView,
    patches: Sequence[PatchView],
    layers: Sequence[Layer],
    labelled: Collection[int],
    show_patches: bool,
    begin_at_patch: bool,
    height_px: int,
    key: str,
) -> None:
    if st.session_state.pop("zoom_clicked", False):
        st.rerun()
    info = None
    with refusals():
        info = lab().slides.pictures.zoom_info(slide.id)
    if info is None:
        return
    chosen = next((patch for patch in patches if patch.id == at("patch")), None)
    square = None if chosen is None else [chosen.x_px0, chosen.y_px0, chosen.width_px0, chosen.height_px0]
    mounted = f"{key}_{slide.id}"
    _component()(
        key=mounted,
        data={
            "name": mounted,
            "info": info,
            "tiles": under_base(f"/api/zoom/slide/{slide.id}"),
            "library": under_base(LIBRARY_AT),
            "token": view_access(lab(), slide.project_id, person()),
            "mpp": slide.mpp_x,
            "patches": [[patch.x_px0, patch.y_px0, _state(patch, labelled)] for patch in patches],
            "patch_px0": [patches[0].width_px0, patches[0].height_px0] if patches else [0, 0],
            "show_patches": show_patches,
            "chosen": square,
            "focus": square if begin_at_patch else None,
            "layers": to_jsonable_python([_layer(layer) for layer in layers]),
            "height_px": height_px,
        },
        on_click_change=lambda: _take_click(mounted, patches),
    )


def _take_click(mounted: str, patches: Sequence[PatchView]) -> None:
    spot = st.session_state[mounted].click
    if spot:
        x, y = spot["x"], spot["y"]
        patch = next((patch for patch in patches if patch.meets(x, y, x, y)), None)
        st.session_state["missed"] = patch is None
        st.session_state["zoom_clicked"] = True
        go_to("patch", patch.id if patch else None)


def _state(patch: PatchView, labelled: Collection[int]) -> str:
    if not patch.usable:
        return "aside"
    return "labelled" if patch.id in labelled else "used"


@dataclass(frozen=True, slots=True)
class _Legend:
    """The scale of a layer's colours, from `low` to `high` in `unit`, with the numbers written on it."""

    low: float
    high: float
    ticks: list[float]
    unit: str
    stops: list[str]


@dataclass(frozen=True, slots=True)
class _LayerShown:
    """A layer as the viewer's script takes it."""

    id: str
    title: str
    url: str
    begins_shown: bool
    opacity: float
    legend: _Legend | None


def _layer(layer: Layer) -> _LayerShown:
    from mmdnet.scoring.palette import heat_stops

    scale = layer.legend
    legend = None
    if scale is not None:
        legend = _Legend(scale.low, scale.high, list(scale.ticks), scale.unit, list(heat_stops()))
    return _LayerShown(layer.id, layer.title, under_base(layer.url), layer.begins_shown, layer.opacity, legend)
