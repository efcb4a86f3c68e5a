import numpy as np
import pytest

from mmdnet.augment.on_read import compressed, draw_variations, scaled, sharpened, turn, vary


def test_the_eight_turns_of_a_square_are_all_different_and_keep_its_pixels():
    image = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    turned = [turn(image, number) for number in range(8)]
    assert len({picture.tobytes() for picture in turned}) == 8
    assert all(sorted(picture.ravel().tolist()) == list(range(75)) for picture in turned)
    assert np.array_equal(turned[0], image)


def varied(images, seed):
    return vary(images, draw_variations(len(images), np.random.default_rng(seed)))


def test_the_draw_is_seeded_and_does_not_hang_on_the_pixels():
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    assert np.array_equal(varied(images, 3), varied(images, 3))
    assert not np.array_equal(varied(images, 3), varied(images, 4))
    assert varied(images, 3).dtype == np.uint8


def test_most_patches_are_only_turned():
    images = np.random.default_rng(1).integers(0, 256, (400, 8, 8, 3), np.uint8)
    pairs = zip(images, varied(images, 0), strict=True)
    only_turned = [sorted(a.ravel().tolist()) == sorted(b.ravel().tolist()) for a, b in pairs]
    assert 0.78 < np.mean(only_turned) < 0.93


def test_a_part_of_the_patches_is_varied_as_it_is_among_all():
    images = np.random.default_rng(1).integers(0, 256, (12, 8, 8, 3), np.uint8)
    drawn = draw_variations(12, np.random.default_rng(2))
    assert np.array_equal(vary(images, drawn)[1::2], vary(images[1::2], drawn[1::2]))


def test_compression_loses_more_at_lower_quality():
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    loss = [np.abs(compressed(image, q).astype(int) - image).mean() for q in (60, 95)]
    assert loss[0] > loss[1] > 0


@pytest.mark.parametrize("count", [0, 1])
def test_few_or_no_patches_are_fine(count):
    images = np.zeros((count, 4, 4, 3), np.uint8)
    assert varied(images, 0).shape == images.shape


def test_a_scale_keeps_the_middle_in_its_place_and_a_sharpness_of_its_own_stretches_edges():
    image = np.full((65, 65, 3), 200, np.uint8)
    image[20:45, 20:45] = 60
    dark = [int((scaled(image, scale)[..., 0] < 130).sum()) for scale in (0.9, 1.0, 1.1)]
    assert dark[0] < dark[1] == 625 < dark[2]
    for scale in (0.9, 1.1):
        ys, xs = np.nonzero(scaled(image, scale)[..., 0] < 130)
        assert ys.mean() == xs.mean() == 32
    spread = [sharpened(image, amount).astype(int).std() for amount in (-0.6, 0, 0.8)]
    assert spread[0] < spread[1] < spread[2]
