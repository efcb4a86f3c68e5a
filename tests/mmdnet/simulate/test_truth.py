"""The truth: what it says of the slide, of a patch, and how it is kept."""

import json

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.labels.grading import steatosis_grade
from mmdnet.simulate import ArtefactPlace, SlideTruth, load_truth


def _square(x, y, side):
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]], float)


def _truth(**parts) -> SlideTruth:
    """An empty piece of liver, 1 mm wide, at 0.5 µm/px, with a cell every 25 µm."""
    grid = np.mgrid[12:1000:25, 12:1000:25].reshape(2, -1).T
    plain = {
        "recipe": {}, "mpp": 0.5, "width_px": 2000, "height_px": 2000, "grades": {}, "fatty_share": 0.0,
        "fat_area_share": 0.0, "foci_per_field": 0.0, "balloon_per_field": 0.0, "tissue_mm2": 1.0,
        "cells": np.c_[grid, np.zeros(len(grid))], "droplets": np.zeros((0, 5)), "foci": np.zeros((0, 3)),
        "ballooned": np.zeros((0, 3)), "tissue": (_square(0, 0, 1000),),
    }  # fmt: skip
    return SlideTruth(**(plain | parts))


def test_a_healthy_patch_has_grade_zero_in_every_task():
    patch = _truth().patch_grades(100, 100, 299)
    assert (patch["ballooning"], patch["inflammation"], patch["steatosis"], patch["ignored"]) == (0, 0, 0, None)


@pytest.mark.parametrize(
    ("count", "inflammation", "ballooning"), [(0, 0, 0), (1, 1, 1), (2, 2, 2), (3, 3, 2), (5, 3, 2)]
)
def test_lesions_in_a_patch_are_counted(count, inflammation, ballooning):
    rows = np.array([[70 + 20 * k, 100, 8] for k in range(count)], float).reshape(-1, 3)
    patch = _truth(foci=rows, ballooned=rows).patch_grades(100, 100, 299)
    assert (patch["inflammation"], patch["ballooning"]) == (inflammation, ballooning)


@pytest.mark.parametrize(("x", "counted"), [(45.0, False), (48.0, True), (60.0, True), (203.5, False)])
def test_a_ballooned_cell_counts_where_thirty_percent_of_it_is_seen(x, counted):
    """The patch is 50-199.5 µm; a disc of radius 10 shows 30 % of itself when its centre is 3.2 µm outside."""
    patch = _truth(ballooned=np.array([[x, 120.0, 10.0]])).patch_grades(100, 100, 299)
    assert (patch["ballooning"] == 1) is counted


def test_steatosis_of_a_patch_is_the_share_of_its_own_hepatocytes():
    truth = _truth()
    truth.cells[truth.cells[:, 0] < 125, 2] = 1
    patch = truth.patch_grades(100, 100, 299)
    inside = truth.cells[((truth.cells[:, :2] >= 50) & (truth.cells[:, :2] < 199.5)).all(axis=1), 2]
    assert patch["fatty_share"] == pytest.approx(inside.mean())
    assert patch["steatosis"] == steatosis_grade(inside.mean())


def test_fat_area_is_the_union_of_the_droplets():
    droplets = np.array([[100, 100, 20, 20, 0], [100, 100, 20, 20, 0], [150, 150, 12, 6, 1.0]], float)
    patch = _truth(droplets=droplets).patch_grades(100, 100, 299)
    assert patch["fat_area_share"] == pytest.approx(np.pi * (400 + 72) / 149.5**2, rel=0.03)


@pytest.mark.parametrize("kind", ["fold", "pen", "bubble", "blur"])
def test_a_patch_under_an_artefact_is_ignored_for_that_reason(kind):
    patch = _truth(artefacts=(ArtefactPlace(kind, _square(50, 50, 90), 0.5),)).patch_grades(100, 100, 299)
    assert patch["ignored"] == kind
    assert patch["steatosis"] is None


@pytest.mark.parametrize(("kind", "ignored"), [("pen", "pen"), ("fold", None), ("bubble", None), ("blur", None)])
def test_a_tenth_of_a_patch_under_pen_is_too_much_and_under_the_other_artefacts_is_not(kind, ignored):
    patch = _truth(artefacts=(ArtefactPlace(kind, _square(50, 50, 47), 0.5),)).patch_grades(100, 100, 299)
    assert patch["ignored"] == ignored


def test_glass_and_portal_tracts_are_ignored():
    assert _truth().patch_grades(1900, 1900, 299)["ignored"] == "background"
    assert _truth(portal=(_square(40, 40, 200),)).patch_grades(100, 100, 299)["ignored"] == "portal"


def test_the_slides_grades_are_those_asked_for(made):
    assert made.truth.grades == made.recipe.grades


def test_the_truth_file_says_the_same_as_the_truth(made):
    loaded = load_truth(made.path)
    assert loaded.grades == made.truth.grades
    for x in range(200, 1000, 299):
        for y in range(200, 800, 299):
            ours, theirs = made.truth.patch_grades(x, y, 299), loaded.patch_grades(x, y, 299)
            assert {k: ours[k] for k in ("ballooning", "inflammation", "steatosis", "ignored")} == {
                k: theirs[k] for k in ("ballooning", "inflammation", "steatosis", "ignored")
            }


def test_a_missing_damaged_or_foreign_truth_file_is_refused(tmp_path):
    with pytest.raises(LabError, match="no truth file"):
        load_truth(tmp_path / "slide.tiff")
    for text in ("{", "[]", '{"truth_version": 1}', '{"truth_version": 99}'):
        (tmp_path / "slide.truth.json").write_text(text)
        with pytest.raises(LabError):
            load_truth(tmp_path / "slide.tiff")


def test_the_geojson_holds_every_lesion_as_a_closed_ring_on_the_slide(made):
    collection = json.loads(made.path.with_suffix(".truth.geojson").read_text())
    names = [f["properties"]["classification"]["name"] for f in collection["features"]]
    assert names.count("focus") == len(made.truth.foci)
    assert names.count("ballooned hepatocyte") == len(made.truth.ballooned)
    for feature in collection["features"]:
        ring = feature["geometry"]["coordinates"][0]
        assert ring[0] == ring[-1]
        assert len(ring) >= 4
