"""From the rows of the patch table back to places on a slide."""

from __future__ import annotations

from collections.abc import Sequence

from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.geojson import WHOLE_SLIDE
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import SlideReader


def stored_grid(slide: Slide) -> PatchGrid:
    """The grid a slide's patches were laid on; corners are stored with each patch, so the origin is not needed."""
    assert slide.patch_px and slide.patch_mpp and slide.mpp_x and slide.mpp_y
    return PatchGrid((0, 0), slide.patch_px, slide.patch_mpp, slide.mpp_x, slide.mpp_y)


def stored_places(patches: Sequence[Patch]) -> list[PatchPlace]:
    return [PatchPlace(one.row, one.col, one.x_px0, one.y_px0, one.tissue_share) for one in patches]


def open_stored(slide: Slide) -> SlideReader:
    """The slide's file, with the µm/px a person stated where the file says none.

    Raises:
        LabError: the file is gone or damaged.
    """
    return open_slide(slide.path, mpp=slide.stated_mpp)


def image_corner_px0(slide: Slide, patches: Sequence[Patch]) -> tuple[int, int]:
    """Where QuPath's image of a slide begins, in level-0 pixels: the corner of its bounds, where the file states some.

    A slide whose file is gone is told by its patches: their grid begins at that corner (`mmdnet.slides.patches`).
    """
    try:
        with open_stored(slide) as reader:
            return reader.facts.area_px0[:2]
    except LabError:
        if not patches:
            return WHOLE_SLIDE
    width, height = stored_grid(slide).side_px0
    return patches[0].x_px0 - round(patches[0].col * width), patches[0].y_px0 - round(patches[0].row * height)
