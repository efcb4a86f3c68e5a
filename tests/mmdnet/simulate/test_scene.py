import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.simulate import SlideRecipe
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.truth import truth_of


def test_the_scene_is_the_same_each_time_and_another_stain_draws_the_same_cells(made):
    again = build_scene(made.recipe)
    assert np.array_equal(again.cells.xy, made.scene.cells.xy)
    assert np.array_equal(again.nuclei.xy, made.scene.nuclei.xy)


def test_lesions_lie_where_the_parenchyma_is(made):
    scene = made.scene
    assert len(scene.foci) and len(scene.ballooned) and len(scene.droplets)
    assert (scene.ground.depth_at(scene.foci[:, :2]) > 0).all()
    assert (scene.ground.depth_at(scene.droplets[:, :2]) > 0).all()
    assert len(scene.ballooned) == scene.cells.ballooned.sum()


def test_no_nucleus_lies_in_a_large_droplet(made):
    scene = made.scene
    large = scene.droplets[scene.droplets[:, 3] > 2.5]
    distance = np.linalg.norm(scene.nuclei.xy[:, None] - large[None, :, :2], axis=2)
    assert (distance - large[:, 3] >= 0.29).all()


def test_a_slide_too_small_for_liver_is_refused_in_words():
    with pytest.raises(LabError, match="too small"):
        build_scene(SlideRecipe(seed=1, width_px=256, height_px=256, mpp=0.2))


def test_densities_are_drawn_as_asked_and_told_as_truth():
    asked = {"ballooning": 3.9, "inflammation": 2.2, "steatosis": 0.31}
    scene = build_scene(SlideRecipe(seed=5, densities=asked, width_px=2400, height_px=2400))
    truth = truth_of(scene)
    half = 0.5 / scene.fields  # lesions are whole
    assert truth.balloon_per_field == pytest.approx(3.9, abs=half)
    assert truth.foci_per_field == pytest.approx(2.2, abs=half)
    assert truth.fatty_share == pytest.approx(0.31, abs=0.02)
    assert truth.recipe["densities"] == asked
