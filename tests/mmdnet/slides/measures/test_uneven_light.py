"""Fat under light that falls off across a field."""

import numpy as np
import pytest

from benchmarks._drawn import tissue
from mmdnet.slides.measures.fat import fat_mask
from mmdnet.slides.measures.uneven_light import _percentile, evened

FIELD = tissue(900, 700, border=0, fat=0.15)
ACROSS, DOWN = np.linspace(0, 1, 900)[None, :, None], np.linspace(0, 1, 700)[:, None, None]


@pytest.fixture(scope="module")
def fat() -> float:
    return float(fat_mask(FIELD, 0.5).mean())


@pytest.mark.parametrize("light", [1 - 0.1 * ACROSS, 0.85 + 0.15 * ACROSS, 1 - 0.12 * DOWN, 1 - 0.06 * (ACROSS + DOWN)])
def test_fat_stays_what_it_is_under_uneven_light(fat, light):
    assert float(fat_mask((FIELD * light).astype(np.uint8), 0.5).mean()) == pytest.approx(fat, rel=0.03)


def test_even_light_white_beyond_the_slide_and_fields_without_white_are_left_alone():
    assert evened(FIELD) is FIELD
    lean = tissue(600, 600, border=0, fat=0)
    assert evened(lean) is lean
    dim = (FIELD * (1 - 0.1 * ACROSS)).astype(np.uint8)
    dim[:200] = 255
    assert (evened(dim)[:200] == 255).all()


@pytest.mark.parametrize("count", [8, 9, 100, 333])
def test_a_percentile_is_numpys(count):
    values = np.random.default_rng(count).integers(0, 256, count, dtype=np.uint8)
    assert _percentile(values, 97) == pytest.approx(np.percentile(values, 97), abs=1e-9)
