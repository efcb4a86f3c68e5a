import numpy as np
import pytest

from mmdnet.labels.grading import TASKS, task
from mmdnet.scoring.fields import resample_counts
from mmdnet.scoring.learned import SHARE, slide_quantities, weigh
from mmdnet.scoring.rules import KLEINER_SCALES, RULES
from tests.mmdnet.scoring.crafted import slide


def test_a_slide_has_a_handful_of_quantities_each_about_a_grade():
    random = np.random.default_rng(0)
    evidence = slide(10, 12, **{each.name: random.integers(0, each.highest + 1, 120) for each in TASKS})
    counts = resample_counts(evidence.blocks, 20, 0)
    for each in TASKS:
        quantities = slide_quantities(each, evidence, counts, {})
        own = {name for name, rule in RULES.items() if not rule.learned}
        assert set(quantities) == own | {SHARE} | {f"other.{other.name}" for other in TASKS if other != each}
        of_others = {f"other.{other.name}": other.highest for other in TASKS}
        for name, values in quantities.items():
            highest = of_others.get(name, each.highest)
            assert values.shape == (20,) and values.min() >= 0 and values.max() <= highest


def test_the_share_is_of_patches_that_show_the_feature():
    evidence = slide(4, 5, bag_size=20, steatosis=np.repeat([0, 2], [15, 5]))
    assert slide_quantities(task("steatosis"), evidence, evidence.once(), {})[SHARE] == pytest.approx(3 * 0.25)


def test_density_is_read_by_kleiners_cuts():
    evidence = slide(10, 10, steatosis=np.full(100, 2))
    quantities = slide_quantities(task("steatosis"), evidence, evidence.once(), {})
    assert quantities["density"] == pytest.approx(KLEINER_SCALES["steatosis"](0.50))


def test_weights_of_quantities_that_are_not_there_do_nothing():
    quantities = {"density": np.array([1.0, 2.0]), "max": np.array([3.0, 3.0])}
    assert weigh(quantities, {"density": 0.5, "gone": 9.0}, 0.25) == pytest.approx([0.75, 1.25])
