"""Whole-slide reads: what is due for whom, blind until one has read, and settled once."""

import pytest

from db import slide_readings
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.workflows.slides.slide_reads import ReadsDue, SlideReads


@pytest.fixture
def reads(label_bench):
    return SlideReads(label_bench.services)


def names(bench, *places):
    """Ids of slides at these places, in the order of their names."""
    from db.slides import slides_of

    with bench.db() as session:
        order = [slide.id for slide in slides_of(session, bench.project)]
    return tuple(order[place] for place in places)


def put(reads, slide, reader, steatosis, kind="own", key=None, **more):
    reads.put(slide, reader, {"steatosis": steatosis, **more}, kind=kind, key=key or f"k-{slide}-{reader}-{steatosis}")


def test_a_slide_is_first_due_then_a_second_read_then_settled_where_readers_differ(reads, label_bench):
    ada, ben = label_bench.readers[:2]
    first, second = names(label_bench, 0, 1)
    assert reads.due(label_bench.project, ada) == ReadsDue(own=(first, second))
    put(reads, first, ada, 1)
    assert reads.due(label_bench.project, ada) == ReadsDue(own=(second,))
    assert reads.due(label_bench.project, ben) == ReadsDue(own=(second,), second=(first,))
    put(reads, first, ben, 3)
    assert reads.due(label_bench.project, ada).of("settle") == (first,)
    put(reads, first, ada, 2, kind="settle")
    assert reads.due(label_bench.project, ada).settle == reads.due(label_bench.project, ben).settle == ()
    with label_bench.db() as session:
        acts = [(r.act, r.blinded, r.shown["read"]) for r in slide_readings.history(session, first)]
    assert acts == [("grade", True, "own"), ("grade", True, "own"), ("adjudicate", False, "settle")]


def test_others_grades_are_shown_without_names_to_who_has_read_the_slide(reads, label_bench):
    ada, ben, *_ = label_bench.readers
    (slide,) = names(label_bench, 0)
    put(reads, slide, ada, 3)
    with pytest.raises(LabError, match="Read it first"):
        reads.votes(slide, ben)
    with pytest.raises(LabError, match="Read it first"):
        put(reads, slide, ben, 1, kind="settle")
    put(reads, slide, ben, 1)
    assert reads.votes(slide, ben) == [Grades(steatosis=1), Grades(steatosis=3)]


@pytest.mark.parametrize(
    ("grades", "words"),
    [({"steatosis": 4}, "graded 0 to 3, not 4"), ({"ballooning": -1}, "0 to 2"), ({}, "one at least"), ({"iron": 1}, "iron")],
)  # fmt: skip
def test_what_is_no_reading_is_refused_and_nothing_is_saved(reads, label_bench, grades, words):
    (slide,) = names(label_bench, 0)
    with pytest.raises(LabError, match=words):
        reads.put(slide, label_bench.readers[0], grades, key="press-1")
    assert reads.own(slide, label_bench.readers[0]) is None


def test_one_press_is_one_reading_and_a_reading_can_be_taken_back(reads, label_bench):
    ada, (slide,) = label_bench.readers[0], names(label_bench, 0)
    for _ in range(2):
        put(reads, slide, ada, 1, key="press-1", ballooning=2)
    assert reads.own(slide, ada) == Grades(steatosis=1, ballooning=2)
    reads.clear(slide, ada, "press-2")
    assert reads.own(slide, ada) is None
    with pytest.raises(LabError, match="no reading of this slide"):
        reads.clear(slide, ada, "press-3")
    with label_bench.db() as session:
        assert [r.act for r in slide_readings.history(session, slide)] == ["grade", "clear"]
        assert slide_readings.verify(session).intact
