"""Fat of images, blocks and slides."""

import cv2
import numpy as np
import pytest

from benchmarks._mosaic import write_mosaic
from benchmarks.fat import real_dice
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.measures.droplets import find_droplets
from mmdnet.slides.measures.fat import fat_mask, measure_slide_fat, read_with_fat
from mmdnet.slides.measures.tissue import Tissue, find_tissue
from mmdnet.slides.patches import lay_patches, patch_grid
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.reader import Unreadable
from mmdnet.slides.readers.tiles.tiff import read_directories

PINK, WHITE = (200, 130, 178), (243, 242, 244)


def tissue(side: int = 400) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 7, (side, side, 1))
    return np.clip(np.asarray(PINK) + noise, 0, 255).astype(np.uint8)


def soften(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 0.7)


def test_droplets_are_counted_and_measured():
    image = tissue()
    for x in range(40, 400, 64):
        for y in range(40, 400, 64):
            cv2.circle(image, (x, y), 16, WHITE, -1)
    areas_px = np.bincount(find_droplets(soften(image), 0.5).ravel())[1:]
    assert len(areas_px) == 36
    assert 2 * np.sqrt(np.median(areas_px) * 0.25 / np.pi) == pytest.approx(16.3, abs=0.6)
    assert areas_px.sum() / 400**2 == pytest.approx(36 * np.pi * 16.3**2 / 400**2, abs=0.01)


def test_touching_droplets_are_parted():
    image = tissue()
    for x in (150, 186, 222):
        cv2.circle(image, (x, 200), 19, WHITE, -1)
    assert find_droplets(soften(image), 0.5).max() == 3


def test_sinusoids_and_vessels_are_no_fat():
    image = tissue()
    cv2.polylines(image, [np.int32([[20, 40], [120, 70], [200, 50], [380, 90]])], False, WHITE, 8)
    cv2.ellipse(image, (200, 260), (150, 90), 20, 0, 360, WHITE, -1)
    assert fat_mask(soften(image), 0.5).mean() < 0.002


def test_a_droplet_cut_by_the_edge_counts_and_a_corner_of_glass_does_not():
    image = tissue()
    cv2.circle(image, (0, 200), 20, WHITE, -1)
    cv2.fillPoly(image, [np.int32([[400, 400], [400, 250], [250, 400]])], WHITE)
    mask = fat_mask(soften(image), 0.5)
    assert mask[190:210, :12].all()
    assert mask[300:, 300:].mean() < 0.01


def test_no_fat_is_none_and_not_an_error():
    assert not fat_mask(tissue(), 0.5).any()
    assert not fat_mask(np.full((299, 299, 3), 255, np.uint8), 0.5).any()


def test_fat_on_the_real_liver_agrees_with_the_painted_fields(real_data):
    assert real_dice(real_data, (1700, 600, 1200, 1200))["real_dice"] >= 0.85


def test_fat_of_a_slide_counts_each_droplet_once_and_only_on_tissue(tmp_path):
    image = np.full((1200, 1200, 3), WHITE, np.uint8)
    image[100:1100, 100:1100] = np.tile(tissue(500), (2, 2, 1))
    centres = [(x, y) for x in range(160, 1060, 61) for y in range(160, 1060, 61)]
    for centre in centres:
        cv2.circle(image, centre, 14, WHITE, -1)
    cv2.imwrite(str(tmp_path / "field.png"), soften(image)[..., ::-1])
    with open_slide(tmp_path / "field.png", mpp=0.5) as slide:
        where = find_tissue(slide)
        grid, places = lay_patches(slide, where)
        fat = measure_slide_fat(slide, where, places, grid)
    inside = sum(
        any(0 <= x - place.x_px0 < grid.patch_px and 0 <= y - place.y_px0 < grid.patch_px for place in places)
        for x, y in centres
    )
    assert fat.droplets == pytest.approx(inside, abs=2)
    assert fat.median_diameter_um == pytest.approx(14.0, abs=0.6)
    tissue_px = sum(place.tissue_share for place in places) * 299**2
    assert fat.area_share == pytest.approx(inside * np.pi * 14.0**2 / tissue_px, abs=0.01)


def test_a_tile_that_cannot_be_decoded_costs_only_the_patches_on_it(tmp_path):
    coarse = np.random.default_rng(1).integers(60, 240, (256, 256, 3)).astype(np.uint8)
    textured = np.repeat(np.repeat(coarse, 8, axis=0), 8, axis=1)  # no tile like another: equal ones share their bytes
    path = write_mosaic(tmp_path / "s.tiff", 2048, 0.25, textured, (1,))
    page = read_directories(path)[0]
    tile = 6 * page.across + 1
    data, at, size = bytearray(path.read_bytes()), int(page.offsets[tile]), int(page.sizes[tile])
    data[at + size // 2 : at + size] = bytes(size - size // 2)
    path.write_bytes(data)
    with open_slide(path) as slide:
        everywhere = Tissue(np.ones((64, 64), bool), 8.0, slide.mpp_xy, 0.0, None)
        grid = patch_grid(slide)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(3) for c in range(3)]
        together = {index: (pixels, fat) for index, pixels, fat in read_with_fat(slide, everywhere, places, grid)}
        alone = dict(slide.read_patches(places, grid))
    for index, pixels in alone.items():
        if isinstance(pixels, Unreadable):
            assert isinstance(together[index][0], Unreadable)
            assert together[index][1] is None
        else:
            assert np.array_equal(together[index][0], pixels)
            assert together[index][1].tissue_px == 299**2
    assert 0 < sum(isinstance(pixels, Unreadable) for pixels in alone.values()) < 9


def test_a_block_is_read_at_any_scale_and_each_patch_is_where_it_was_laid(tmp_path, field):
    path = write_mosaic(tmp_path / "s.tiff", 2048, 0.2524, field, (1,))
    with open_slide(path) as slide:
        everywhere = Tissue(np.ones((65, 65), bool), 8.0, slide.mpp_xy, 0.0, None)
        grid = patch_grid(slide)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(3) for c in range(3)]
        alone = dict(slide.read_patches(places, grid))
        for index, pixels, _ in read_with_fat(slide, everywhere, places, grid):
            apart = {(x, y): difference(pixels, alone[index], x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)}
            assert min(apart, key=apart.get) == (0, 0)


def difference(patch: np.ndarray, other: np.ndarray, x: int, y: int) -> float:
    """Mean difference of two patches of which the other is shifted by x, y pixels."""
    moved = np.roll(other, (y, x), (0, 1))
    return float(np.abs(patch.astype(int) - moved)[2:-2, 2:-2].mean())
