"""The overview of a slide as a picture to click on: thumbnail, tissue, patches, and what is chosen, drawn together."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell.session import lab

if TYPE_CHECKING:
    from PIL.Image import Image

    from mmdnet.workflows.slides.views import PatchView, SlideView

OVERVIEW_PX = 1400
TALLEST_PX = 720
USED, SET_ASIDE, CHOSEN, LABELLED = (15, 118, 110, 190), (70, 74, 78, 150), (15, 118, 110, 255), (207, 134, 15, 235)
INK = (20, 22, 24, 255)
SMALLEST_OUTLINE_PX = 4.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A point a person clicked, in level-0 pixels."""

    x_px0: float
    y_px0: float


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle a person dragged, in level-0 pixels, upper left corner first."""

    x0: float
    y0: float
    x1: float
    y1: float


@st.cache_data(show_spinner=False, max_entries=400)
def thumbnail(slide_id: int, path: str, max_px: int) -> bytes:
    """The slide as a JPEG; `path` is part of the key, as a number may be given again after a removal."""
    return lab().slides.pictures.thumbnail(slide_id, max_px)


@st.cache_data(show_spinner=False, max_entries=60)
def tissue_overlay(slide_id: int, path: str, mpp: float | None) -> bytes:
    """The tissue mask as a PNG; glass covered, tissue clear."""
    return lab().slides.pictures.tissue_overlay(slide_id)


@st.cache_data(show_spinner=False, max_entries=600)
def patch_jpeg(patch_id: int, slide_path: str, context: float = 1.0, px: int | None = None) -> bytes:
    """A patch, with `context` times its size around it."""
    return lab().slides.pictures.patch_jpeg(patch_id, context=context, px=px)


def from_display(value: dict | None, slide: SlideView) -> Spot | Region | None:
    """What a click or a drag on the displayed picture means on the slide.

    Args:
        value: what the picture component returns: x1, y1, x2, y2 in displayed pixels, of a picture `width` x `height`.
            A drag may end outside the picture: it ends at the edge then.
    """
    if not value or not value.get("width") or not value.get("height"):
        return None
    x_scale, y_scale = slide.width_px0 / value["width"], slide.height_px0 / value["height"]

    def on_slide(x: float, y: float) -> tuple[float, float]:
        return (
            min(max(x * x_scale, 0.0), slide.width_px0 - 1.0),
            min(max(y * y_scale, 0.0), slide.height_px0 - 1.0),
        )

    if max(abs(value["x2"] - value["x1"]), abs(value["y2"] - value["y1"])) < 6:
        return Spot(*on_slide(value["x1"], value["y1"]))
    (xa, ya), (xb, yb) = on_slide(value["x1"], value["y1"]), on_slide(value["x2"], value["y2"])
    return Region(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))


def overview_picture(
    slide: SlideView,
    patches: Sequence[PatchView],
    layers: Collection[str],
    labelled: Collection[int] = (),
    chosen: PatchView | None = None,
    region: Region | None = None,
) -> Image:
    """The thumbnail with the layers asked for ("tissue", "patches", "labels") and what is chosen on top."""
    from PIL import Image, ImageDraw

    picture = Image.open(BytesIO(thumbnail(slide.id, slide.path, OVERVIEW_PX))).convert("RGBA")
    if "tissue" in layers:
        veil = Image.open(BytesIO(tissue_overlay(slide.id, slide.path, slide.mpp_x))).resize(
            picture.size, Image.Resampling.NEAREST
        )
        picture.alpha_composite(veil.convert("RGBA"))
    paper = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(paper)
    x_scale, y_scale = picture.width / slide.width_px0, picture.height / slide.height_px0

    def box(patch: PatchView) -> tuple[float, float, float, float]:
        left, top = patch.x_px0 * x_scale, patch.y_px0 * y_scale
        return left, top, left + patch.width_px0 * x_scale, top + patch.height_px0 * y_scale

    if "patches" in layers:
        for patch in patches:
            _draw_patch(draw, patch, box(patch))
    if "labels" in layers:
        for patch in patches:
            if patch.id in labelled:
                left, top, right, bottom = box(patch)
                x, y, r = (left + right) / 2, (top + bottom) / 2, max(3.0, (right - left) / 7)
                draw.ellipse((x - r, y - r, x + r, y + r), fill=LABELLED, outline=(255, 255, 255, 255))
    if region:
        draw.rectangle(
            (region.x0 * x_scale, region.y0 * y_scale, region.x1 * x_scale, region.y1 * y_scale),
            fill=(15, 118, 110, 40),
            outline=CHOSEN,
            width=3,
        )
    if chosen:
        left, top, right, bottom = box(chosen)
        draw.rectangle((left - 9, top - 9, right + 9, bottom + 9), outline=(255, 255, 255, 255), width=11)
        draw.rectangle((left - 6, top - 6, right + 6, bottom + 6), outline=INK, width=6)
    picture.alpha_composite(paper)
    return picture.convert("RGB")


def _draw_patch(draw, patch: PatchView, box: tuple[float, float, float, float]) -> None:  # type: ignore[no-untyped-def]
    """Outline of a used patch, a grey veil with a stroke through it where it is set aside."""
    if not patch.usable:
        draw.rectangle(box, fill=SET_ASIDE)
        draw.line((box[0], box[3], box[2], box[1]), fill=(255, 255, 255, 220), width=2)
    elif box[2] - box[0] >= SMALLEST_OUTLINE_PX:
        draw.rectangle(box, outline=USED, width=2 if box[2] - box[0] > 40 else 1)


def display_width(slide: SlideView, column_px: int) -> int | None:
    """Width to draw the overview at, so that a tall needle does not run off the screen; None to fill the column."""
    if slide.height_px0 / slide.width_px0 * column_px <= TALLEST_PX:
        return None
    return max(160, round(TALLEST_PX * slide.width_px0 / slide.height_px0))
