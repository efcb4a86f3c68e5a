"""The colour of glass, tinted, unevenly lit, beside black and white padding."""

import cv2
import numpy as np
import pytest

from benchmarks._drawn import tissue
from mmdnet.slides.measures.glass import find_glass, outside
from mmdnet.slides.measures.tissue import tissue_mask


def overview(**given) -> np.ndarray:
    """An overview with 200 x 150 px of tissue, an eighth of what is drawn."""
    drawn = tissue(2400, 2000, border=400, **given)
    return cv2.resize(drawn, (300, 250), interpolation=cv2.INTER_AREA)


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return overview()


TRUE_PX = 200 * 150


@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.982, 0.93), (0.93, 0.97, 1), (0.9, 0.9, 0.9), (0.95, 0.9, 0.84)])
def test_tinted_glass_stays_glass(plain, tint):
    tinted = (plain * np.array(tint)).astype(np.uint8)
    assert tissue_mask(tinted).sum() == pytest.approx(TRUE_PX, rel=0.03)
    assert find_glass(tinted).colour == pytest.approx(243 * np.array(tint), abs=2.5)


@pytest.mark.parametrize("fall", [0.05, 0.1, 0.18])
@pytest.mark.parametrize("axis", [0, 1])
def test_light_that_falls_off_makes_no_tissue(plain, fall, axis):
    slope = np.linspace(1, 1 - fall, plain.shape[axis])
    slope = slope[:, None, None] if axis == 0 else slope[None, :, None]
    dim = (plain * slope).astype(np.uint8)
    assert tissue_mask(dim).sum() == pytest.approx(TRUE_PX, rel=0.03)


@pytest.mark.parametrize(("fill", "wide"), [(0, 40), (3, 20), (255, 40)])
def test_padding_is_no_tissue_and_hides_no_glass(plain, fill, wide):
    framed = plain.copy()
    framed[:wide] = framed[-wide:] = fill
    framed[:, :wide] = framed[:, -wide:] = fill
    assert tissue_mask(framed).sum() == pytest.approx(TRUE_PX, rel=0.03)
    assert outside(framed).any() == (fill < 10)


@pytest.mark.parametrize("fat", [0.8, 1.4, 2.0])
def test_very_fatty_tissue_is_tissue(fat):
    """86 % white where fat is 2: droplets lie over each other."""
    assert tissue_mask(overview(fat=fat)).sum() == pytest.approx(TRUE_PX, rel=0.08)


def test_a_field_that_is_all_tissue_has_no_glass_to_be_taken_for_it():
    field = cv2.resize(tissue(1600, 1200, border=0), (100, 75), interpolation=cv2.INTER_AREA)
    assert find_glass(field).colour == pytest.approx(243)
    assert tissue_mask(field).all()


def test_empty_glass_of_any_tint_holds_no_tissue():
    for colour in ((243, 243, 243), (244, 239, 226), (200, 202, 205), (255, 255, 255)):
        noisy = np.random.default_rng(0).normal(colour, 0.5, (200, 200, 3)).clip(0, 255).astype(np.uint8)
        assert not tissue_mask(noisy).any()
