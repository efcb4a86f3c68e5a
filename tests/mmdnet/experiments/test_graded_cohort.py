import numpy as np
import pytest

from mmdnet.experiments.graded_cohort import graded, seen_cohort
from mmdnet.nn.io import load_model
from mmdnet.settings import DEMO_MODEL
from mmdnet.simulate.cohorts import CohortPlan


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Two small slides of one patient, seen by the demo model, and the folder they lie in."""
    home = tmp_path_factory.mktemp("cohort")
    model, card = load_model(DEMO_MODEL)
    plan = CohortPlan(slides=2, seed=999, patches=6)
    return model, card, plan, home, seen_cohort(plan, model, card, home)


def test_slides_come_with_their_true_densities_and_are_kept(seen):
    model, card, plan, home, slides = seen
    assert [slide.patient for slide in slides] == ["C999-0000"] * 2
    assert set(slides[0].densities) == {"ballooning", "inflammation", "steatosis"}
    again = seen_cohort(plan, model, card, home)
    np.testing.assert_array_equal(again[0].features.values, slides[0].features.values)


def test_two_slides_of_a_patient_are_one_of_twice_the_tissue(seen):
    model, card, _, _, slides = seen
    (single, _), (both, mean) = graded(slides[:1], model, card), graded(slides, model, card)
    assert both.evidence.area_mm2 > 1.3 * single.evidence.area_mm2
    low, high = sorted(slide.densities["steatosis"] for slide in slides)
    assert low <= both.densities["steatosis"] <= high
    assert mean.shape == (slides[0].features.values.shape[1],)
