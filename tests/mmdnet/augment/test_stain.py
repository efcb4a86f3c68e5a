import numpy as np
import pytest
import torch

from mmdnet.augment.stain import draw_stains, restain, restain_bytes


def patches(count: int = 4, side: int = 9) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def as_tensor(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def test_the_processor_and_the_device_give_the_same_picture():
    images, changes = patches(32), draw_stains(32, np.random.default_rng(1))
    on_bytes = np.stack([restain_bytes(image, change) for image, change in zip(images, changes, strict=True)])
    on_device = restain(as_tensor(images), torch.from_numpy(changes)).permute(0, 2, 3, 1).numpy() * 255
    assert np.abs(on_bytes - on_device).max() <= 1


def test_without_a_change_a_patch_comes_back_as_it_was():
    nothing = np.concatenate([np.eye(3), np.full((3, 1), -np.log(256))], axis=1).astype(np.float32)
    image = patches(1)[0]
    assert np.array_equal(restain_bytes(image, nothing), image)
    assert torch.allclose(
        restain(as_tensor(image[None]), torch.from_numpy(nothing)[None]) * 255,
        as_tensor(image[None]).float(),
        atol=1e-3,
    )


def test_the_draw_is_seeded_and_differs_from_bag_to_bag():
    stains, again = (draw_stains(3, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(stains, again)
    assert np.abs(stains[0] - stains[1]).max() > 0.01


def test_white_stays_bright():
    white = np.full((4, 4, 3), 255, np.uint8)
    assert all(restain_bytes(white, change).min() > 230 for change in draw_stains(50, np.random.default_rng(1)))


def test_restaining_is_mild():
    matrices = draw_stains(500, np.random.default_rng(0))[:, :, :3]
    assert np.allclose(matrices.mean(axis=0), np.eye(3), atol=0.03)
    assert 0.02 < matrices.std(axis=0).max() < 0.25


@pytest.mark.parametrize("count", [0, 1])
def test_few_or_no_patches_are_fine(count):
    assert restain(torch.zeros(count, 3, 4, 4, dtype=torch.uint8), torch.zeros(count, 3, 4)).shape == (count, 3, 4, 4)
