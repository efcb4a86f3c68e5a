"""Many windows in one pass: each tile decoded once, each window as if read alone."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.pixels import shrink
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.openslide_source import OpenSlideSource


@given(
    st.integers(-700, 1700),
    st.integers(-700, 1700),
    st.sampled_from([(1, 1.0), (2, 0.5), (2, 0.48), (4, 1.0), (8, 2.0)]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_patch_of_a_pass_over_the_slide_is_the_patch_read_alone(one_level, x, y, scale):
    """Whatever the geometry: whole factors or not, squares across tiles or not, beyond the edge or not."""
    factor, mpp = scale
    with open_slide(one_level) as slide:
        grid = PatchGrid((x, y), 64, mpp, slide.mpp / (1 if factor > 1 else 1.003), slide.mpp)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(3) for c in range(3)]
        source = OpenSlideSource(one_level)
        for index, patch in slide.read_patches(places, grid, threads=2):
            cut = grid.window(places[index].row, places[index].col, slide.facts.levels)
            assert np.array_equal(patch, shrink(source.read(cut), 64, 64))
        source.close()


def test_every_tile_is_decoded_once_in_a_pass(one_level, monkeypatch):
    import mmdnet.slides.readers.jpeg_tiles as module

    decoded, honest = [], module.decode
    with open_slide(one_level) as slide:
        monkeypatch.setattr(module, "decode", lambda data, *rest: (decoded.append(1), honest(data, *rest)))
        grid = PatchGrid((0, 0), 100, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(7) for c in range(7)]
        assert [i for i, _ in slide.read_patches(places, grid, threads=3)] == list(range(49))
    assert len(decoded) == 6 * 6  # 1400 px of tiles of 256 px
