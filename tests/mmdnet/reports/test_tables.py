"""The CSV and GeoJSON that are drawn from a report."""

import csv
import io
import json

import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.csv import COLUMNS, to_csv
from mmdnet.reports.geojson import to_geojson
from tests.mmdnet.reports.crafted import PLACES, arrays, inputs, slide, without
from tests.mmdnet.reports.test_schema import signature


def rows(report):
    return list(csv.DictReader(io.StringIO(to_csv(report))))


def test_the_table_has_a_row_per_feature_and_one_for_the_nas():
    found = rows(build_report(inputs(sign_offs=[signature("x")])))
    assert [row["feature"] for row in found] == ["steatosis", "inflammation", "ballooning", "NAS"]
    assert tuple(found[0]) == COLUMNS
    assert found[0]["model_grade"] == "2"
    assert found[0]["p_grade_2"] == "1.0"
    assert found[2]["p_grade_3"] == ""
    assert (found[3]["model_grade"], found[3]["low_90"], found[3]["high_90"]) == ("5", "4.0", "6.0")
    assert (found[3]["signed_grade"], found[3]["signed_by"]) == ("5", "Dr B")
    assert {row["use"] for row in found} == {"Research use only"}
    assert {row["simulated"] for row in found} == {"no"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_never_starts_a_formula(start):
    row = rows(build_report(inputs(slide=slide(name=start + 'cmd|" /C calc"!A0'))))[0]
    assert row["slide"].startswith("'")


def test_a_feature_that_was_not_assessed_is_an_empty_cell():
    found = {row["feature"]: row for row in rows(build_report(without("ballooning")))}
    assert found["ballooning"]["model_grade"] == ""
    assert found["NAS"]["model_grade"] == ""


def test_qupath_gets_every_assessed_patch_as_a_closed_square_in_level_0_pixels():
    report = build_report(inputs(slide=slide(simulated=True)))
    document = json.loads(to_geojson(report, arrays(), PLACES, 299.0, 299.0))
    assert document["type"] == "FeatureCollection"
    assert document["properties"]["simulated"] is True
    assert document["properties"]["use"] == "Research use only"
    assert len(document["features"]) == 11
    ring = document["features"][0]["geometry"]["coordinates"][0]
    assert ring == [[100, 50], [399, 50], [399, 349], [100, 349], [100, 50]]
    measured = document["features"][1]["properties"]["measurements"]
    assert measured["Steatosis: grade"] == 1
    assert measured["Steatosis: p(grade 1)"] == 1.0
    assert measured["Steatosis: attention (times mean)"] == pytest.approx(11 * 2 / 66, abs=1e-3)
    assert document["features"][0]["properties"]["objectType"] == "tile"
