"""A read of a whole slide goes through the features in turn; the page is gone through in tests/pages/test_slides.py."""

from mmdnet.labels.grading import SHOWN_TASKS, TASK_NAMES
from ui.slides.whole_read import Read, _grades_in, _kept_grades


def test_each_feature_has_its_turn_and_back_takes_the_last_one():
    read = Read("own", 1, 1)
    turns = []
    while read.turn is not None:
        turns.append(read.turn)
        read.grades[read.turn.name] = None
    assert turns == list(SHOWN_TASKS)
    read.grades.popitem()
    assert read.turn is SHOWN_TASKS[-1]


def test_what_a_tab_keeps_of_a_read_comes_back_and_nothing_else_does():
    read = Read("own", 1, 1, {"steatosis": 2, "inflammation": None})
    kept = _kept_grades(read)
    ungiven = {f"read_{name}": None for name in TASK_NAMES}
    assert kept == ungiven | {"read_steatosis": "2", "read_inflammation": "unknown"}
    assert _grades_in(kept) == read.grades and _kept_grades(None) == dict.fromkeys(kept)
    assert _grades_in({"read_steatosis": "9", "read_ballooning": True, "read_other": "1"}) == {}
