import pytest
import torch

from mmdnet.augment.on_device import augment, stain_matrices, turn


def test_the_eight_turns_of_a_square_are_all_different_and_keep_its_pixels():
    image = torch.arange(25).reshape(1, 1, 5, 5)
    turned = turn(image.repeat(8, 1, 1, 1), torch.arange(8))
    assert len({tuple(one.flatten().tolist()) for one in turned}) == 8
    assert all(sorted(one.flatten().tolist()) == list(range(25)) for one in turned)
    assert torch.equal(turned[0], image[0])


def test_patches_of_a_bag_are_stained_alike_and_bags_differently():
    images = torch.full((4, 3, 8, 8), 120, dtype=torch.uint8)
    images[:, 1] = 70
    out = augment(images, torch.tensor([0, 0, 1, 1]), torch.Generator().manual_seed(0))
    assert torch.allclose(out[0], out[1])
    assert torch.allclose(out[2], out[3])
    assert (out[0] - out[2]).abs().max() > 0.01


def test_the_draw_is_seeded():
    images = torch.randint(0, 256, (3, 3, 9, 9), dtype=torch.uint8)
    one, two = (augment(images, torch.tensor([0, 1, 1]), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)


def test_values_stay_in_range_and_white_stays_bright():
    white = torch.full((16, 3, 4, 4), 255, dtype=torch.uint8)
    out = augment(white, torch.arange(16), torch.Generator().manual_seed(1))
    assert out.min() > 0.9
    assert out.max() <= 1


def test_restaining_is_mild():
    matrices = stain_matrices(500, torch.Generator().manual_seed(0))
    assert torch.allclose(matrices.mean(dim=0), torch.eye(3), atol=0.03)
    assert 0.02 < float(matrices.std(dim=0).max()) < 0.25


@pytest.mark.parametrize("count", [0, 1])
def test_few_or_no_patches_are_fine(count):
    images = torch.zeros(count, 3, 4, 4, dtype=torch.uint8)
    assert augment(images, torch.zeros(count, dtype=torch.int64), torch.Generator()).shape == images.shape
