import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import tissue as tissue_benchmark
from mmdnet.slides.measures import tissue
from mmdnet.slides.measures.tissue import NoTissueError, Tissue, core_length_mm, find_tissue, tissue_mask
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.readers.open import open_slide

PINK, GLASS, BLUE = (214, 140, 186), (243, 242, 244), (96, 110, 190)


def drawn(tmp_path, image, mpp=2.0):
    path = tmp_path / "drawn.png"
    cv2.imwrite(str(path), np.ascontiguousarray(image[..., ::-1]))
    return open_slide(path, mpp=mpp)


@pytest.mark.parametrize("colour", [PINK, BLUE])
def test_stained_is_tissue_and_glass_is_not(tmp_path, colour):
    image = np.full((1000, 1000, 3), GLASS, np.uint8)
    image[200:800, 300:700] = colour
    with drawn(tmp_path, image) as slide:
        tissue = find_tissue(slide)
    assert tissue.area_mm2 == pytest.approx(600 * 400 * 4e-6, rel=0.03)
    assert tissue.share(350, 300, 200, 200) == 1
    assert tissue.share(0, 0, 200, 150) == 0
    assert tissue.share(200, 300, 200, 200) == pytest.approx(0.5, abs=0.03)


def test_holes_of_fat_are_tissue_and_a_tear_is_not(tmp_path):
    image = np.full((2000, 2000, 3), GLASS, np.uint8)
    image[100:1900, 100:1900] = PINK
    for x in range(200, 900, 60):
        for y in range(200, 1800, 60):
            cv2.circle(image, (x, y), 24, GLASS, -1)  # 96 µm across: as dense and large as fat comes
    cv2.circle(image, (1400, 1000), 200, GLASS, -1)  # 800 µm
    with drawn(tmp_path, image) as slide:
        tissue = find_tissue(slide)
    assert tissue.share(200, 200, 650, 1500) > 0.99
    assert tissue.share(1300, 900, 200, 200) == 0


def test_no_tissue_is_an_error_that_carries_the_mask(tmp_path):
    image = np.full((600, 600, 3), GLASS, np.uint8)
    with drawn(tmp_path, image) as slide, pytest.raises(NoTissueError, match="No tissue") as caught:
        find_tissue(slide)
    assert caught.value.mask.shape == caught.value.overview.shape[:2] == (150, 150)


@given(st.floats(-50, 300), st.floats(-50, 300), st.floats(1, 200), st.floats(1, 200))
def test_a_share_is_the_areas_part_even_between_pixels(x, y, w, h):
    mask = np.zeros((30, 40), bool)
    mask[10:20, 5:25] = True
    tissue = Tissue(mask, 8.0, (1.0, 1.0), 0.0, None)
    overlap = max(0, min(x + w, 200) - max(x, 40)) * max(0, min(y + h, 160) - max(y, 80))
    assert tissue.share(x, y, w, h) == pytest.approx(overlap / (w * h), abs=1e-6)
    assert tissue.shares(np.array([x, 3.0]), np.array([y, 5.0]), w, h)[0] == pytest.approx(overlap / (w * h), abs=1e-6)


def test_a_bent_cores_length_is_measured_along_it():
    canvas = np.zeros((600, 600), np.uint8)
    cv2.ellipse(canvas, (300, 300), (200, 200), 0, 0, 180, 1, 20)
    assert core_length_mm(canvas.astype(bool), 8.0) == pytest.approx(np.pi * 200 * 8 / 1000, rel=0.08)
    assert core_length_mm(np.ones((50, 50), bool), 8.0) is None


def test_the_same_mask_comes_from_any_block_of_glass_and_tissue():
    image = np.full((300, 300, 3), GLASS, np.uint8)
    image[80:200, 60:240] = PINK
    assert np.array_equal(tissue_mask(image), tissue_mask(image.copy()))


def test_patches_lie_on_tissue_row_by_row_and_inside_the_slide(tmp_path):
    image = np.full((1000, 1000, 3), GLASS, np.uint8)
    image[200:800, 300:700] = PINK
    with drawn(tmp_path, image) as slide:
        grid, places = lay_patches(slide, find_tissue(slide))
    assert places == sorted(places, key=lambda p: (p.row, p.col))
    assert all(p.tissue_share >= 0.5 for p in places)
    assert all(p.x_px0 + grid.side_px0[0] <= 1000.5 and p.y_px0 + grid.side_px0[1] <= 1000.5 for p in places)
    assert len(places) * 149.5**2 / 4 == pytest.approx(600 * 400, rel=0.25)


def test_on_the_real_liver_no_fat_is_lost_and_glass_stays_outside(real_data):
    result = tissue_benchmark.run(quick=True)
    assert result.value >= 99
    assert result.beside["glass_outside_percent"] >= 98


@given(st.integers(0, 2**32 - 1), st.integers(20, 200), st.integers(20, 200), st.integers(1, 60))
@settings(max_examples=25)
def test_bands_give_the_tissue_that_the_whole_gives(seed, height, width, band):
    chance = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(chance.normal(size=(height, width)).astype(np.float32), (0, 0), chance.uniform(1, 6))
    stain = noise > np.quantile(noise, chance.uniform(0.1, 0.9))
    image = np.where(stain[..., None], (200, 130, 178), (243, 242, 244)).astype(np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tissue, "BAND", 10_000)
        whole = tissue.tissue_mask(image)
        patch.setattr(tissue, "BAND", band)
        assert np.array_equal(tissue.tissue_mask(image), whole)
