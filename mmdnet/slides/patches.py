"""Lay patches on tissue."""

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX, PatchGrid, PatchPlace
from mmdnet.slides.measures.tissue import Tissue
from mmdnet.slides.readers.reader import SlideReader


def patch_grid(slide: SlideReader | FileFacts, patch_px: int = PATCH_PX, patch_mpp: float = PATCH_MPP) -> PatchGrid:
    """The slide's grid: it begins at the corner of the slide, or of its bounds where the file states them.

    Raises:
        LabError: the slide's µm/px is not known.
    """
    facts = slide.facts if isinstance(slide, SlideReader) else slide
    if facts.mpp_x is None or facts.mpp_y is None:
        raise LabError(
            f"{facts.path.name} does not say how large its pixels are. "
            "State the scanner's µm per pixel (0.1 to 2) to lay patches on it."
        )
    return PatchGrid(facts.area_px0[:2], patch_px, patch_mpp, facts.mpp_x, facts.mpp_y)


def check_holds_patch(slide: SlideReader | FileFacts, patch_px: int = PATCH_PX, patch_mpp: float = PATCH_MPP) -> None:
    """Refuse a slide too small for a patch, before anything is looked for on it.

    Raises:
        LabError: the slide's µm/px is not known, or it is smaller than one patch.
    """
    facts = slide.facts if isinstance(slide, SlideReader) else slide
    grid = patch_grid(facts, patch_px, patch_mpp)
    rows, cols = grid.shape_in(*facts.area_px0[2:])
    if rows < 1 or cols < 1:
        raise LabError(
            f"{facts.path.name} is smaller than one patch ({grid.side_um:.0f} µm). Use a larger field or a finer scale."
        )


def lay_patches(
    slide: SlideReader | FileFacts,
    tissue: Tissue,
    patch_px: int = PATCH_PX,
    patch_mpp: float = PATCH_MPP,
    min_tissue_share: float = 0.5,
) -> tuple[PatchGrid, list[PatchPlace]]:
    """Whole patches at least `min_tissue_share` of which is tissue, row by row.

    Raises:
        LabError: the slide's µm/px is not known, or it is smaller than one patch.
    """
    facts = slide.facts if isinstance(slide, SlideReader) else slide
    check_holds_patch(facts, patch_px, patch_mpp)
    grid = patch_grid(facts, patch_px, patch_mpp)
    rows, cols = grid.shape_in(*facts.area_px0[2:])
    side_x, side_y = grid.side_px0
    cells = [(row, col, *grid.corner_px0(row, col)) for row in range(rows) for col in range(cols)]
    corners = np.array([cell[2:] for cell in cells], float)
    shares = tissue.shares(corners[:, 0], corners[:, 1], side_x, side_y)
    places = [
        PatchPlace(*cell, share)
        for cell, share in zip(cells, shares.tolist(), strict=True)
        if share >= min_tissue_share
    ]
    return grid, places
