import csv
import io

import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.csv import COLUMNS, to_csv
from tests.mmdnet.reports.crafted import defended, inputs, not_reportable, slide, without
from tests.mmdnet.reports.test_schema import signature


def rows(report):
    return list(csv.DictReader(io.StringIO(to_csv(report))))


def test_the_table_has_a_row_per_feature_and_one_for_the_nas():
    table = rows(build_report(inputs(sign_offs=[signature("x")])))
    assert [row["feature"] for row in table] == ["steatosis", "inflammation", "ballooning", "NAS"]
    assert tuple(table[0]) == COLUMNS
    assert table[0]["model_grade"] == "2"
    assert table[0]["p_grade_2"] == "1.0"
    assert table[2]["p_grade_3"] == ""
    assert (table[3]["model_grade"], table[3]["low_90"], table[3]["high_90"]) == ("5", "4.0", "6.0")
    assert (table[3]["signed_grade"], table[3]["signed_by"]) == ("5", "Dr B")
    assert {row["use"] for row in table} == {"Research use only"}
    assert table[3]["rests_on"] == "sum of the three grades"
    assert {row["simulated"] for row in table} == {"no"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_never_starts_a_formula(start):
    row = rows(build_report(inputs(slide=slide(name=start + 'cmd|" /C calc"!A0'))))[0]
    assert row["slide"].startswith("'")


def test_a_feature_that_was_not_assessed_is_an_empty_cell():
    by_feature = {row["feature"]: row for row in rows(build_report(without("ballooning")))}
    assert by_feature["ballooning"]["model_grade"] == ""
    assert by_feature["NAS"]["model_grade"] == ""


def test_rows_say_what_their_interval_covers():
    told = rows(build_report(inputs(score=defended())))
    covers = {row["feature"]: row["interval_covers"] for row in told}
    assert covers["inflammation"] == "sampling only" and "91 %" in covers["NAS"]
    assert {row["second_reader"] for row in told} == {"near a cut"} and told[0]["unlikeness"] == "1.3"
    assert {row["interval_covers"] for row in rows(build_report(inputs()))} == {""}


def test_what_is_not_reportable_is_said_in_every_row_and_has_no_grade():
    rows = list(csv.DictReader(io.StringIO(to_csv(build_report(not_reportable())))))
    assert {row["reportable"] for row in rows} == {build_report(not_reportable()).validity.words}
    assert list(rows[0])[:3] == ["slide", "reportable", "caution"]
    by = {row["feature"]: row for row in rows}
    assert (by["steatosis"]["model_grade"], by["steatosis"]["p_grade_2"], by["NAS"]["model_grade"]) == ("", "", "")
    assert by["inflammation"]["model_grade"] == "2"
    assert by["NAS"]["rests_on"] == "", "there is no sum"
    assert {row["fat_area_share"] for row in rows} == {"0.001"}, "it is measured on the pixels and stays"
    assert by["NAS"]["second_reader"].startswith("No advice on a second reader")
    assert "Little tissue" in by["NAS"]["caution"]
