"""One JPEG tile to pixels, or a refusal."""

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.slides.readers.tiles.jpeg import check_frame, decode
from mmdnet.slides.readers.tiles.tiff import read_directories
from mmdnet.slides.readers.tiles.tile_cache import memory


def test_a_frame_of_another_size_is_refused_before_it_is_decoded():
    huge = b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03" + bytes(20)
    with pytest.raises(ValueError, match="another size"):
        check_frame(huge, 256, 256)
    with pytest.raises(ValueError, match="no JPEG frame"):
        check_frame(b"\xff\xd8\xff\xd9" + bytes(20), 256, 256)


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
