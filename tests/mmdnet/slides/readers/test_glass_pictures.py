import cv2
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.readers.glass_pictures import glass_picture, glass_pictures


def test_a_real_scan_has_its_label_and_its_macro(real_data):
    slide = real_data / "slides" / "cmu-1-small-region.svs"
    assert glass_pictures(slide) == ("label", "macro", "thumbnail")
    label = cv2.imdecode(np.frombuffer(glass_picture(slide, "label"), np.uint8), cv2.IMREAD_COLOR)
    assert label.shape == (463, 387, 3)
    with pytest.raises(LabError, match="holds no picture called nothing"):
        glass_picture(slide, "nothing")


def test_what_is_no_slide_of_openslides_has_none(tmp_path, real_data):
    (tmp_path / "a.svs").write_bytes(b"nothing")
    assert glass_pictures(tmp_path / "a.svs") == glass_pictures(tmp_path / "gone") == glass_pictures(tmp_path) == ()
    assert glass_pictures(real_data / "slides" / "boxes_0.dcm") == ("thumbnail",)
