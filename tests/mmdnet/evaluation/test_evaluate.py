"""The whole evaluation: every scale, what is missing in a sentence, JSON and back."""

from dataclasses import replace

import pytest

from mmdnet.errors import LabError
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import Apart, read_evaluation
from mmdnet.evaluation.tables import referral_sentences
from mmdnet.labels.grading import Grades
from tests.mmdnet.evaluation.crafted import case

PAIRS = [((0, 0, 0), (0, 0, 0)), ((1, 1, 1), (1, 2, 1)), ((2, 3, 3), (2, 3, 2)), ((0, 2, 1), (1, 2, 1)),
         ((2, 1, 2), (2, 1, 2)), ((1, 0, 3), (0, 0, 3))]  # fmt: skip


def _cases(**more):
    return [case(number, truth, said, **more) for number, (truth, said) in enumerate(PAIRS)]


def test_tasks_and_nas_are_judged_and_the_record_comes_back_from_json():
    readings = {"Ada": Grades(steatosis=1), "Ben": Grades(steatosis=1)}
    cases = [case(k, t, s, readings=readings, densities={"steatosis": 0.3}) for k, (t, s) in enumerate(PAIRS)]
    apart = Apart(learnt_from=("a",), without_truth=2, refused=(("b", "It is gone."),))
    judged = evaluate(cases, "Model", "density", apart, resamples=60)
    assert set(judged.scales) == {"ballooning", "inflammation", "steatosis", "nas"}
    assert judged.slides == judged.patients == 6 and not judged.simulated
    assert judged.scales["steatosis"].accuracy.value == pytest.approx(5 / 6)
    assert judged.scales["nas"].mae.value == pytest.approx(4 / 6)
    assert judged.scales["nas"].auroc_from == 5 and len(judged.scales["nas"].confusion) == 9
    assert judged.scales["steatosis"].ece is not None and judged.scales["nas"].ece is None
    assert judged.scales["ballooning"].intervals.coverage.value == pytest.approx(4 / 6)
    assert judged.scales["steatosis"].density_intervals.slides == 6
    assert judged.scales["ballooning"].density_intervals is None
    assert [(pair.task, pair.first, pair.second, pair.kappa.n) for pair in judged.readers] == [
        ("steatosis", "Ada", "Ben", 6)
    ]
    assert judged.cases[2].truth == {"ballooning": 2, "inflammation": 3, "steatosis": 3, "nas": 8}
    assert read_evaluation(judged.model_dump_json()) == judged


def test_nothing_to_judge_is_a_sentence_that_says_what_to_do():
    with pytest.raises(LabError, match=r"nothing to evaluate.*Grade slides"):
        evaluate([], "Model")
    with pytest.raises(LabError, match="nothing to evaluate"):
        evaluate([case(1, (None, None, None), (1, 1, 1))], "Model")


def test_a_task_without_truth_is_said_and_the_rest_goes_on():
    judged = evaluate([case(k, (None, k % 3, 1), (0, 1, 1)) for k in range(6)], "Model", resamples=20)
    assert set(judged.scales) == {"inflammation", "steatosis"}
    assert any("Ballooning: no slide has both" in note for note in judged.notes)
    assert any("NAS: no slide has both" in note for note in judged.notes)
    assert any("Steatosis: every true grade is 1" in note for note in judged.notes)


def test_a_stated_nas_counts_where_grades_are_missing():
    judged = evaluate([case(k, (None, None, 1), (1, 1, 1), nas=3 + k % 2) for k in range(6)], "Model", resamples=20)
    assert judged.scales["nas"].accuracy.value == 0.5


@pytest.mark.parametrize(("patients", "says"), [(1, "one patient"), (3, "Only 3 patients")])
def test_few_patients_are_said(patients, says):
    cases = [case(k, t, s, patient=f"P{k % patients}") for k, (t, s) in enumerate(PAIRS)]
    assert any(says in note for note in evaluate(cases, "Model", resamples=20).notes)


def test_what_a_second_reader_would_do_and_how_often_there_is_no_nas_is_told():
    cases = _cases()
    for number, (referred, withheld) in enumerate([(True, False), (True, False), (False, False), (False, False)]):
        predicted = replace(cases[number].predicted, referred=referred, withheld=withheld)
        cases[number] = replace(cases[number], predicted=predicted)
    cases[5] = replace(cases[5], predicted=replace(cases[5].predicted, nas=None, withheld=True))
    judged = evaluate(cases, "M", resamples=20)
    # errors of the NAS 0, 1, 1, 1: two referred (0 and 1), two left (1 and 1)
    assert judged.referral.rate == 0.5 and judged.referral.error_all == 0.75 and judged.referral.error_left == 1
    assert judged.withheld == 1 and judged.scales["nas"].slides == 5
    said = " ".join(referral_sentences(judged))
    assert "advised for 50 % of 4 slides" in said and "No NAS was given on 1 slide" in said
    assert evaluate(_cases(), "M", resamples=20).referral is None


def test_the_same_cases_give_the_same_figures():
    assert evaluate(_cases(), "M", resamples=50) == evaluate(_cases(), "M", resamples=50)


def test_visits_without_a_pair_are_said():
    judged = evaluate(_cases(visit="1"), "M", resamples=20)
    assert any("two visits" in note for note in judged.notes)
    assert [endpoint.name for endpoint in judged.endpoints] == ["eligible", "resolved"]
