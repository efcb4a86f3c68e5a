"""Grades look the same everywhere and can be read without colour."""

import math

import pytest

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.palette import GRADE_RAMPS
from ui.shell import theme


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_grade_prints_its_digit_on_its_own_colour(task):
    for grade in task.grades:
        made = theme.chip(task.name, grade.value)
        assert f">{grade.value}</span>" in made
        assert GRADE_RAMPS[task.name][grade.value] in made


def test_an_unknown_grade_is_an_empty_outline_and_never_a_zero():
    for grade in (None, -1):
        made = theme.chip("steatosis", grade)
        assert "unknown" in made and ">0<" not in made


def test_a_table_cell_without_a_grade_has_no_colour():
    assert theme.grade_styles("steatosis", math.nan) == ""
    assert theme.grade_styles("steatosis", None) == ""
    assert GRADE_RAMPS["steatosis"][3] in theme.grade_styles("steatosis", 3)


def test_words_from_outside_are_escaped_in_a_chip():
    assert "<b>" not in theme.chip("steatosis", 1, text="<b>")
