"""Rows of a table of facts and grades: what each says, and each refusal in words."""

from datetime import date, datetime

import pytest

from mmdnet.labels.records import LineProblem
from mmdnet.slides.facts import StatedFacts
from mmdnet.tables import NoTable
from mmdnet.workflows.slides.tables.facts_rows import COLUMNS, check_columns, column_name, row_of

TODAY = date(2026, 11, 28)


def row(reader="Ada", **cells):
    return row_of(3, {"slide": "a.svs"} | cells, reader, TODAY)


def test_a_full_row_is_read_whole():
    said = row(
        **{"Patient": " P 1 ", "Staining Run": 7, "visit": 1.0, "mpp": "0.25", "steatosis": 2.0, "ballooning": "1", "NAS": 5},
        fibrosis=" 1a ", reader="Ben", date=datetime(2026, 3, 1, 12),
    )  # fmt: skip
    assert said.facts == StatedFacts(mpp=0.25, patient="P 1", staining_run="7", visit="1")
    assert (said.grades, said.nas, said.fibrosis) == ({"steatosis": 2, "ballooning": 1}, 5, "1a")
    assert (said.reader, said.read_on, said.line, said.called) == ("Ben", date(2026, 3, 1), 3, "a.svs")


def test_empty_cells_say_nothing_and_a_row_without_grades_needs_no_reader():
    said = row(reader="", patient=None, steatosis=float("nan"), nas="", date="2026-03-01")
    assert (said.facts, said.graded, said.reader, said.read_on) == (StatedFacts(), False, "", None)
    assert row(fibrosis=3.0).fibrosis == "3"


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"slide": " "}, "names no slide"),
        ({"mpp": "0,25"}, "0,25 as mpp, a decimal comma"),
        ({"steatosis": "1,5"}, "decimal comma"),
        ({"mpp": "wide"}, "must be a number"),
        ({"mpp": 250}, "says 250 µm per pixel cannot be right"),
        ({"mpp": "nan"}, "cannot be right: .*[0-9]$"),
        ({"patient": "P" * 81}, "Patient is given in 81 letters; 80 are the most$"),
        ({"mpp": "-inf"}, "cannot be right"),
        ({"steatosis": 5}, "has steatosis 5; the scale is 0 to 3"),
        ({"ballooning": 3}, "the scale is 0 to 2"),
        ({"inflammation": -1}, "the scale is 0 to 3"),
        ({"steatosis": 1.5}, "must be a whole number"),
        ({"steatosis": True}, "must be a whole number"),
        ({"nas": 9}, "NAS 9; it is 0 to 8"),
        ({"fibrosis": "a|b"}, "fibrosis stage"),
        ({"fibrosis": "x" * 17}, "fibrosis stage"),
        ({"steatosis": 1, "reader": "x" * 81}, "1 to 80 printable"),
        ({"steatosis": 1, "date": "01.03.2026"}, "write it as year-month-day"),
        ({"steatosis": 1, "date": "2026-11-29"}, "not a day a slide can have been read on"),
        ({"steatosis": 1, "date": "0026-11-01"}, "not a day"),
        ({"patient": "P\udce4"}, "not UTF-8"),
    ],
)
def test_what_is_wrong_is_told(cells, words):
    with pytest.raises(LineProblem, match=words):
        row(**cells)


def test_grades_without_a_reader_are_refused():
    with pytest.raises(LineProblem, match="does not say who read"):
        row(reader=" ", nas=3)


def test_columns_go_by_what_people_write():
    written = ["Slide", "Staining Run", "run", "µm per pixel", "NAS"]
    assert [column_name(name) for name in written] == ["slide", "staining_run", "staining_run", "mpp", "nas"]
    check_columns(COLUMNS)
    for header, words in (
        (["patient"], "no column slide or path"),
        (["slide", "colour"], "none of the columns"),
        (["slide", "stea", "reader", "date"], "none of the columns"),
        (["name", "run", "Staining run"], "staining_run twice"),
    ):
        with pytest.raises(NoTable, match=words):
            check_columns(header)
