"""Local density tells a cluster of nuclei from as many spread out, and does not care how strong the stain is."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.slides.measures.local_density import HIGHEST, MAPS, WIDTH, WINDOWS_UM, local_density

PINK, BLUE = np.array([0.12, 0.35, 0.14]), np.array([0.75, 0.8, 0.35])  # optical densities
SIDE, MPP, NUCLEUS_UM = 299, 0.5, 5.0
FOCUS_UM = WINDOWS_UM.index(16.5)


def nuclei(spread_um: float, number: int = 16, strength: float = 1.0, seed: int = 0) -> np.ndarray:
    """Tissue with nuclei in a square of this side."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    side = round(spread_um / MPP)
    for y, x in rng.integers((SIDE - side) // 2, (SIDE + side) // 2, (number, 2)):
        cv2.circle(mask, (int(x), int(y)), round(NUCLEUS_UM / MPP / 2), 1, -1)
    od = (PINK + mask[..., None] * BLUE) * strength + rng.normal(0, 0.02, (SIDE, SIDE, 1))
    return np.clip(256 * np.exp(-od) - 1, 0, 255).astype(np.uint8)


def darkest(patch: np.ndarray) -> np.ndarray:
    """By window and share of places: places dark in haematoxylin by two deviations."""
    values = local_density(patch, MPP)[: MAPS * len(WINDOWS_UM) * len(HIGHEST)]
    return values.reshape(len(WINDOWS_UM), MAPS, len(HIGHEST))[:, -3]


def test_a_cluster_shows_where_as_many_nuclei_spread_out_do_not():
    cluster, spread = darkest(nuclei(18.0)), darkest(nuclei(140.0))
    assert cluster[FOCUS_UM, 2] > 0.7 and spread[FOCUS_UM, 2] < 0.5


@pytest.mark.parametrize("strength", [0.6, 1.6])
def test_a_pale_or_a_strong_stain_changes_little(strength):
    usual, other = darkest(nuclei(18.0)), darkest(nuclei(18.0, strength=strength))
    assert other == pytest.approx(usual, abs=0.15)


def test_a_slide_at_another_scale_gives_the_same():
    patch = nuclei(18.0)
    finer = cv2.resize(patch, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_LINEAR)
    apart = np.abs(local_density(finer, MPP / 2) - local_density(patch, MPP))
    assert apart.mean() < 0.02 and apart.max() < 0.25


@given(st.sampled_from([0, 37, 255]), st.integers(9, 60), st.sampled_from([0.25, 0.5, 2.0]))
def test_a_patch_of_one_colour_and_any_size_has_numbers(colour, side, mpp):
    values = local_density(np.full((side, side, 3), colour, np.uint8), mpp)
    assert values.shape == (WIDTH,) and values.dtype == np.float32 and (values >= 0).all() and (values <= 1).all()
