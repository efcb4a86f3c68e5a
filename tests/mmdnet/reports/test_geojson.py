import json

import numpy as np
import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.geojson import report_geojson
from tests.mmdnet.reports.crafted import inputs, not_reportable, score, slide, task

SIDE = (299.0, 299.0)


def document(given, corner=(0, 0)):
    return json.loads(report_geojson(build_report(given), given, corner, SIDE))


def test_every_assessed_patch_is_a_closed_square_in_level_0_pixels_with_its_measurements():
    written = document(inputs(slide=slide(simulated=True)))
    assert written["type"] == "FeatureCollection"
    assert written["properties"]["simulated"] is True
    assert written["properties"]["use"] == "Research use only"
    assert len(written["features"]) == 11
    (ring,) = written["features"][0]["geometry"]["coordinates"]
    assert ring == [[100, 50], [399, 50], [399, 349], [100, 349], [100, 50]]
    measured = written["features"][1]["properties"]["measurements"]
    assert measured["Steatosis: grade"] == 1
    assert measured["Steatosis: p(grade 1)"] == 1.0
    assert measured["Steatosis: attention (times mean)"] == pytest.approx(11 * 2 / 66, abs=1e-3)
    assert written["features"][0]["properties"]["objectType"] == "tile"


def test_grades_that_may_not_be_reported_are_not_in_it_either():
    measured = document(not_reportable())["features"][1]["properties"]["measurements"]
    assert [name for name in measured if name.startswith("Steatosis")] == ["Steatosis: attention (times mean)"]
    assert "Lobular inflammation: grade" in measured


def test_the_bounds_of_a_slide_are_taken_off():
    (ring,) = document(inputs(), corner=(60, 50))["features"][0]["geometry"]["coordinates"]
    assert ring[:3] == [[40, 0], [339, 0], [339, 299]]


def test_patches_have_the_grades_of_the_report_also_at_a_fitted_threshold():
    given = inputs(score=score(tasks={"steatosis": task(1, 4, threshold=0.9)}))
    given.arrays.patch_probabilities["steatosis"][:] = np.array(
        [0.3, 0.5, 0.2, 0.0], np.float32
    )  # 0.7 for "grade 1 or more"
    shown = {patch.place: patch.grade for patch in build_report(given).evidence[0].top}
    assert set(shown.values()) == {0}
    features = document(given)["features"]
    assert {place: features[place]["properties"]["measurements"]["Steatosis: grade"] for place in shown} == shown
