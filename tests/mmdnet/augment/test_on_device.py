import pytest
import torch

from mmdnet.augment.on_device import restain, stain_matrices


def test_patches_of_a_bag_are_stained_alike_and_bags_differently():
    images = torch.full((4, 3, 8, 8), 120, dtype=torch.uint8)
    images[:, 1] = 70
    out = restain(images, torch.tensor([0, 0, 1, 1]), torch.Generator().manual_seed(0))
    assert torch.allclose(out[0], out[1])
    assert torch.allclose(out[2], out[3])
    assert (out[0] - out[2]).abs().max() > 0.01


def test_the_draw_is_seeded():
    images = torch.randint(0, 256, (3, 3, 9, 9), dtype=torch.uint8)
    one, two = (restain(images, torch.tensor([0, 1, 1]), torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(one, two)


def test_values_stay_in_range_and_white_stays_bright():
    white = torch.full((16, 3, 4, 4), 255, dtype=torch.uint8)
    out = restain(white, torch.arange(16), torch.Generator().manual_seed(1))
    assert out.min() > 0.9
    assert out.max() <= 1


def test_restaining_is_mild():
    matrices = stain_matrices(500, torch.Generator().manual_seed(0))
    assert torch.allclose(matrices.mean(dim=0), torch.eye(3), atol=0.03)
    assert 0.02 < float(matrices.std(dim=0).max()) < 0.25


@pytest.mark.parametrize("count", [0, 1])
def test_few_or_no_patches_are_fine(count):
    images = torch.zeros(count, 3, 4, 4, dtype=torch.uint8)
    assert restain(images, torch.zeros(count, dtype=torch.int64), torch.Generator()).shape == images.shape


def test_without_a_change_of_stain_a_patch_comes_back_as_it_was(monkeypatch):
    monkeypatch.setattr("mmdnet.augment.on_device.stain_matrices", lambda bags, generator: torch.eye(3).repeat(bags, 1, 1))
    monkeypatch.setattr("mmdnet.augment.on_device.BRIGHTNESS", 0.0)
    images = torch.randint(0, 256, (2, 3, 9, 9), dtype=torch.uint8)
    out = restain(images, torch.tensor([0, 1]), torch.Generator())
    assert torch.allclose(out, (images.float() + 1) / 256, atol=1e-5)
    assert out.is_contiguous(memory_format=torch.channels_last)
