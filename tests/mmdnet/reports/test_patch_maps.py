import numpy as np
import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.patch_maps import about_maps, deletion_words, map_rows, map_words
from mmdnet.scoring.cam.deletion import Deletion
from mmdnet.scoring.cam.evidence_maps import PatchMap
from tests.mmdnet.reports import crafted

NOTHING = np.zeros((4, 4), np.uint8)


def a_map(whole=0.9, marked=0.1, elsewhere=0.8):
    return PatchMap(NOTHING, 1, Deletion(whole, marked, elsewhere))


@pytest.fixture(scope="module")
def report():
    return build_report(crafted.inputs())


def test_beside_a_patch_stands_what_masking_left_of_its_probability(report):
    patch = report.evidence[0].top[0]
    assert map_words(patch, a_map()) == "masked 10 %, elsewhere 80 %"
    assert map_words(patch, a_map(whole=0.04)) == "too improbable to test"
    assert map_words(patch, PatchMap(NOTHING, 1, None)) == "nothing marked"
    assert map_words(patch.model_copy(update={"grade": None}), a_map()) == ""


def test_a_features_sentence_is_the_mean_of_the_patches_that_could_be_tested(report):
    shown = report.evidence[0]
    first, second, third = (patch.place for patch in shown.top[:3])
    maps = {first: a_map(0.9, 0.1, 0.8), second: a_map(0.7, 0.3, 0.6), third: a_map(whole=0.01)}
    words = deletion_words(shown, maps)
    assert "2 patches tested: probability 80 %" in words
    assert "masked 20 %" in words and "elsewhere 70 %" in words
    assert deletion_words(shown, {third: a_map(whole=0.01)}) == ""


def test_where_the_grades_are_withheld_the_maps_are_said_to_be_untested(report):
    shown = report.evidence[0]
    assert "masked elsewhere" in about_maps([shown])
    assert "on a patch of grade 0 it is what speaks against that" in about_maps([shown])
    bare = shown.model_copy(update={"top": tuple(patch.model_copy(update={"grade": None}) for patch in shown.top)})
    assert "untested" in about_maps([bare]) and "masked elsewhere" not in about_maps([bare])


def test_rows_are_of_the_maps_there_are(report):
    shown = report.evidence[0]
    place = shown.top[0].place
    rows = list(map_rows(report, {shown.task: {place: a_map()}}))
    assert [(row["feature"], row["shown_as"], row["whole"]) for row in rows] == [(shown.task, "top", 0.9)]
