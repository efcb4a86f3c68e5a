"""Directories of TIFFs, damaged ones too."""

import os

import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.slides.readers.tiles.tiff import NotTiffError, TiffBytes, read_directories


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


def test_bytes_are_given_by_place_and_of_a_closed_file_none(tmp_path):
    path = tmp_path / "ten"
    path.write_bytes(b"0123456789")
    file = TiffBytes(path)
    assert (file.at(3, 4), file.at(8, 9)) == (b"3456", b"89")
    file.close()
    another = path.open("rb")  # it may well be given the number of the one that was closed
    with pytest.raises(OSError, match="closed"):
        file.at(0, 1)
    another.close()
