"""Directories of TIFFs, damaged ones too."""

import os

import pytest

from benchmarks._mosaic import write_mosaic
from mmdnet.slides.readers.tiff import NotTiffError, read_directories


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
