"""A child passes as a light variant of its parent, and each way of being none has its reason."""

import cv2
import numpy as np
import pytest

from mmdnet.augment.gate import GateLimits, GateReference, fit_reference, judge, look_at, ssim

MPP = 0.5


def embed(images):
    """Coarse colour and texture: enough to tell patches apart, as a backbone would."""
    small = np.stack([cv2.resize(image, (12, 12), interpolation=cv2.INTER_AREA).ravel() for image in images])
    return small.astype(np.float32) - 128


def varied(image, seed=0):
    """A light variant: bent by up to two pixels, a little noise, a little paler."""
    random = np.random.default_rng(seed)
    side = len(image)
    bend = [cv2.GaussianBlur(random.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 8) for _ in range(2)]
    across, down = (1.5 * b / np.abs(b).max() for b in bend)
    x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
    moved = cv2.remap(image, x + across, y + down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.clip(1.01 * moved + random.normal(0, 2, moved.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def site(tissue) -> GateReference:
    return fit_reference(tissue(24, seed=5), embed)


@pytest.fixture(scope="module")
def verdict(tissue, site):
    parent = tissue(1, seed=9)[0]

    def of(child, siblings=(), expected=None, **more):
        own, look, *others = look_at(
            np.stack([parent, child, *siblings]), MPP, embed, expected and np.array(expected, float)
        )
        return judge(look, own, others, site, **more)

    return parent, of


def test_light_variants_pass(verdict):
    parent, of = verdict
    assert [of(varied(parent, seed)).refused for seed in range(6)] == [None] * 6


def with_holes(image, radius):
    for x, y in ((30, 30), (30, 96), (96, 30), (96, 96), (64, 64)):
        image = cv2.circle(image.copy(), (x, y), radius, (250, 250, 250), -1)
    return image


BAD = {
    "blank": lambda parent, tissue: np.full_like(parent, 244),
    "colour": lambda parent, tissue: np.clip(parent * np.array([0.6, 1.1, 0.7]), 0, 255).astype(np.uint8),
    "focus": lambda parent, tissue: cv2.GaussianBlur(parent, (0, 0), 4),
    "structure": lambda parent, tissue: tissue(1, seed=33)[0],
    "copy": lambda parent, tissue: parent.copy(),
    "fat": lambda parent, tissue: with_holes(parent, 8),
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_child_is_refused_for_what_it_is(verdict, tissue, reason):
    parent, of = verdict
    assert of(BAD[reason](parent, tissue)).refused == reason


def test_noise_is_refused(verdict):
    parent, of = verdict
    noise = np.random.default_rng(0).normal(0, 40, parent.shape)
    assert of(np.clip(parent + noise, 0, 255).astype(np.uint8)).refused is not None


def test_a_child_like_another_of_its_parent_is_refused_and_so_are_more_than_enough(verdict):
    parent, of = verdict
    child = varied(parent, 1)
    assert of(child, [varied(parent, 1)]).refused == "sibling"
    others = [varied(parent, seed) for seed in (2, 3, 4, 5)]
    assert of(child, others).refused == "enough"
    assert of(child, others, limits=GateLimits(most_of_a_parent=5)).refused is None


def test_the_models_grade_must_stay(verdict):
    parent, of = verdict
    assert of(varied(parent), expected=[[1.0, 0], [1.4, 0]]).refused is None
    assert of(varied(parent), expected=[[1.0, 0], [1.0, 0.6]]).refused == "grade"


def test_fat_beside_a_grade_of_zero_is_refused_earlier(verdict, tissue, site):
    own, look = look_at(np.stack([tissue(1, holes=0)[0], with_holes(tissue(1, holes=0)[0], 12)]), MPP, embed)
    assert judge(look, own, [], site, 0, GateLimits(fat_change=1, structure=0, colour_sd=99)).refused == "fat"


def test_similarity_of_a_picture_with_itself_is_one(tissue):
    first, second = tissue(2)
    assert ssim(first, first) == pytest.approx(1, abs=1e-5)
    assert ssim(first, second) == pytest.approx(ssim(second, first)) and ssim(first, second) < 0.9


def test_a_child_that_lost_its_parents_fat_is_refused_where_the_parent_has_steatosis(tissue, site):
    fatty = with_holes(tissue(1, holes=0)[0], 5)
    own, lean = look_at(np.stack([fatty, tissue(1, holes=0)[0]]), MPP, embed)
    loose = GateLimits(fat_change=1, structure=0, colour_sd=99, same=2)
    assert own.fat > 0 and judge(lean, own, [], site, 1, loose).refused == "fat"
    assert judge(lean, own, [], site, 0, loose).refused != "fat"
