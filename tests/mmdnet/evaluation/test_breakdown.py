"""Parts of the slides: the worst stands first, what is not stated is a part of its own."""

import pytest

from mmdnet.evaluation.breakdown import UNSTATED, breakdowns
from mmdnet.evaluation.scales import scales
from tests.mmdnet.evaluation.crafted import case


def _by(cases):
    return {made.by: made for made in breakdowns(cases, scales())}


def test_the_worst_site_stands_first_and_its_error_is_the_mean_of_the_tasks():
    good = [case(k, (1, 1, 1), (1, 1, 1), site="North") for k in range(4)]
    bad = [case(9 + k, (1, 1, 1), (0, 3, 1), site="South") for k in range(2)]
    parts = _by(good + bad)["site"].parts
    assert [part.value for part in parts] == ["South", "North"]
    assert parts[0].error == pytest.approx(1.0) and parts[1].error == 0
    assert parts[0].scales["inflammation"].bias == 2 and parts[0].scales["nas"].slides == 2


def test_a_fact_that_tells_no_slides_apart_makes_no_breakdown():
    assert set(_by([case(k, (1, 1, 1), (1, 1, 1), site="North", stain=str(k)) for k in range(3)])) == {"stain"}


def test_runs_of_two_sites_with_one_name_are_two_and_slides_without_one_are_told():
    cases = [case(1, (1, 1, 1), (1, 1, 1), site="North", staining_run="1"),
             case(2, (1, 1, 1), (1, 1, 1), site="South", staining_run="1"),
             case(3, (1, 1, 1), (1, 1, 1), site="South")]  # fmt: skip
    runs = _by(cases)["staining run"]
    assert {part.value for part in runs.parts} == {"North · 1", "South · 1", UNSTATED}


def test_folds_are_a_part_too_and_a_part_without_truth_is_left_out():
    cases = [case(1, (1, 1, 1), (1, 1, 1), fold="1"), case(2, (1, 1, 1), (1, 1, 2), fold="2"),
             case(3, (None, None, None), (1, 1, 2), fold="3")]  # fmt: skip
    assert [part.value for part in _by(cases)["fold"].parts] == ["2", "1"]
