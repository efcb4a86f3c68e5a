"""From the rows of the slides' and the patches' tables back to geometry: the grid, its places, the open slide."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from db.models import Slide
from db.slides import AnyPatch
from mmdnet.errors import LabError
from mmdnet.geojson import WHOLE_SLIDE
from mmdnet.progress import Progress, silent
from mmdnet.settings import Settings
from mmdnet.slides.facts import SAME_SCALE, FileFacts, SlideFacts
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.workflows.slides.fetched.place import open_file

if TYPE_CHECKING:
    from mmdnet.slides.readers.reader import SlideReader


def stored_grid(slide: Slide) -> PatchGrid:
    """The grid a slide's patches were laid on; corners are stored with each patch, so the origin is not needed."""
    assert slide.patch_px and slide.patch_mpp and slide.mpp_x and slide.mpp_y
    return PatchGrid((0, 0), slide.patch_px, slide.patch_mpp, slide.mpp_x, slide.mpp_y)


def stored_places(patches: Sequence[AnyPatch]) -> list[PatchPlace]:
    """Where patches lie, in their order."""
    return [PatchPlace(patch.row, patch.col, patch.x_px0, patch.y_px0, patch.tissue_share) for patch in patches]


def open_stored(
    slide: Slide, settings: Settings, progress: Progress = silent, scale_of: SlideFacts | None = None
) -> SlideReader:
    """The slide's file, as it was added: with the µm/px a person stated, where one did; fetched first where needed.

    Args:
        progress: told how far a fetch is.
        scale_of: facts with another scale than the slide's, to look at it with that.

    Raises:
        LabError: the file is gone, damaged, or another one than was added; or it cannot be fetched.
    """
    from mmdnet.slides.readers.open import open_slide

    mpp = (scale_of or slide.facts).stated_mpp
    reader = open_file(settings, slide.path, partial(open_slide, mpp=mpp, overrule=mpp is not None), progress)
    problem = what_changed(slide, reader.facts, with_scale=scale_of is None)
    if problem is not None:
        reader.close()
        raise LabError(
            f"The file of {slide.name} has changed since it was added ({problem}), so what was measured, labelled and "
            "scored belongs to another one. Put the earlier file back, or add the new one under a name of its own. "
            "Nothing was changed."
        )
    return reader


def what_changed(slide: Slide, seen: FileFacts, *, with_scale: bool = True) -> str | None:
    """What differs between a file and what was written down when it was added; None where nothing does."""
    if slide.fingerprint not in {seen.fingerprint, seen.former_fingerprint}:
        return "its content is another"
    if (slide.width_px0, slide.height_px0) != (seen.width_px0, seen.height_px0):
        return f"it was {slide.width_px0} × {slide.height_px0} pixels and is {seen.width_px0} × {seen.height_px0}"
    if with_scale and slide.mpp_x and seen.mpp_x and abs(slide.mpp_x / seen.mpp_x - 1) > SAME_SCALE:
        return f"its pixels were {slide.mpp_x:.4g} µm wide and are {seen.mpp_x:.4g}"
    return None


def image_corner_px0(slide: Slide, patch: AnyPatch | None, settings: Settings) -> tuple[int, int]:
    """Where QuPath's image of a slide begins, in level-0 pixels: the corner of its bounds, where the file states some.

    Any of the slide's patches tells it, since their grid begins at that corner (`mmdnet.slides.patches`); only without
    a patch the file is opened, and where that is gone, the whole slide is taken.
    """
    if patch is not None:
        left, top = stored_grid(slide).corner_px0(patch.row, patch.col)
        return patch.x_px0 - left, patch.y_px0 - top
    try:
        with open_stored(slide, settings) as reader:
            return reader.facts.area_px0[:2]
    except LabError:
        return WHOLE_SLIDE
