"""A read of a whole slide goes through the features in turn; the page is gone through in tests/pages/test_slides.py."""

from mmdnet.labels.grading import SHOWN_TASKS
from ui.slides.whole_read import Read


def test_each_feature_has_its_turn_and_back_takes_the_last_one():
    read = Read("own", 1, 1)
    turns = []
    while read.turn is not None:
        turns.append(read.turn)
        read.grades[read.turn.name] = None
    assert turns == list(SHOWN_TASKS)
    read.grades.popitem()
    assert read.turn is SHOWN_TASKS[-1]
