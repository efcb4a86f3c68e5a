"""Labels as lines of a file, and lines against the patches there are."""

import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.exchange import tables
from tests.label_bench import grade_all

HEAD = "slide,x_px0,y_px0,reader,steatosis\n"


@pytest.fixture
def read(label_bench):
    def of(lines: str, **choices):
        with label_bench.db() as session:
            return tables.read_table(
                session, label_bench.project, "labels.csv", (HEAD + lines).encode(), lambda *_: None, **choices
            )

    return of


def test_standing_labels_are_lines_by_slide_place_and_reader(label_bench):
    grade_all(label_bench, 1, [1, 2])
    grade_all(label_bench, 0, [3])
    with label_bench.db() as session:
        lines = tables.standing_records(session, label_bench.project)
    assert [(record.x_px0, record.reader, record.grades["steatosis"]) for record, *_ in lines] == [
        (0, "Ada", 3),
        (0, "Ben", 1),
        (299, "Ben", 2),
    ]
    assert {reader for _, reader, _ in lines} == set(label_bench.readers[:2])


def test_new_lines_are_told_from_those_that_stand_and_those_that_are_wrong(label_bench, read):
    grade_all(label_bench, 0, [3])
    table = read("slide 0,0,0,Ada,3\nslide 0,299,0,Ada,1\nslide 0,299,0,ADA,2\nslide 0,5,0,Ada,1\nnowhere,0,0,Ada,1\n")
    assert table.unchanged == 1
    ((label,), patch) = table.new, label_bench.patches[label_bench.slides[0]][1]
    assert (label.patch_id, label.record.grades, label.line.number) == (patch, Grades(steatosis=1), 3)
    assert [(problem.line, problem.problem.split(" ")[0]) for problem in table.problems] == [
        (4, "repeats"),
        (5, "names"),
        (6, "names"),
    ]


def test_of_another_readers_standing_label_nothing_is_told_to_who_brings_the_file(label_bench, read):
    grade_all(label_bench, 0, [3])
    for steatosis in (1, 3):
        table = read(f"slide 0,0,0,Ada,{steatosis}\n", by=label_bench.readers[1])
        assert (table.new, table.unchanged, table.problems) == ((), 1, ())
