"""Pictures and folders of tiles as slides."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.readers.image_sources import tile_name
from mmdnet.slides.readers.open import discover, open_slide


def test_a_picture_that_would_fill_memory_is_refused(tmp_path, refusal):
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = tmp_path / "bomb.png"
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    assert "60000" in refusal(path, mpp=0.5)


@pytest.fixture
def tiles(tmp_path, field):
    for x, y in ((3, 5), (4, 5), (4, 6)):
        shade = np.full((299, 299, 3), 20 * x + 10 * y, np.uint8)
        cv2.imwrite(str(tmp_path / f"a_b_{x}_{y}.png"), shade)
    return tmp_path


def test_names_of_tiles_are_read_from_the_right():

    assert tile_name(Path("16_224_606_43_42.png")) == ("16_224_606", 43, 42)
    assert tile_name(Path("tissue-level0-4302.png")) is None


def test_a_folder_of_tiles_is_a_slide(tiles):
    with open_slide(tiles, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (598, 598)
        assert slide.facts.reader == "patch-folder"
        assert (slide.read_patch(0, 0) == 110).all()
        assert (slide.read_patch(299, 299) == 140).all()
        assert (slide.read_patch(0, 299) == 255).all()  # no tile there
        assert slide.thumbnail(46).shape == (46, 46, 3)
        assert abs(int(slide.thumbnail(46)[40, 40, 0]) - 140) <= 1


def test_tiles_of_two_slides_are_two_slides(tiles, real_data):
    assert discover(tiles) == [tiles]
    cv2.imwrite(str(tiles / "other_0_0.png"), np.zeros((299, 299, 3), np.uint8))
    assert discover(tiles) == [tiles / "a_b", tiles / "other"]
    with open_slide(tiles / "other", mpp=0.5) as slide:
        assert slide.facts.width_px0 == 299
    with pytest.raises(LabError, match="2 slides"):
        open_slide(tiles, mpp=0.5)
    assert [path.name for path in discover(real_data / "trichrome_tiles")] == ["114", "16_224_606"]
