"""Another slide's stains on this one's tissue: as measured, on tissue only, and never across kinds of stain."""

import cv2
import numpy as np
import pytest

from mmdnet.augment.stain import affine, restain_bytes
from mmdnet.augment.stain_swap import SlideStain, StainSwaps, measure_stain, swap_matrix
from mmdnet.augment.stain_vectors import degrees_between

NORTH = np.array([[0.65, 0.70, 0.29], [0.09, 0.95, 0.28]])
SOUTH = np.array([[0.55, 0.76, 0.35], [0.25, 0.92, 0.30]])


def section(vectors, seed=0, strength=(0.8, 0.6), fat=0):
    """A section of two stains: nuclei here and there, cytoplasm everywhere, and round holes of fat."""
    random = np.random.default_rng(seed)
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nuclei = np.zeros((160, 160), np.float32)
    for x, y in random.integers(0, 160, (60, 2)):
        nuclei = cv2.circle(nuclei, (int(x), int(y)), 6, 1.0, -1)
    dye = random.uniform(0.5, 1, (160, 160))
    amounts = np.stack([strength[0] * nuclei * dye, strength[1] * (1 - nuclei) * dye], axis=-1)
    for x, y in random.integers(0, 160, (fat, 2)):
        amounts = cv2.circle(np.ascontiguousarray(amounts), (int(x), int(y)), 12, (0.0, 0.0), -1)
    return np.clip(256 * np.exp(-amounts @ vectors) - 1, 0, 255).round().astype(np.uint8)


def test_a_section_given_anothers_stains_measures_as_the_other():
    north, south = section(NORTH), section(SOUTH, 1, (1.0, 0.8))
    source, target = measure_stain(north), measure_stain(south)
    change = affine(swap_matrix(source, target, 1.0)[None], np.zeros((1, 1)))[0]
    after = measure_stain(restain_bytes(north, change))
    assert degrees_between(after.vectors, target.vectors) < 3 < degrees_between(source.vectors, target.vectors)
    assert after.strength == pytest.approx(target.strength, rel=0.12)


def test_a_share_of_nothing_changes_nothing_and_glass_stays_glass():
    source, target = (SlideStain(v / np.linalg.norm(v, axis=1, keepdims=True), np.ones(2)) for v in (NORTH, SOUTH))
    assert swap_matrix(source, target, 0.0) == pytest.approx(np.eye(3), abs=1e-9)
    white = np.full((4, 4, 3), 255, np.uint8)
    assert (restain_bytes(white, affine(swap_matrix(source, target, 1.5)[None], np.zeros((1, 1)))[0]) == 255).all()


def test_fat_does_not_move_what_is_measured():
    lean, fat = measure_stain(section(NORTH)), measure_stain(section(NORTH, fat=25))
    assert degrees_between(lean.vectors, fat.vectors) < 2
    assert fat.strength == pytest.approx(lean.strength, rel=0.1)


def test_glass_and_one_stain_alone_have_no_pair():
    assert measure_stain(np.full((50, 50, 3), 244, np.uint8)) is None
    assert measure_stain(section(np.array([[0.09, 0.95, 0.28], [0.09, 0.95, 0.28]]))) is None


def test_swaps_stay_within_a_kind_of_stain_and_unknown_slides_are_left_alone():
    stain = measure_stain(section(NORTH))
    other = measure_stain(section(SOUTH))
    swaps = StainSwaps(["H&E", "h&e ", "Masson", "", "H&E"], [stain, other, other, stain, None])
    assert [list(swaps.partners(slide)) for slide in range(5)] == [[1], [0], [], [], []]
    drawn = swaps.draw([0] * 100 + [2, 3, 4] * 30, np.random.default_rng(0))
    changed = (np.abs(drawn - np.eye(3)) > 1e-6).any(axis=(1, 2))
    assert 30 < changed[:100].sum() < 70 and not changed[100:].any()
    assert np.array_equal(drawn, swaps.draw([0] * 100 + [2, 3, 4] * 30, np.random.default_rng(0)))
