"""From the rows of the patch table back to places on a slide."""

from __future__ import annotations

from collections.abc import Sequence

from db.models import Patch, Slide
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
