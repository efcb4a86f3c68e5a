"""Colours that cannot be a stained slide's."""

import cv2
import numpy as np
import pytest

from benchmarks._drawn import tissue
from mmdnet.errors import LabError
from mmdnet.slides.measures.colours import check_glass, check_stain

PICTURE = tissue(600, 500)


@pytest.mark.parametrize(
    "wrong",
    [
        cv2.cvtColor(PICTURE, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]],  # YCbCr said to be RGB
        cv2.cvtColor(PICTURE, cv2.COLOR_YCrCb2RGB),  # RGB said to be YCbCr
        PICTURE * np.array([1, 0.6, 1]),
    ],
)
def test_glass_far_from_neutral_is_refused(wrong):
    with pytest.raises(LabError, match="far from the white of glass"):
        check_glass("a.svs", [np.asarray(wrong, np.uint8)])


@pytest.mark.parametrize("tint", [(1, 1, 1), (1, 0.982, 0.93), (0.85, 0.9, 0.95)])
def test_tinted_glass_and_tissue_without_glass_pass(tint):
    check_glass("a.svs", [(PICTURE * np.array(tint)).astype(np.uint8), tissue(300, 300, border=0)])
    check_glass("a.svs", [])


def test_no_colours_are_refused_and_pale_stain_is_not():
    grey = np.repeat(cv2.cvtColor(PICTURE, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    for nothing in (grey, (grey > 200).astype(np.uint8) * 255, (grey * np.array([1, 0.98, 0.93])).astype(np.uint8)):
        with pytest.raises(LabError, match="no colours"):
            check_stain("a.svs", [nothing])
    check_stain("a.svs", [(243 - (243 - PICTURE.astype(float)) * 0.4).astype(np.uint8)])
    check_stain("a.svs", [])
