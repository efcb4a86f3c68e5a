"""Readings of whole slides: a chain of their own in which nothing can be changed, taken out or put in unseen."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db import event_log, slide_readings
from db.slide_readings import NewReading, append, current, put, verify
from mmdnet.labels.grading import Grades


@pytest.fixture
def bench(label_bench):
    return label_bench


def grade(bench, steatosis, reader=0, slide=0, act="grade", **said):
    reading = NewReading(bench.slides[slide], bench.readers[reader], act, Grades(steatosis=steatosis), **said)
    with event_log.appending(bench.db) as session:
        return append(session, [reading])


def standing(bench, **choice):
    with bench.db() as session:
        return [(r.slide_id, r.reader_id, r.steatosis) for r in current(session, bench.slides, **choice)]


def test_the_newest_reading_of_each_reader_stands_and_a_cleared_one_does_not(bench):
    ada, ben = bench.readers[:2]
    grade(bench, 1)
    grade(bench, 2, reader=1)
    grade(bench, 3)
    assert standing(bench) == [(bench.slides[0], ben, 2), (bench.slides[0], ada, 3)]
    grade(bench, None, act="clear")
    assert standing(bench) == [(bench.slides[0], ben, 2)]
    with bench.db() as session:
        assert len(slide_readings.history(session, bench.slides[0])) == 4
        assert slide_readings.readings_on(session, bench.slides[1]) == 0


def test_putting_some_grades_leaves_the_others_as_they_stood(bench):
    slide, reader = bench.slides[0], bench.readers[0]
    with event_log.appending(bench.db) as session:
        put(session, slide, reader, "import", {"steatosis": 1, "inflammation": 2}, nas=4, fibrosis="1a")
        put(session, slide, reader, "grade", {"steatosis": 3})
    with bench.db() as session:
        ((row, whose),) = slide_readings.with_readers(session, [slide])[slide]
        assert (row.steatosis, row.inflammation, row.ballooning, row.nas, row.fibrosis) == (3, 2, None, 4, "1a")
        assert whose.id == reader


def test_one_key_is_one_reading(bench):
    assert [grade(bench, 1, key="press-1"), grade(bench, 2, key="press-1")] == [1, 0]
    assert standing(bench) == [(bench.slides[0], bench.readers[0], 1)]


@pytest.mark.parametrize("seen", ["sign", "adjudicate"])
def test_who_saw_a_score_or_others_grades_is_not_blind_to_the_slide_any_more(bench, seen):
    slide, ada = bench.slides[0], bench.readers[0]
    grade(bench, 1)
    grade(bench, 2, act=seen)
    grade(bench, 3)  # claims to be blind
    grade(bench, 0, slide=1)
    assert standing(bench) == [(slide, ada, 3), (bench.slides[1], ada, 0)]
    assert standing(bench, blinded_only=True) == [(slide, ada, 1), (bench.slides[1], ada, 0)]
    grade(bench, None, act="clear")
    assert standing(bench, blinded_only=True) == [(bench.slides[1], ada, 0)]


def test_the_database_refuses_to_change_or_delete_a_reading(bench):
    grade(bench, 1)
    for statement in ("UPDATE slide_readings SET steatosis = 3", "DELETE FROM slide_readings"):
        with pytest.raises(DBAPIError, match="append-only"), bench.db.begin() as session:
            session.execute(text(statement))


@pytest.mark.parametrize(
    ("forged", "broken"),
    [
        ("UPDATE slide_readings SET fibrosis = '4' WHERE id = 2", 2),
        ("UPDATE slide_readings SET blinded = 1 WHERE id = 2", 2),
        ("UPDATE slide_readings SET nas = 8 WHERE id = 1", 1),
        ("UPDATE slide_readings SET read_on = '2020-01-01' WHERE id = 3", 3),
        ("DELETE FROM slide_readings WHERE id = 2", 3),
    ],
)
def test_what_was_changed_behind_the_programs_back_is_named(bench, forged, broken):
    for act in ("import", "sign", "grade"):
        grade(bench, 1, act=act, nas=3, fibrosis="1a", shown={"row": 7, "file": "a|b.csv"})
    with bench.db.begin() as session:
        assert verify(session).intact and verify(session).events == 3
        for act in ("update", "delete"):
            session.execute(text(f"DROP TRIGGER slide_readings_no_{act}"))
        session.execute(text(forged))
    with bench.db() as session:
        assert verify(session).broken_id == broken
