"""A scale that is wrong by two is seen in the size of nuclei."""

import cv2
import numpy as np
import pytest

from mmdnet.slides.measures.nuclear_size import nuclear_diameter_um, scale_doubts
from mmdnet.slides.readers.open import open_slide


def field(diameter_px: float, fat: bool = False) -> np.ndarray:
    chance = np.random.default_rng(1)
    picture = np.full((400, 400, 3), (214, 150, 190), np.float32) + chance.normal(0, 6, (400, 400, 1))
    for x in range(15, 400, 30):
        for y in range(15, 400, 30):
            cv2.circle(picture, (x * 8, y * 8), round(diameter_px * 4), (95, 60, 140), -1, cv2.LINE_AA, 3)
            if fat:
                cv2.circle(picture, (x + 14, y + 14), 7, (246, 245, 246), -1, cv2.LINE_AA)
    return picture.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("diameter_px", "mpp"), [(12, 0.5), (14, 0.5), (7, 1.0), (18, 0.25)])
@pytest.mark.parametrize("fat", [False, True])
def test_nuclei_are_as_wide_as_they_were_drawn(diameter_px, mpp, fat):
    assert nuclear_diameter_um([field(diameter_px, fat)], mpp) == pytest.approx(diameter_px * mpp, rel=0.2)


def test_too_few_nuclei_say_nothing():
    assert nuclear_diameter_um([field(12)[:60, :60]], 0.5) is None
    assert nuclear_diameter_um([], 0.5) is None


@pytest.mark.parametrize(
    ("mpp", "objective", "nucleus", "words"),
    [
        (0.25, 40.0, 7.0, ()),
        (0.5, 20.0, None, ()),
        (0.33, 40.0, 8.0, ()),
        (0.5, 40.0, 7.0, ("objective is 40×",)),
        (0.25, 20.0, 3.5, ("objective is 20×", "3.5 µm wide")),
        (0.5, None, 14.0, ("14.0 µm wide",)),
    ],
)
def test_what_contradicts_a_scale_is_said(mpp, objective, nucleus, words):
    doubts = scale_doubts(mpp, objective, nucleus)
    assert len(doubts) == len(words) and all(word in doubt for word, doubt in zip(words, doubts, strict=True))


@pytest.mark.parametrize(("mpp", "doubted"), [(None, False), (0.25, True), (1.0, True)])
def test_on_real_liver_a_scale_wrong_by_two_is_doubted(real_data, mpp, doubted):
    with open_slide(real_data / "slides" / "liver_he_fields.svs", mpp=mpp, overrule=mpp is not None) as slide:
        side = 299 * 0.5 / slide.mpp
        corners = [(x, y) for x in (1700, 2400, 4300, 5000) for y in (700, 1400)]
        patches = [slide.read_region_px0(x, y, side, side, 299, 299) for x, y in corners]
    assert bool(scale_doubts(slide.mpp, None, nuclear_diameter_um(patches, 0.5))) == doubted
