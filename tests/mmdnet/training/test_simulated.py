import numpy as np
import pytest

from mmdnet.labels.grading import UNKNOWN
from mmdnet.simulate import SlideRecipe, simulate_slide
from mmdnet.training.simulated import simulated_cohort
from tests.nas import row


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slides")
    paths = [folder / "a.tiff", folder / "b.tiff"]
    for seed, path in enumerate(paths):
        simulate_slide(SlideRecipe(seed=seed, patient=f"P{seed}", width_px=1000, height_px=1000, artefacts=0), path)
    return paths


def test_a_cohort_of_simulated_slides_carries_the_drawn_truth(slides, tmp_path):
    cohort, pixels = simulated_cohort(slides, tmp_path)
    assert [slide.patient for slide in cohort.slides] == ["P0", "P1"]
    assert all(slide.simulated and slide.scanner and slide.stain for slide in cohort.slides)
    assert len(pixels) == len(cohort.patch_id) > 8
    assert (cohort.grades[cohort.ignored] == UNKNOWN).all()
    assert (cohort.grades[~cohort.ignored] != UNKNOWN).all(axis=0).tolist() == row(True, True, True, other=False)
    assert pixels.read(np.array([0])).shape == (1, 299, 299, 3)


def test_pixels_come_in_the_order_asked_for_across_slides(slides, tmp_path):
    cohort, pixels = simulated_cohort(slides, tmp_path)
    order = np.array([len(pixels) - 1, 0, int(cohort.patches_of(1)[0])])
    together = pixels.read(order)
    for place, index in enumerate(order):
        assert np.array_equal(together[place], pixels.read(np.array([index]))[0])
    assert pixels.read(np.array([], int)).shape == (0, 299, 299, 3)
