import cv2
import numpy as np
import pytest
import shapely

from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.qupath import mask_regions, patch_regions


def test_patches_go_out_as_squares_with_their_label_and_what_was_measured():
    grid = PatchGrid((0, 0), 64, 0.5, 0.25, 0.25)
    place = PatchPlace(1, 2, *grid.corner_px0(1, 2), 0.75)
    (region,) = patch_regions(grid, [place], {(1, 2): "steatosis 2"}, {(1, 2): 0.1, (0, 0): 0.9})
    assert region.rings_px0 == (((256, 128), (384, 128), (384, 256), (256, 256)),)
    assert (region.label, region.name, region.kind) == ("steatosis 2", "1-2", "tile")
    assert region.measurements == {"tissue share": 0.75, "fat area share": 0.1}


def test_a_piece_of_tissue_goes_out_with_its_hole_in_level_0_pixels():
    mask = np.zeros((20, 20), bool)
    mask[2:12, 2:12] = True
    mask[5:9, 5:9] = False
    mask[15:18, 15:18] = True
    pieces = mask_regions(mask, 2000, 4000, "Tissue")
    assert sorted(len(piece.rings_px0) for piece in pieces) == [1, 2]
    outer = max(pieces, key=lambda piece: len(piece.rings_px0)).rings_px0[0]
    xs, ys = zip(*outer, strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == (250, 1150, 500, 2300)
    assert {piece.label for piece in pieces} == {"Tissue"}


@pytest.mark.parametrize("seed", range(6))
def test_no_outline_meets_itself_and_hardly_any_area_is_lost(seed):
    chance = np.random.default_rng(seed)
    mask = cv2.GaussianBlur(chance.normal(size=(60, 80)).astype(np.float32), (0, 0), 1.2) > 0
    pieces = [shapely.Polygon(piece.rings_px0[0], piece.rings_px0[1:]) for piece in mask_regions(mask, 80, 60, "T")]
    assert pieces and all(piece.is_valid and piece.exterior.is_simple for piece in pieces)
    drawn = np.zeros(mask.shape, bool)
    middles = np.stack(np.meshgrid(np.arange(80) + 0.5, np.arange(60) + 0.5), axis=-1)
    for piece in pieces:
        drawn |= shapely.intersects_xy(piece, middles[..., 0], middles[..., 1])
    thin = ~cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)).astype(bool)
    assert drawn[mask & ~thin].mean() > 0.99
    assert (~drawn[~mask]).mean() > 0.97
