import cv2
import numpy as np
import pytest

from mmdnet.simulate.paint import paint
from mmdnet.simulate.recipes import STAINS, SlideRecipe
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.texture import Window
from mmdnet.slides.measures.droplets import clearness, find_droplets

SIDE = 700


@pytest.mark.parametrize("stain", STAINS)
def test_fat_of_a_drawn_field_is_measured_within_two_points(stain):
    recipe = SlideRecipe(seed=9501, stain=stain, grades={"steatosis": 2}, width_px=SIDE, height_px=SIDE, artefacts=0)
    scene = build_scene(recipe)
    painted = paint(scene, Window(0, 0, SIDE, SIDE, recipe.mpp))
    inside = painted.tissue > 127
    true = float((painted.fat[inside] > 127).mean())
    droplets = find_droplets(render_field(scene, 0, 0, SIDE, SIDE), recipe.mpp) > 0
    assert true > 0.05
    assert droplets[inside].mean() == pytest.approx(true, abs=0.02)


def test_clearness_means_the_same_on_a_pale_and_a_strong_stain():
    for stain in ((200, 130, 178), (110, 40, 90)):
        image = np.full((300, 300, 3), stain, np.uint8)
        cv2.circle(image, (150, 150), 20, (243, 242, 244), -1)
        clear, _ = clearness(image, 0.5)
        assert clear[150, 150] > 0.98
        assert clear[20, 20] < 0.1


def test_pure_white_beyond_the_slide_is_not_taken_for_glass():
    image = np.full((300, 300, 3), (200, 130, 178), np.uint8)
    image[:, 200:] = (235, 234, 236)
    image[:, 250:] = 255
    clear, _ = clearness(image, 0.5)
    assert clear[150, 225] > 0.98
