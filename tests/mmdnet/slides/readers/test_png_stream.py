"""What is called whole is decoded whole by a strict decoder, whatever was done to the file."""

import io
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from mmdnet.slides.readers.png_stream import SIGNATURE, holds_all_pixels


def png(mode="RGB", size=(37, 23), **choices) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 4), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").convert(mode).save(buffer, "PNG", **choices)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def made(rows: bytes, width=3, height=2, depth=8, colour=2, last=bytes(3)) -> bytes:
    """A PNG of these rows, its chunks and checksums right."""
    header = width.to_bytes(4) + height.to_bytes(4) + bytes([depth, colour]) + last
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_plain_picture_is_whole(mode):
    assert holds_all_pixels(png(mode))


def test_other_kinds_are_left_to_a_decoder():
    assert not holds_all_pixels(png("P"))
    assert not holds_all_pixels(png("1"))
    assert not holds_all_pixels(made(bytes(20), last=b"\0\0\1"))  # interlaced
    assert not holds_all_pixels(b"no picture")
    assert not holds_all_pixels(b"")


def test_rows_that_are_too_few_too_many_or_of_no_filter_are_not_whole():
    assert holds_all_pixels(made(bytes(20)))
    assert not holds_all_pixels(made(bytes(10)))
    assert not holds_all_pixels(made(bytes(21)))
    assert not holds_all_pixels(made(bytes(10) + b"\5" + bytes(9)))
    assert not holds_all_pixels(made(bytes(20), width=0))


def test_whatever_byte_is_spoilt_or_cut_off_what_is_called_whole_decodes_to_the_same_pixels():
    whole = png(size=(9, 7))
    pixels = imagecodecs.spng_decode(whole)
    random = np.random.default_rng(1)
    called_whole = 0
    for at in range(len(whole)):
        for spoilt in (whole[:at], whole[:at] + bytes([whole[at] ^ int(random.integers(1, 256))]) + whole[at + 1 :]):
            if holds_all_pixels(spoilt):
                called_whole += 1
                assert (imagecodecs.spng_decode(spoilt) == pixels).all()
    assert called_whole < 40  # the end's own length and CRC, which no decoder reads
