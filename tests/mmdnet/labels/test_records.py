"""One label as a line: what it must say, and what is wrong with one that does not."""

import pytest

from mmdnet.labels.grading import TASKS, Grades
from mmdnet.labels.records import COLUMNS, LabelRecord, LineProblem, record_of

LINE = {"slide": "s.svs", "x_px0": "12", "y_px0": "30", "reader": "Ada", "steatosis": "2"}


def test_columns_are_the_fields_of_a_record_in_order():
    record = record_of(LINE)
    assert tuple(record.fields()) == COLUMNS
    assert COLUMNS[4 : 4 + len(TASKS)] == tuple(Grades())
    assert record == LabelRecord("s.svs", 12, 30, "Ada", Grades(steatosis=2))
    assert record_of(record.fields()) == record


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reader": ""}, "who graded"),
        ({"reader": "A" * 81}, "1 to 80"),
        ({"slide": ""}, "names no slide"),
        ({"x_px0": "1,5"}, "decimal comma"),
        ({"y_px0": ""}, "nothing as y_px0"),
        ({"steatosis": "4"}, "0 to 3"),
        ({"steatosis": ""}, "no grade"),
        ({"ignored": "1"}, "ignored and graded"),
        ({"flagged": "maybe"}, "neither 0 nor 1"),
        ({"at": "yesterday"}, "no date and time"),
        ({"reader": "Ad\udc80a"}, "not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_in_words(changes, words):
    with pytest.raises(LineProblem, match=words):
        record_of({**LINE, **changes})


def test_time_comes_back_in_utc_and_a_missing_reader_is_whose_the_import_says():
    record = record_of({**LINE, "reader": " ", "at": "2026-11-22T10:30:00+01:00"}, "  Ben  B ")
    assert (record.reader, record.at) == ("Ben B", "2026-11-22 09:30:00.000000")
    assert not record_of({**LINE, "steatosis": "", "at": "2026-11-22"}).grades.any_known, "unknown on purpose"
