"""The deep zoom's tiles make up the slide."""

import cv2
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.slides.readers.deep_zoom import ZoomPyramid
from mmdnet.slides.readers.open import open_slide


def test_zoom_tiles_make_up_the_slide(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        pyramid = ZoomPyramid(slide)
        info = pyramid.dzi()
        assert (info["width"], info["height"], info["max_level"]) == (1501, 1501, 11)
        last = cv2.imdecode(np.frombuffer(pyramid.tile(11, 2, 2), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert last.shape == (1501 - 1024, 1501 - 1024, 3)
        assert np.abs(last.astype(int) - slide.read_region_px0(1024, 1024, 477, 477, 477, 477)).mean() < 6
        assert cv2.imdecode(np.frombuffer(pyramid.tile(0, 0, 0), np.uint8), cv2.IMREAD_COLOR).shape == (1, 1, 3)
        for level, col, row in ((12, 0, 0), (-1, 0, 0), (11, 3, 0), (11, 0, -1)):
            with pytest.raises(LabError):
                pyramid.tile(level, col, row)
