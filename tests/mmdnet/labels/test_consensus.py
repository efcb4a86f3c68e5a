"""Consensus: what each rule makes of several readers."""

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.consensus import Vote, consensus
from mmdnet.labels.grading import Grades
from tests.nas import as_given


def votes(*grades, **last):
    given = [Vote(order, order, Grades(ballooning=grade, steatosis=0)) for order, grade in enumerate(grades)]
    return given + ([Vote(99, 99, **last)] if last else [])


def test_latest_takes_the_newest():
    assert consensus(votes(0, 2, 1), "latest").grades.as_tuple == as_given(1, None, 0)


def test_majority_needs_more_than_half():
    assert consensus(votes(0, 2, 2), "majority").grades.as_tuple == as_given(2, None, 0)
    assert consensus(votes(0, 2), "majority").grades.as_tuple == as_given(None, None, 0)


def test_majority_counts_only_those_who_graded():
    assert consensus(votes(2, None, None), "majority").grades["ballooning"] == 2


def test_a_patch_most_ignored_is_ignored():
    ignoring = [Vote(n, n, Grades(), ignored=True) for n in range(2)]
    assert consensus([*ignoring, *votes(1)], "majority").ignored
    assert not consensus([*ignoring[:1], *votes(1, 1)], "majority").ignored


def test_an_adjudication_settles_and_without_one_only_agreement_stands():
    settled = Grades.from_values(as_given(1, 1, 1))
    assert consensus(votes(0, 2, grades=settled, adjudicated=True), "adjudicated").grades == settled
    assert consensus(votes(0, 2), "adjudicated").grades.as_tuple == as_given(None, None, 0)


def test_an_unknown_rule_is_refused():
    with pytest.raises(LabError):
        consensus(votes(1), "loudest")
