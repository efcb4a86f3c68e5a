"""Composite endpoints: each definition on slides made by hand, and visits of patients paired."""

import pytest

from mmdnet.evaluation.endpoints import paired_improvement, slide_endpoints, visit_order
from tests.mmdnet.evaluation.crafted import case


def _named(cases):
    return {judged.name: judged for judged in slide_endpoints(cases, resamples=50)}


@pytest.mark.parametrize(
    ("grades", "eligible", "resolved"),
    [
        ((1, 1, 2), 1, 0),  # NAS 4, each 1 or more
        ((0, 3, 3), 0, 0),  # NAS 6, but no ballooning
        ((1, 1, 1), 0, 0),  # NAS 3
        ((0, 1, 3), 0, 1),  # NAS 4 without ballooning: resolved
        ((0, 2, 0), 0, 0),
        ((0, 0, 0), 0, 1),
    ],
)
def test_each_definition_at_its_edges(grades, eligible, resolved):
    judged = _named([case(1, grades, grades)])
    assert (judged["eligible"].positive, judged["resolved"].positive) == (eligible, resolved)
    assert judged["eligible"].said_positive == eligible and judged["eligible"].accuracy == 1


def test_sensitivity_and_the_others_counted_by_hand():
    ill, well = (2, 2, 2), (0, 0, 1)
    pairs = [(ill, ill), (ill, ill), (ill, well), (well, well), (well, ill)]
    judged = _named([case(k, truth, said) for k, (truth, said) in enumerate(pairs)])["eligible"]
    assert (judged.number, judged.positive, judged.said_positive) == (5, 3, 3)
    assert judged.sensitivity == pytest.approx(2 / 3) and judged.specificity == pytest.approx(1 / 2)
    assert judged.ppv == pytest.approx(2 / 3) and judged.npv == pytest.approx(1 / 2)
    assert judged.accuracy == pytest.approx(3 / 5)


def test_a_task_without_truth_leaves_out_what_needs_it_and_no_more():
    judged = _named([case(1, (0, 1, None), (0, 1, 2))])
    assert set(judged) == {"resolved"}
    assert _named([case(1, (None, None, 2), (0, 1, 2))]) == {}


def test_a_patients_last_visit_is_held_against_the_first():
    cases = [
        case(1, (2, 2, 2), (2, 2, 2), "A", visit="baseline"),
        case(2, (1, 1, 2), (2, 2, 2), "A", visit="week 8"),  # in between: does not count
        case(3, (0, 1, 1), (2, 2, 1), "A", visit="week 72"),  # 6 to 2: improved; the model says 6 to 5
        case(4, (1, 1, 1), (1, 1, 1), "B", visit="1"),
        case(5, (1, 1, 0), (1, 0, 0), "B", visit="2"),  # 3 to 2: not improved; the model says 3 to 1, improved
        case(6, (1, 1, 1), (1, 1, 1), "C", visit="1"),  # one visit only
        case(7, (1, 1, 1), (1, 1, 1), visit="2"),
    ]
    judged = paired_improvement(cases, resamples=50)
    assert judged.unit == "patient" and judged.number == 2
    assert (judged.positive, judged.said_positive, judged.accuracy) == (1, 1, 0)
    assert paired_improvement(cases[3:4]) is None


def test_several_slides_of_a_visit_count_as_their_mean():
    cases = [
        case(1, (2, 2, 2), (2, 2, 2), "A", visit="1"),
        case(2, (0, 1, 3), (0, 1, 3), "A", visit="1"),  # mean 5
        case(3, (0, 1, 2), (0, 2, 2), "A", visit="2"),  # 3: improved by 2; the model 5 to 4
    ]
    judged = paired_improvement(cases, resamples=50)
    assert (judged.positive, judged.said_positive) == (1, 0)


def test_visits_are_ordered_by_their_numbers():
    assert sorted(["week 52", "week 8", "Baseline", "week 10.5"], key=visit_order) == [
        "Baseline", "week 8", "week 10.5", "week 52",
    ]  # fmt: skip
