"""One frame to pixels. Every way a frame may be compressed is read through slides, in test_dicom_source."""

import imagecodecs
import numpy as np
import pytest
from pydicom.pixels import convert_color_space

from mmdnet.slides.readers.tiles.dicom_frame import CODINGS, EXPLICIT, FrameForm, decode, second

FRAME = np.random.default_rng(0).integers(0, 256, (16, 32, 3)).astype(np.uint8)
LS, LOSSY_HT = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.203"


def test_all_colours_there_are_become_those_that_pydicom_makes_of_them():
    out = np.empty_like(FRAME)
    decode(FRAME.tobytes(), FrameForm(EXPLICIT, "YBR_FULL", False, 32, 16), out)
    assert np.abs(out.astype(int) - convert_color_space(FRAME, "YBR_FULL", "RGB", per_frame=False)).max() <= 1


@pytest.mark.parametrize("syntax", sorted(CODINGS))
def test_bytes_that_are_no_frame_are_refused_by_every_decoder(syntax):
    form = FrameForm(syntax, CODINGS[syntax].photometrics[0], False, 32, 16)
    for data in (b"", b"\xff\xd8\xff", b"nothing", bytes(70)):
        with pytest.raises(ValueError):
            decode(data, form, np.empty_like(FRAME))
        assert second(data, form) is None


def test_a_frame_of_another_size_is_refused():
    with pytest.raises(ValueError, match="shape"):
        decode(imagecodecs.jpegls_encode(FRAME), FrameForm(LS, "RGB", False, 16, 16), np.empty((16, 16, 3), np.uint8))


def test_white_stays_white_in_frames_with_loss():
    glass = np.full((64, 64, 3), 255, np.uint8)
    glass[::9] = 90
    frame = imagecodecs.htj2k_encode(glass, 0.02, reversible=False)
    out = np.empty_like(glass)
    decode(frame, FrameForm(LOSSY_HT, "YBR_ICT", False, 64, 64), out)
    assert out[glass == 255].min() > 200  # OpenJPH, which imagecodecs has as well, gives 0
