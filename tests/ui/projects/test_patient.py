"""Visits in their order, and what stands for each."""

from types import SimpleNamespace

from mmdnet.labels.grading import Grades
from tests.ui.shell.test_words import slide
from ui.projects.patient import highest, visits


def score(slide_id, nas):
    return SimpleNamespace(id=slide_id, nas=nas, grades=Grades(steatosis=nas and min(nas, 3)))


def test_visits_are_in_the_order_of_their_numbers_and_the_highest_nas_stands_for_each():
    named = {1: "week 12", 2: "week 2", 3: None, 4: "week 2"}
    slides = [slide(id=key, name=f"s{key}", visit=visit) for key, visit in named.items()]
    rows = visits(slides, {1: score(1, 3), 2: score(2, 1), 4: score(4, 5)})
    assert [row.slide.id for row in rows] == [2, 4, 1, 3]
    assert {visit: row.slide.id for visit, row in highest(rows).items()} == {"week 2": 4, "week 12": 1}
    assert rows[-1].visit == "no visit named" and rows[-1].nas is None and rows[-1].grade("steatosis") is None
