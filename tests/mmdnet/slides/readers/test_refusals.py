"""What is said of files that no reader takes: what they are, never the server's path."""

import numpy as np
import pytest
import tifffile

from benchmarks._drawn import reduced, tissue, write_tiff


@pytest.fixture(scope="module")
def levels():
    return reduced(tissue(500, 400, border=40), 2)


@pytest.mark.parametrize(("compression", "word"), [("lzma", "LZMA"), ("lerc", "LERC"), ("jpegxr", "JPEG XR")])
def test_tiles_of_an_unknown_coding_are_not_damaged(tmp_path, levels, refusal, compression, word):
    said = refusal(write_tiff(tmp_path / "coded.tif", levels, compression=compression))
    assert word in said and "damaged" not in said and str(tmp_path) not in said


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tiff_that_was_cut_short_is_no_unknown_format(tmp_path, levels, refusal, share):
    path = tmp_path / "cut.tif"
    tifffile.imwrite(path, levels[0], photometric="rgb", metadata=None)
    data = write_tiff(path, levels).read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert "cut short" in refusal(path)


@pytest.mark.parametrize("turned", [2, 3, 6, 8])
@pytest.mark.parametrize("compression", ["deflate", "jpeg"])
def test_a_picture_stored_turned_is_refused(tmp_path, levels, refusal, turned, compression):
    path = write_tiff(tmp_path / "t.tif", levels, compression=compression, extratags=[(274, 3, 1, turned, True)])
    assert "turned or mirrored" in refusal(path)


def test_a_fourth_sample_that_says_nothing_is_refused(tmp_path, levels, refusal):
    four = [np.dstack([level, np.zeros(level.shape[:2], np.uint8)]) for level in levels]
    path = write_tiff(tmp_path / "four.tif", four, compression="deflate", extrasamples=["UNSPECIFIED"])
    assert "4 samples" in refusal(path)


@pytest.mark.parametrize("name", ["empty.png", "empty.svs", "text.png", "text.svs"])
def test_no_path_of_the_server_is_told(tmp_path, refusal, name):
    path = tmp_path / name
    path.write_bytes(b"" if name.startswith("empty") else b"no slide at all")
    assert str(tmp_path) not in refusal(path)
