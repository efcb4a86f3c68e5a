from dataclasses import replace
from types import SimpleNamespace

import pytest

from mmdnet.experiments.simulated_cohorts import draw, draw_cohort
from mmdnet.simulate.recipes import SlideRecipe


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    """Starting processes takes longer than these slides; that they draw the same is `simulate_many`'s test."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)


@pytest.fixture(scope="module")
def recipes():
    return [SlideRecipe(seed=seed, patient=f"P{seed}", width_px=400, height_px=400) for seed in range(2)]


def test_slides_that_are_there_are_not_drawn_again(recipes, tmp_path):
    paths = draw(recipes, tmp_path)
    drawn = [path.stat().st_mtime_ns for path in paths]
    paths[1].unlink()
    told = []
    assert draw(recipes, tmp_path, lambda share, message: told.append((share, message))) == paths
    assert paths[0].stat().st_mtime_ns == drawn[0]
    assert told == [(1.0, "1 of 1")]


def test_a_slide_of_the_same_name_but_another_recipe_is_drawn_anew(recipes, tmp_path):
    (path,) = draw(recipes[:1], tmp_path)
    before = path.read_bytes()
    other = replace(recipes[0], staining_run="run 2")
    assert other.name == recipes[0].name and draw([other], tmp_path) == [path]
    assert path.read_bytes() != before


def test_a_cohort_has_two_slides_of_each_patient_and_knows_which_tested_a_model(tmp_path, monkeypatch):
    small = [SlideRecipe(seed=seed, patient=f"P{seed // 2}", width_px=400, height_px=400) for seed in range(4)]
    monkeypatch.setattr("mmdnet.experiments.simulated_cohorts.training_recipes", lambda slides, seed: small[:slides])
    drawn = draw_cohort(4, 0, tmp_path)
    assert [slide.patient for slide in drawn.cohort.slides] == ["P0", "P0", "P1", "P1"]
    assert len(drawn.pixels) == len(drawn.cohort.patch_id) > 0
    test = [drawn.cohort.slides[index].slide_id for index in (1, 3)]
    assert drawn.tested(SimpleNamespace(split={"test": test})) == [1, 3]
