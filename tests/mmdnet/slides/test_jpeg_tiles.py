import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks._mosaic import write_mosaic
from benchmarks.read_exact import largest_difference
from mmdnet.slides.geometry import Window
from mmdnet.slides.jpeg_tiles import JpegTileSource, check_frame, direct_pages
from mmdnet.slides.open import open_slide
from mmdnet.slides.openslide_source import OpenSlideSource
from mmdnet.slides.tiff import NotTiffError, read_directories
from mmdnet.slides.tile_cache import TileCache


@pytest.mark.parametrize(("subsampling", "photometric", "tile"), [("420", 6, 256), ("422", 6, 240), ("444", 2, 128)])
def test_a_direct_read_is_openslides_bit_for_bit(tmp_path, field, subsampling, photometric, tile):
    path = write_mosaic(tmp_path / "s.tiff", 1280, 0.25, field, (1, 4), 80, subsampling, photometric, tile)
    assert largest_difference(path, 60, seed=1) == (0, "jpeg-tiles")


def test_real_scanner_files_are_read_directly_and_exactly(real_data):
    for name in ("cmu-1-small-region.svs", "liver_he_fields.svs"):
        assert largest_difference(real_data / "slides" / name, 40, seed=2) == (0, "jpeg-tiles")


def test_levels_whose_pixels_differ_are_left_to_openslide(odd_pyramid, monkeypatch):
    import mmdnet.slides.jpeg_tiles as module

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


@given(st.integers(-400, 1600), st.integers(-400, 1600), st.integers(1, 700), st.integers(1, 700))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_window_is_its_part_of_the_slide_and_white_beyond(odd_pyramid, x, y, width, height):
    with open_slide(odd_pyramid) as slide:
        assert isinstance(slide._source, JpegTileSource)
        whole = np.full((3200, 3200, 3), 255, np.uint8)
        whole[800:2301, 800:2301] = slide._source.read(Window(0, 0, 0, 1501, 1501))
        seen = slide._source.read(Window(0, x, y, width, height))
        assert np.array_equal(seen, whole[y + 800 :, x + 800 :][:height, :width])


def test_a_frame_of_another_size_is_refused_before_it_is_decoded():
    huge = b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(20)
    with pytest.raises(ValueError, match="another size"):
        check_frame(huge, 256, 256)
    with pytest.raises(ValueError, match="no JPEG frame"):
        check_frame(b"\xff\xd8\xff\xd9" + bytes(20), 256, 256)


def test_the_cache_never_holds_more_than_its_limit():
    cache = TileCache(10 * 300)

    for key in range(50):
        with cache.tile(key, (10, 10, 3), lambda out, key=key: out.fill(key)) as tile:
            assert (tile == key).all()
    assert cache._bytes <= 10 * 300
    with cache.tile("large", (20, 20, 3), lambda out: out.fill(1)) as tile:
        assert tile.shape == (20, 20, 3)
    assert cache._bytes <= 10 * 300


def test_a_tile_that_is_being_read_keeps_its_pixels():
    cache = TileCache(2 * 300)
    with cache.tile("held", (10, 10, 3), lambda out: out.fill(7)) as held:
        for key in range(20):
            with cache.tile(key, (10, 10, 3), lambda out: out.fill(0)):
                pass
        assert (held == 7).all()


def test_expected_tiles_are_decoded_once_and_then_dropped():
    cache, loads = TileCache(10**6), []
    cache.expect(["a", "a", "b"])
    for key in ("a", "b", "a"):
        with cache.tile(key, (4, 4, 3), lambda out, key=key: loads.append(key)):
            pass
    assert loads == ["a", "b"]
    assert not cache._slots


def test_directories_in_a_circle_end(tmp_path, field):
    path = write_mosaic(tmp_path / "s.tiff", 512, 0.25, field, (1,))
    data = bytearray(path.read_bytes())
    first = data[8:16]
    data[-8:] = first  # the last directory's link
    path.write_bytes(data)
    with pytest.raises(NotTiffError):
        read_directories(path)
    path.write_bytes(os.urandom(100))
    with pytest.raises(NotTiffError):
        read_directories(path)
