"""Which frame of which file is which tile of a picture; what slides look like of it is tested in test_dicom_source."""

import imagecodecs
import numpy as np
import pytest

from benchmarks._drawn import tissue, write_dicom
from mmdnet.errors import LabError
from mmdnet.slides.readers.dicom import FramePlace, frame_places, series_files
from mmdnet.slides.readers.dicom_pictures import NONE, pictures_of

IMAGE = tissue(300, 200, border=20)
LS = {"syntax": "1.2.840.10008.1.2.4.80", "photometric": "RGB", "encode": imagecodecs.jpegls_encode}


def pictures(path):
    return pictures_of("slide", series_files(path))


def test_tiles_are_numbered_row_by_row_and_those_not_scanned_have_no_frame(tmp_path):
    ((full,), left_out) = pictures(write_dicom(tmp_path / "a" / "full.dcm", IMAGE, **LS))
    ((sparse,), _) = pictures(write_dicom(tmp_path / "b" / "sparse.dcm", IMAGE, scanned=[4, 0, 5], **LS))
    assert full.frames.tolist() == [0, 1, 2, 3, 4, 5] and (full.across, left_out) == (3, [])
    assert sparse.frames.tolist() == [1, NONE, NONE, NONE, 0, 2]
    assert sparse.bytes_of(1) == full.bytes_of(0) and sparse.size_of(1) >= len(sparse.bytes_of(1))
    full.close()
    with pytest.raises(OSError, match="closed"):
        full.bytes_of(0)


def test_frames_of_a_picture_in_parts_are_counted_through(tmp_path):
    for number, (begin, end) in enumerate([(0, 4), (4, 6)]):
        write_dicom(tmp_path / f"{number}.dcm", IMAGE, part=(begin, end, number + 1), **LS)
    (picture,), _ = pictures(tmp_path / "1.dcm")
    tile = np.empty((128, 128, 3), np.uint8)
    imagecodecs.jpegls_decode(picture.bytes_of(5), out=tile)
    assert np.array_equal(tile[:72, :44], IMAGE[128:, 256:]) and len(picture.files) == 2


def test_frames_say_where_they_lie_and_a_place_beside_the_grid_is_refused(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", IMAGE, scanned=[2, 3], **LS)
    assert frame_places(path, 2) == [FramePlace(256, 0, 0.0, ""), FramePlace(0, 128, 0.0, "")]
    assert frame_places(write_dicom(tmp_path / "full.dcm", IMAGE, **LS), 6) == []
    data = path.read_bytes()
    place = b"\x48\x00\x1e\x02SL\x04\x00"
    for column in (257 + 5, 257 + 128 * 9, -4):
        path.write_bytes(
            data.replace(place + (257).to_bytes(4, "little"), place + column.to_bytes(4, "little", signed=True))
        )
        with pytest.raises(LabError, match="side by side on one grid"):
            pictures(path)
