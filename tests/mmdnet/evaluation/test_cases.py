"""A score's summary as a prediction; whom a slide counts for; the true NAS."""

from mmdnet.evaluation.cases import prediction_of
from mmdnet.scoring.summary import ScoredBy, ScoreSummary, TaskSummary
from tests.mmdnet.evaluation.crafted import case


def _summary(**tasks):
    return ScoreSummary(
        tasks=tasks, nas=None, nas_expected=None, nas_interval=None, p_active=None, patches=9, assessed_patches=9,
        set_aside=0, ignored_by_model=0, not_read={}, area_mm2=1.0, fields=1.0, bags=1, bag_size=48, blocks=1,
        rule="density", aggregator="", resamples=10, seed=0, low_evidence=False,
        model=ScoredBy(name="m", weights_sha256="", simulated=True),
    )  # fmt: skip


def test_an_interval_of_scores_is_read_as_the_grades_it_reaches():
    said = TaskSummary(
        grade=1, probabilities=(0.2, 0.5, 0.2, 0.1), expected=1.2, interval=(0.4, 2.6), quantity=1, quantity_interval=(0, 2),
        density=1.5, density_interval=(0.5, 2.5), positive_patch_share=0.1, threshold=0.5, rests_on="", calibrated=False,
    )  # fmt: skip
    read = prediction_of(_summary(inflammation=said))
    assert read.tasks["inflammation"].interval == (0, 3)
    assert read.tasks["inflammation"].density_interval == (0.5, 2.5) and read.grades["inflammation"] == 1
    assert set(read.tasks) == {"inflammation"} and read.nas is None


def test_a_slide_without_a_patient_counts_for_itself():
    assert case(7, (1, 1, 1), (1, 1, 1), "").patient == "p7"
    assert case(1, (1, 1, 1), (1, 1, 1), "A").patient == "A"


def test_the_true_nas_is_the_sum_and_else_what_a_reader_stated():
    assert case(1, (1, 1, 1), (1, 1, 1), nas=5).nas == 3
    assert case(1, (1, None, 1), (1, 1, 1), nas=5).nas == 5
    assert case(1, (1, None, 1), (1, 1, 1)).nas is None
