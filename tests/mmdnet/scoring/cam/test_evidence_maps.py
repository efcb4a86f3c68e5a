"""The demo model's maps of patches with one drawn focus; the file of maps, and the picture."""

import cv2
import numpy as np
import pytest
import torch

from mmdnet.experiments.attention import NEAR_PX, lesion_mask
from mmdnet.nn.io import load_model
from mmdnet.scoring.cam.deletion import Deletion
from mmdnet.scoring.cam.evidence_maps import PatchMap, load_maps, map_patch, map_picture, save_maps
from mmdnet.settings import DEMO_MODEL
from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.truth import truth_of

SIDE = 299


@pytest.fixture(scope="module")
def focus():
    """A patch with one drawn focus off its centre, and where it was drawn."""
    densities = {"inflammation": 12.0, "ballooning": 0.0, "steatosis": 0.02}
    scene = build_scene(SlideRecipe(seed=2, width_px=1000, height_px=1000, densities=densities, artefacts=0))
    truth = truth_of(scene)
    for x, y, _ in truth.foci:
        corner = round(x / truth.mpp) - 100, round(y / truth.mpp) - 180
        drawn = lesion_mask(truth, "inflammation", *corner)
        if min(corner) >= 0 and max(corner) + SIDE <= 1000 and cv2.connectedComponents(drawn.astype(np.uint8))[0] == 2:
            return render_field(scene, *corner, SIDE, SIDE), drawn
    raise AssertionError("no focus alone on a patch")


@pytest.fixture(scope="module")
def drawn_map(focus) -> PatchMap:
    return map_patch(load_model(DEMO_MODEL)[0].eval(), focus[0], "inflammation", 1)


def test_the_demo_models_map_peaks_on_the_drawn_focus(focus, drawn_map):
    _, drawn = focus
    peak = np.unravel_index(drawn_map.heat.argmax(), drawn.shape)
    near = cv2.dilate(drawn.astype(np.uint8), np.ones((2 * NEAR_PX + 1,) * 2)) > 0
    assert near[peak] and drawn_map.heat.max() == 255


def test_without_the_marked_focus_its_grade_is_gone_and_without_as_much_elsewhere_it_stays(drawn_map):
    result = drawn_map.deletion
    assert result.whole > 0.8
    assert result.marked < 0.1 * result.whole
    assert result.elsewhere > 0.6 * result.whole


def test_a_map_of_nothing_marks_nothing():
    model = load_model(DEMO_MODEL)[0].eval()
    with torch.no_grad():
        for parameter in model.head("steatosis").grade.parameters():
            parameter.zero_()
    flat = map_patch(model, np.full((SIDE, SIDE, 3), 220, np.uint8), "steatosis", 1)
    assert flat.deletion is None and not flat.heat.any() and not flat.marked.any()


def test_maps_come_back_as_they_were_and_others_of_another_network_do_not(tmp_path, drawn_map):
    file = tmp_path / "a.maps.safetensors"
    assert load_maps(file, "w") == {}
    without = PatchMap(np.zeros((SIDE, SIDE), np.uint8), 2, None)
    save_maps(file, {"inflammation": {7: drawn_map, 3: without}, "steatosis": {}}, "w")
    back = load_maps(file, "w")
    assert list(back["inflammation"]) == [7, 3] and back["steatosis"] == {}
    assert (back["inflammation"][7].heat == drawn_map.heat).all()
    assert back["inflammation"][7].deletion == drawn_map.deletion
    assert (back["inflammation"][3].grade, back["inflammation"][3].deletion) == (2, None)
    assert load_maps(file, "another") == {}
    file.write_bytes(file.read_bytes()[:-9])
    assert load_maps(file, "w") == {}


def test_the_picture_is_green_on_the_heat_and_the_patch_elsewhere():
    heat = np.zeros((40, 40), np.uint8)
    heat[10:14, 10:14] = 255
    picture = map_picture(np.full((40, 40, 3), 180, np.uint8), PatchMap(heat, 1, Deletion(1, 0, 1)))
    assert (picture[30, 30] == 180).all()
    red, green, blue = picture[11, 11].astype(int)
    assert green > red + 20 and red > blue
