import os
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks._mosaic import write_mosaic
from benchmarks.read_exact import largest_difference
from mmdnet.slides.geometry import PatchGrid, PatchPlace, Window
from mmdnet.slides.pixels import shrink, shrink_into
from mmdnet.slides.readers.jpeg import check_frame, decode
from mmdnet.slides.readers.jpeg_tiles import JpegTileSource, direct_pages
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.readers.openslide_source import OpenSlideSource
from mmdnet.slides.readers.tiff import NotTiffError, read_directories
from mmdnet.slides.readers.tile_cache import Recycled, TileCache, memory


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


def test_memory_is_given_again_only_when_no_view_of_it_is_held():
    given = Recycled(2)
    first = given.empty((4, 4, 3))
    place = first.ctypes.data
    part = first[1:3].reshape(-1)[2:]
    part[:] = 7
    del first
    assert given.empty((4, 4, 3)).ctypes.data != place
    assert (part == 7).all()
    del part
    assert place in {one.ctypes.data for one in [given.empty((4, 4, 3)) for _ in range(2)]}


def test_patches_that_are_kept_stay_as_they_were_read(one_level):
    with open_slide(one_level) as slide:
        grid = PatchGrid((0, 0), 100, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(7) for c in range(7)]
        kept = {index: patch[10:90] for index, patch in slide.read_patches(places, grid) if index % 3}
        for index, patch in slide.read_patches(places, grid):
            assert index % 3 == 0 or np.array_equal(kept[index], patch[10:90])


def test_memory_for_tiles_begins_beside_where_libjpeg_would_write_past_the_processors_cache():
    kept = [memory((16, 16, 3)) for _ in range(50)]
    assert {pixels.ctypes.data % 32 for pixels in kept} == {16}


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


@given(
    st.integers(-700, 1700),
    st.integers(-700, 1700),
    st.sampled_from([(1, 1.0), (2, 0.5), (2, 0.48), (4, 1.0), (8, 2.0)]),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_patch_of_a_pass_over_the_slide_is_the_patch_read_alone(one_level, x, y, scale):
    """Whatever the geometry: whole factors or not, squares across tiles or not, beyond the edge or not."""
    factor, mpp = scale
    with open_slide(one_level) as slide:
        grid = PatchGrid((x, y), 64, mpp, slide.mpp / (1 if factor > 1 else 1.003), slide.mpp)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(3) for c in range(3)]
        for index, patch in slide.read_patches(places, grid, threads=2):
            cut = grid.window(places[index].row, places[index].col, slide.facts.levels)
            assert np.array_equal(patch, shrink(slide._source.read(cut), 64, 64))


def test_shrinking_by_a_whole_number_is_the_rounded_mean_of_each_square():
    image = np.random.default_rng(0).integers(0, 256, (240, 240, 3)).astype(np.uint8)
    for factor in (2, 3, 4, 5, 8):
        side = 240 // factor
        mean = image.reshape(side, factor, side, factor, 3).mean((1, 3))
        assert np.abs(shrink(image, side, side) - mean).max() <= 0.5 + 1e-6


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_halving_is_the_mean_of_four_with_halves_rounded_up_also_into_a_part_of_other_memory(height, width, seed):
    whole = np.random.default_rng(seed).integers(0, 256, (90, 90, 3)).astype(np.uint8)
    image, memory = whole[3 : 3 + 2 * height, 5 : 5 + 2 * width], np.zeros((50, 50, 3), np.uint8)
    shrink_into(image, (width, height), memory[2 : 2 + height, 1 : 1 + width])
    mean = (image.reshape(height, 2, width, 2, 3).astype(int).sum((1, 3)) + 2) >> 2
    assert np.array_equal(memory[2 : 2 + height, 1 : 1 + width], mean)
    assert memory.astype(int).sum() == mean.sum()
    assert np.array_equal(shrink(image, width, height), mean)


def test_every_tile_is_decoded_once_in_a_pass(one_level, monkeypatch):
    import mmdnet.slides.readers.jpeg_tiles as module

    decoded, honest = [], module.decode
    with open_slide(one_level) as slide:
        monkeypatch.setattr(module, "decode", lambda data, *rest: (decoded.append(1), honest(data, *rest)))
        grid = PatchGrid((0, 0), 100, 0.5, 0.25, 0.25)
        places = [PatchPlace(r, c, *grid.corner_px0(r, c), 1.0) for r in range(7) for c in range(7)]
        assert [i for i, _ in slide.read_patches(places, grid, threads=3)] == list(range(49))
    assert len(decoded) == 6 * 6  # 1400 px of tiles of 256 px


def test_a_lost_block_of_a_tile_is_found_and_blank_tiles_are_not_taken_for_one(tmp_path, field):
    path = write_mosaic(tmp_path / "s.tiff", 512, 0.25, field, (1,))
    page, data = read_directories(path)[0], path.read_bytes()
    at, size = int(page.offsets[0]), int(page.sizes[0])
    tile, out = data[at : at + size], memory((256, 256, 3))
    decode(tile, page, out)
    middle = size // 2
    with pytest.raises(ValueError, match="zeros"):
        decode(tile[:middle] + bytes(64) + tile[middle + 64 :], page, out)
    for level in (10, 50, 90):
        blank = imagecodecs.jpeg8_encode(np.full((256, 256, 3), 244, np.uint8), level=level, optimize=True)
        decode(blank, page, out)
        assert out.std() == 0
    assert bytes(48) in blank


def test_a_tile_that_libjpeg_only_warns_of_is_refused(tmp_path, field):
    page = read_directories(write_mosaic(tmp_path / "s.tiff", 512, 0.25, field, (1,)))[0]
    data = (tmp_path / "s.tiff").read_bytes()
    tile = data[int(page.offsets[0]) :][: int(page.sizes[0])]
    for damaged in (tile[:-1000] + tile[-2:], tile[:-2] + bytes(range(1, 40)) + tile[-2:]):
        with pytest.raises(ValueError, match="Corrupt"):
            decode(damaged, page, memory((256, 256, 3)))


@pytest.mark.parametrize("jfif", [True, False])
def test_tables_kept_once_for_all_tiles_and_rgb_tiles_are_read(tmp_path, field, jfif):
    """An abbreviated stream (TIFF Technical Note 2) with its tables in the directory, and photometric RGB."""
    page = read_directories(write_mosaic(tmp_path / "s.tiff", 512, 0.25, field, (1,), photometric=2))[0]
    tile = (tmp_path / "s.tiff").read_bytes()[int(page.offsets[0]) :][: int(page.sizes[0])]
    expected = memory((256, 256, 3))
    decode(tile, page, expected)
    tables, short = split_tables(tile)
    if jfif:
        short = short[:2] + b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00" + short[2:]
    out = memory((256, 256, 3))
    decode(short, replace(page, tables=tables), out)
    assert np.array_equal(out, expected)


def split_tables(tile: bytes) -> tuple[bytes, bytes]:
    """A JPEG's tables as a stream of their own, and the JPEG without them and without Adobe's marker."""
    tables, rest, at = b"", b"", 2
    while tile[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(tile[at + 2 : at + 4])
        if tile[at + 1] in {0xDB, 0xC4}:
            tables += tile[at:end]
        elif tile[at + 1] not in {0xEE, 0xE0}:
            rest += tile[at:end]
        at = end
    return b"\xff\xd8" + tables + b"\xff\xd9", b"\xff\xd8" + rest + tile[at:]
