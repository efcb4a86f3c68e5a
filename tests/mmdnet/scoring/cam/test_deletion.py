import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.scoring.cam.deletion import Deletion, deletion_test, marked_area, masked, moved


class DarkShare:
    """In place of a network: the probability of grade 1 is the share of dark pixels, times four."""

    def embed(self, pixels):
        return (pixels[:, 0] < 100).float().mean(dim=(1, 2))[:, None] * 4

    def instance_probabilities(self, h):
        return {"inflammation": torch.cat([1 - h, h], dim=1)}


def test_what_is_left_is_the_networks_own_probability_of_the_masked_patch():
    image = np.full((20, 20, 3), 200, np.uint8)
    image[2:8, 2:8] = 10  # 36 of 400 pixels: 0.09, times four
    area = np.zeros((20, 20), bool)
    area[2:8, 2:8] = True
    whole, marked, elsewhere = (
        (result := deletion_test(DarkShare(), image, "inflammation", 1, area)).whole,
        result.marked,
        result.elsewhere,
    )
    assert (whole, marked) == (pytest.approx(0.36), 0)
    assert elsewhere == pytest.approx(0.36), "nothing dark lies elsewhere"
    assert isinstance(result, Deletion)


@settings(max_examples=25)
@given(seed=st.integers(0, 999), share=st.floats(0.02, 0.3))
def test_at_most_the_share_is_marked_and_elsewhere_is_as_large(seed, share):
    heat = np.random.default_rng(seed).random((24, 24)).astype(np.float32)
    area = marked_area(heat, share)
    assert 0 < area.mean() <= share + 1 / 576
    assert heat[area].min() >= heat[~area].max()
    other = moved(area, 8, seed)
    assert other.shape == (8, 24, 24) and (other.sum(axis=(1, 2)) == area.sum()).all()


def test_nothing_is_marked_where_there_is_no_heat_and_little_where_there_is_little():
    assert not marked_area(np.zeros((10, 10))).any()
    heat = np.zeros((10, 10))
    heat[4, 4] = 0.5
    assert marked_area(heat).sum() == 1


def test_elsewhere_is_away_from_what_is_marked():
    area = np.zeros((30, 30), bool)
    area[10:18, 10:18] = True
    assert not (moved(area, 8, seed=0) & area).any()


def test_masked_is_the_mean_colour_of_the_rest_and_the_patch_itself_stays():
    image = np.full((4, 4, 3), 60, np.uint8)
    image[0, 0] = 255
    area = np.zeros((4, 4), bool)
    area[0, 0] = True
    assert (masked(image, area) == 60).all() and image[0, 0, 0] == 255
    assert (masked(image, np.ones((4, 4), bool)) == image).all()
