import numpy as np
import pytest

from mmdnet.augment.stain_vectors import degrees_between, optical_density, stain_vectors

TRUE = np.array([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11]])
TRUE = TRUE / np.linalg.norm(TRUE, axis=1, keepdims=True)


def stained(white=0.0, seed=0, side=128):
    """Pixels of two dyes, some of one alone; `white` is the share without tissue."""
    random = np.random.default_rng(seed)
    amounts = random.exponential(0.5, (side * side, 2))
    amounts[: side * side // 5, 0] = 0
    amounts[side * side // 5 : side * side // 3, 1] = 0
    density = amounts @ TRUE
    density[random.random(len(density)) < white] = 0
    return np.clip(256 * np.exp(-density) - 1, 0, 255).round().astype(np.uint8).reshape(side, side, 3)


@pytest.mark.parametrize("white", [0, 0.4, 0.8])
def test_the_dyes_a_section_was_drawn_with_are_found_however_much_of_it_is_white(white):
    assert degrees_between(stain_vectors(stained(white)), TRUE) < 5


def test_glass_alone_has_no_stain():
    assert stain_vectors(np.full((64, 64, 3), 245, np.uint8)) is None


def test_density_is_zero_for_white():
    assert optical_density(np.array([255, 0], np.uint8)) == pytest.approx([0, np.log(256)], abs=1e-6)
