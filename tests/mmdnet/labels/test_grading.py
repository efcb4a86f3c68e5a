"""Grades of the three tasks as one value."""

from types import SimpleNamespace

import pytest

from mmdnet.labels.grading import TASK_NAMES, Grades


def test_a_grade_that_was_not_given_is_unknown():
    grades = Grades(steatosis=2)
    assert dict(grades) == dict.fromkeys(TASK_NAMES) | {"steatosis": 2}
    assert grades.any_known
    assert not Grades().any_known


@pytest.mark.parametrize("wrong", [{"colour": 1}, {"ballooning": 3}, {"steatosis": -1}])
def test_what_is_no_grade_is_refused(wrong):
    with pytest.raises(ValueError, match=r"graded 0 to|no feature"):
        Grades(**wrong)


def test_the_nas_is_the_sum_of_known_grades_only():
    assert Grades(ballooning=2, inflammation=3, steatosis=3).total == 8
    assert Grades(ballooning=2, inflammation=3).total is None


def test_equal_grades_are_one_value():
    record = SimpleNamespace(**dict.fromkeys(TASK_NAMES) | {"ballooning": 1, "steatosis": 0})
    assert Grades.of(record) == Grades(ballooning=1, steatosis=0)
    assert hash(Grades.of(record)) == hash(Grades(ballooning=1, steatosis=0))
    assert tuple(Grades()) == TASK_NAMES


def test_a_task_that_does_not_exist_has_no_grade():
    with pytest.raises(KeyError):
        Grades()["colour"]
