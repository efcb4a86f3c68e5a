"""Two readers that are one person: whatever was given under either name is that person's, and no event is touched."""

from db import event_log, readings, slide_readings
from db.models import Reader
from db.persons import newest_of_each, other_names, same_person
from db.slide_readings import NewReading
from mmdnet.labels.grading import Grades
from tests.label_bench import grade_all, settle


def make_one(bench, reader, into):
    with bench.db.begin() as session:
        session.get_one(Reader, reader).same_as = into


def test_the_newest_of_a_person_counts_and_stands_under_their_name(label_bench):
    ada, ben = label_bench.readers[:2]
    grade_all(label_bench, 0, [1, 1, 1])
    grade_all(label_bench, 1, [3, None, 3])
    make_one(label_bench, ben, ada)
    with label_bench.db() as session:
        assert other_names(session) == {ben: ada}
        assert sorted(same_person(session, ben)) == sorted(same_person(session, ada)) == sorted([ada, ben])
        for listed in (readings.newest(session, label_bench.project), readings.blind(session, label_bench.project)):
            assert {reading.reader_id for reading in listed} == {ada}
            assert sorted(reading.grades["steatosis"] for reading in listed) == [1, 3, 3]
        patches = label_bench.patches[label_bench.slides[0]]
        assert readings.may_see(session, label_bench.project, ben) == set(patches[:3])


def test_who_saw_others_grades_under_one_name_is_not_blind_under_another(label_bench):
    ada, ben = label_bench.readers[:2]
    grade_all(label_bench, 0, [1])
    grade_all(label_bench, 1, [3])
    with event_log.appending(label_bench.db) as session:
        slide = label_bench.slides[0]
        make = lambda reader, act: NewReading(slide, reader, act, Grades(steatosis=1))  # noqa: E731
        slide_readings.append(session, [make(ada, "sign")])
        session.get_one(Reader, ben).same_as = ada
        session.flush()
        slide_readings.append(session, [make(ben, "grade")])
        assert [reading.blinded for reading in slide_readings.history(session, slide)] == [False, False]
        assert [reading.reader_id for reading in slide_readings.current(session, [slide])] == [ben]
        assert [who.id for _, who in slide_readings.with_readers(session, [slide])[slide]] == [ada]
        assert slide_readings.verify(session).intact


def test_an_adjudication_under_one_name_ends_blindness_under_the_other(label_bench):
    ada, ben, eve = label_bench.readers
    grade_all(label_bench, 0, [1])
    grade_all(label_bench, 1, [3])
    settle(label_bench, 2, 2)
    make_one(label_bench, eve, ada)
    grade_all(label_bench, 0, [2])
    with label_bench.db() as session:
        blind = {
            reading.reader_id: reading.grades["steatosis"] for reading in readings.blind(session, label_bench.project)
        }
    assert ada not in blind and blind[ben] == 3


def test_without_other_names_nothing_is_left_out():
    assert newest_of_each([(1, 5), (1, 5)], {}, lambda row: row[0], lambda row: row[1]) == [(1, 5), (1, 5)]
    assert newest_of_each([(1, 5), (2, 5)], {2: 1}, lambda row: row[0], lambda row: row[1]) == [(2, 5)]
