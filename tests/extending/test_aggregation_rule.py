"""A new aggregation rule is one entry: the recipe of docs/extending.md, followed through the registry alone."""

import numpy as np
import pytest

from mmdnet.labels.grading import task
from mmdnet.scoring import rules
from mmdnet.scoring.aggregate import choose_aggregator
from mmdnet.scoring.calibration_record import Calibration, TaskCalibration
from mmdnet.scoring.distribution import GradeDistribution
from mmdnet.scoring.estimate import estimate_slide
from tests.mmdnet.scoring.crafted import slide


def mean_bag(task, evidence, counts, thresholds):
    """The mean of the grades the bags of a slide were given, each bag as often as its blocks are drawn."""
    grades = evidence.bag_probabilities[task.name].argmax(axis=1)
    bag_of_block = np.zeros(evidence.blocks, dtype=np.int64)
    bag_of_block[evidence.block] = evidence.bag
    return counts @ grades[bag_of_block] / counts.sum(axis=1)


MEAN = rules.AggregationRule(
    name="mean",
    title="mean of the bags",
    help="The mean of the grades the bags of a slide were given.",
    uncalibrated="rounded",
    quantity=mean_bag,
    scale=rules.grade_scale,
)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(rules.RULES, MEAN.name, MEAN)


def test_slides_are_graded_by_it_with_everything_that_is_said_of_a_grade():
    evidence = slide(24, 24, steatosis=np.repeat([1, 3], 288))
    aggregator = choose_aggregator("mean", Calibration())
    estimate = estimate_slide(evidence, aggregator)
    grades: GradeDistribution = estimate.distribution
    assert grades.grade("steatosis") == 2
    assert estimate.tasks["steatosis"].quantity == pytest.approx(2, abs=0.2)
    assert np.argmax(grades.probabilities("steatosis")) == 2
    assert aggregator.rests_on(task("steatosis")) == "mean of the bags, rounded; not calibrated"


def test_a_models_calibration_by_it_is_used_where_the_rule_is_left_to_the_model():
    fit = TaskCalibration(method="isotonic", quantity=(0, 3), score=(0, 1), residuals=(), slides=40)
    aggregator = choose_aggregator("auto", Calibration(rule="mean", tasks={"steatosis": fit}))
    assert aggregator.rule is MEAN
    assert aggregator.rests_on(task("steatosis")) == "mean of the bags, calibrated on 40 graded slides"


def test_the_command_line_and_the_use_case_take_it(tmp_path):
    from mmdnet.lab import open_lab
    from mmdnet.settings import Settings
    from mmdnet.workflows.job_specs import ScoreSpec

    lab = open_lab(Settings(home=tmp_path / "home"))
    with pytest.raises(Exception, match=r"known are auto, .*mean"):
        lab.scoring.start(lab.projects.create("A").id, [1], lab.models.shipped(), "median")
    assert ScoreSpec(slide_ids=(1,), model_id=1, rule="mean").rule == "mean"


def test_the_score_page_offers_it():
    from streamlit.testing.v1 import AppTest

    def page():
        from ui.models.score import choose_rule

        choose_rule()

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    assert app.selectbox(key="pick_rule").options == [
        "as the model was calibrated", *(rule.title for rule in rules.RULES.values()),
    ]  # fmt: skip
    assert "mean of the bags" in app.selectbox(key="pick_rule").options
