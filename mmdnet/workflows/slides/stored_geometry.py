"""From the rows of the slides' and the patches' tables back to geometry: the grid, its places, the open slide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.geojson import WHOLE_SLIDE
from mmdnet.slides.geometry import PatchGrid, PatchPlace

if TYPE_CHECKING:
    from mmdnet.slides.readers.reader import SlideReader


def stored_grid(slide: Slide) -> PatchGrid:
    """The grid a slide's patches were laid on; corners are stored with each patch, so the origin is not needed."""
    assert slide.patch_px and slide.patch_mpp and slide.mpp_x and slide.mpp_y
    return PatchGrid((0, 0), slide.patch_px, slide.patch_mpp, slide.mpp_x, slide.mpp_y)


def stored_places(patches: Sequence[Patch]) -> list[PatchPlace]:
    """Where patches lie, in their order."""
    return [PatchPlace(patch.row, patch.col, patch.x_px0, patch.y_px0, patch.tissue_share) for patch in patches]


def open_stored(slide: Slide) -> SlideReader:
    """The slide's file, with the µm/px a person stated where the file says none.

    Raises:
        LabError: the file is gone or damaged.
    """
    from mmdnet.slides.readers.open import open_slide

    return open_slide(slide.path, mpp=slide.facts.stated_mpp)


def image_corner_px0(slide: Slide, patch: Patch | None) -> tuple[int, int]:
    """Where QuPath's image of a slide begins, in level-0 pixels: the corner of its bounds, where the file states some.

    Any of the slide's patches tells it, since their grid begins at that corner (`mmdnet.slides.patches`); only without
    a patch the file is opened, and where that is gone, the whole slide is taken.
    """
    if patch is not None:
        left, top = stored_grid(slide).corner_px0(patch.row, patch.col)
        return patch.x_px0 - left, patch.y_px0 - top
    try:
        with open_stored(slide) as reader:
            return reader.facts.area_px0[:2]
    except LabError:
        return WHOLE_SLIDE
