"""JPEG tiles read directly: OpenSlide's pixels bit for bit, or left to OpenSlide."""

import gc
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks._mosaic import write_mosaic
from benchmarks.read_exact import largest_difference
from mmdnet.slides.geometry import Window
from mmdnet.slides.readers.jpeg_tiles import JpegTileSource, direct_pages
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.openslide_source import OpenSlideSource
from mmdnet.slides.readers.tiles.tiff import read_directories


@pytest.mark.parametrize(("subsampling", "photometric", "tile"), [("420", 6, 256), ("422", 6, 240), ("444", 2, 128)])
def test_a_direct_read_is_openslides_bit_for_bit(tmp_path, field, subsampling, photometric, tile):
    path = write_mosaic(tmp_path / "s.tiff", 1280, 0.25, field, (1, 4), 80, subsampling, photometric, tile)
    assert largest_difference(path, 60, seed=1) == (0, "jpeg-tiles")


def test_real_scanner_files_are_read_directly_and_exactly(real_data):
    for name in ("cmu-1-small-region.svs", "liver_he_fields.svs"):
        assert largest_difference(real_data / "slides" / name, 40, seed=2) == (0, "jpeg-tiles")


def test_levels_whose_pixels_differ_are_left_to_openslide(odd_pyramid, monkeypatch):
    import mmdnet.slides.readers.jpeg_tiles as module

    honest = module.decode

    def off_by_one(data, page, out):
        honest(data, page, out)
        out[0, 0, 0] ^= 1

    monkeypatch.setattr(module, "decode", off_by_one)
    with open_slide(odd_pyramid) as slide:
        assert slide.facts.reader == "openslide"


def test_empty_tiles_are_left_to_openslide(tmp_path, field):
    path = write_mosaic(tmp_path / "s.tiff", 1024, 0.25, field, (1,))
    page = read_directories(path)[0]
    sizes = page.sizes.astype("<u8").tobytes()
    data = path.read_bytes()
    path.write_bytes(data.replace(sizes, (0).to_bytes(8, "little") + sizes[8:]))
    source = OpenSlideSource(path)
    assert direct_pages(path, source) == {}
    source.close()


def test_a_slide_that_is_only_dropped_lets_go_of_its_file(odd_pyramid):
    openslide = OpenSlideSource(odd_pyramid)
    direct = JpegTileSource(odd_pyramid, openslide, {})
    handle = direct._file.handle
    assert os.fstat(handle)
    del direct
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)
    openslide.close()


@pytest.fixture(scope="module")
def source(odd_pyramid):
    """The pyramid's levels, each read directly."""
    openslide = OpenSlideSource(odd_pyramid)
    direct = JpegTileSource(odd_pyramid, openslide, direct_pages(odd_pyramid, openslide))
    yield direct
    direct.close()


@given(st.integers(-400, 1600), st.integers(-400, 1600), st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_window_is_its_part_of_the_slide_and_white_beyond(source, x, y, width, height):
    assert all(source.tiling(level) for level in (0, 1, 2))
    whole = np.full((3200, 3200, 3), 255, np.uint8)
    whole[800:2301, 800:2301] = source.read(Window(0, 0, 0, 1501, 1501))
    seen = source.read(Window(0, x, y, width, height))
    assert np.array_equal(seen, whole[y + 800 :, x + 800 :][:height, :width])
