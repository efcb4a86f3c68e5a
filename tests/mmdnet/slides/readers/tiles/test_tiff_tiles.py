"""One tile of a TIFF by itself."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from benchmarks._drawn import tissue
from mmdnet.slides.readers.tiles.tiff_tiles import jpegxl_size, piece_of, small_tiff

IMAGE = tissue(300, 201, border=20)


@pytest.mark.parametrize("given", [{"rowsperstrip": 64}, {"tile": (128, 128)}])
@pytest.mark.parametrize("compression", ["lzw", "deflate", "jpeg"])
def test_a_tile_taken_out_shows_what_it_showed(tmp_path, given, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, IMAGE, photometric="rgb", compression=compression, metadata=None, **given)
    with tifffile.TiffFile(path) as file:
        page, whole = file.pages[0], file.asarray()
        last = len(page.dataoffsets) - 1
        data = path.read_bytes()[page.dataoffsets[last] :][: page.databytecounts[last]]
        alone = np.asarray(Image.open(io.BytesIO(small_tiff(page, last, data))).convert("RGB"))
        wide, high = piece_of(page)
    across = -(-300 // wide)
    top, left = last // across * high, last % across * wide
    part = whole[top : top + high, left : left + wide]
    assert np.array_equal(alone[: part.shape[0], : part.shape[1]], part)


@pytest.mark.parametrize(("width", "height"), [(256, 256), (64, 512), (300, 200), (1200, 7), (8, 8), (160, 90)])
def test_the_size_a_jpeg_xl_tile_claims_is_read_before_it_is_decoded(width, height):
    data = imagecodecs.jpegxl_encode(np.zeros((height, width, 3), np.uint8))
    assert jpegxl_size(data) == (width, height)
    with pytest.raises(ValueError, match="no JPEG XL"):
        jpegxl_size(data[3:])
