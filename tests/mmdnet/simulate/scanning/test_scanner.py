import numpy as np
import pytest

from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.scanning.scanner import scan, scanner_named
from mmdnet.simulate.texture import Window


@pytest.fixture
def window():
    return Window(0, 0, 64, 64, 0.5)


def test_a_name_is_always_the_same_scanner_and_another_name_another():
    scanner, same, other = (scanner_named(name) for name in ("Scanner A", "Scanner A", "Scanner B"))
    assert np.array_equal(scanner.colour, same.colour) and scanner.quality == same.quality
    assert not np.array_equal(scanner.colour, other.colour)
    assert np.allclose(scanner.colour.sum(axis=1), 1)


def test_clear_glass_is_the_scanners_white_and_no_light_is_black(window):
    scanner, recipe = scanner_named("Scanner A"), SlideRecipe(seed=1)
    white = scan(np.ones((64, 64, 3), np.float32), scanner, window, recipe)
    assert white.dtype == np.uint8
    assert white.mean(axis=(0, 1)) == pytest.approx(255 * scanner.white, abs=2)
    assert scan(np.zeros((64, 64, 3), np.float32), scanner, window, recipe).mean() < 3
