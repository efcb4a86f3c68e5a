"""Stain and scanner: physics and habits."""

import numpy as np

from mmdnet.simulate import SlideRecipe
from mmdnet.simulate.recipes import GOLDNER, HE, MASSON
from mmdnet.simulate.scanning.scanner import scan, scanner_named
from mmdnet.simulate.scanning.stain import light_through, stain_density
from mmdnet.simulate.sprites import KINDS, VARIANTS, nucleus_sprites
from mmdnet.simulate.texture import Window


def test_no_dye_lets_all_light_pass_and_double_dye_squares_it():
    density = stain_density(SlideRecipe(seed=1))
    dye = np.full((4, 2, 2), 0.3, np.float32)
    assert np.allclose(light_through(np.zeros((4, 2, 2), np.float32), density), 1)
    assert np.allclose(light_through(2 * dye, density), light_through(dye, density) ** 2, rtol=1e-4)


def test_collagen_is_blue_in_masson_green_in_goldner_and_pink_in_he():
    colour = {}
    for stain in (HE, MASSON, GOLDNER):
        dye = np.zeros((4, 1, 1), np.float32)
        dye[2] = 1
        colour[stain] = light_through(dye, stain_density(SlideRecipe(seed=2, stain=stain)))[0, 0]
    assert colour[MASSON].argmax() == 2
    assert colour[GOLDNER].argmax() == 1
    assert colour[HE].argmin() == 1


def test_a_scanner_is_always_the_same_and_differs_from_another():
    a, again, b = scanner_named("Scanner A"), scanner_named("Scanner A"), scanner_named("Scanner B")
    assert np.array_equal(a.colour, again.colour)
    assert not np.array_equal(a.colour, b.colour)


def test_glass_is_nearly_white_and_grey():
    window = Window(0, 0, 64, 64, 0.5)
    for name in ("Scanner A", "Scanner B", "Scanner C", "Scanner D"):
        glass = scan(np.ones((64, 64, 3), np.float32), scanner_named(name), window, SlideRecipe(seed=1))
        assert 225 < glass.mean() < 252
        assert np.ptp(glass.mean(axis=(0, 1))) < 8


def test_every_kind_of_nucleus_has_its_pictures_that_fit_the_margin():
    for kind, pictures in zip(KINDS, nucleus_sprites(0.5), strict=True):
        assert len(pictures) == VARIANTS[kind]
        for picture in pictures:
            assert picture.shape[0] == picture.shape[1]
            assert picture.shape[0] % 2 == 1
            assert picture[0].max() < 60
