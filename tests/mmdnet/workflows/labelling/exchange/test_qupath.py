"""Out to QuPath and in again: exactly, and all of a file or nothing."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.geojson import regions_of
from mmdnet.labels.grading import Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.exchange.qupath import _corner, region_area
from mmdnet.workflows.labelling.views import PatchGrades


@pytest.fixture
def laid(lab, tissue_png):
    project = lab.projects.create("Test").id
    slide = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    return project, slide


def region(x0: float, y0: float, x1: float, y1: float, label: str | None = "Exclude") -> dict:
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    properties = {"objectType": "annotation"} | ({"classification": {"name": label}} if label else {})
    return {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}


def file_of(*features: dict) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def state(lab, project: int, slide: int) -> tuple:
    patches = [(patch.id, patch.set_aside, patch.overruled) for patch in lab.slides.patches(slide)]
    return patches, [(label.patch_id, label.grades) for label in lab.labels.current(project)]


def label_some(lab, project: int, slide: int) -> int:
    reader = lab.readers.ensure("Ada").id
    patches = [patch for patch in lab.slides.patches(slide) if patch.usable][:3]
    graded = [
        PatchGrades(patch.id, Grades(ballooning=1, inflammation=None, steatosis=number))
        for number, patch in enumerate(patches)
    ]
    text = "slide,x_px0,y_px0,reader,ballooning,steatosis\n" + "".join(
        f"{lab.slides.get(slide).name},{patch.x_px0},{patch.y_px0},Ada,{given.grades['ballooning']},{given.grades['steatosis']}\n"
        for patch, given in zip(patches, graded, strict=True)
    )
    assert lab.labels.files.import_file(project, "labels.csv", text.encode()).imported == 3
    return reader


def test_what_went_out_comes_in_again_and_changes_nothing(lab, laid):
    project, slide = laid
    reader = label_some(lab, project, slide)
    before = state(lab, project, slide)
    text = lab.qupath.export(slide, reader)
    kinds = [feature["properties"]["objectType"] for feature in json.loads(text)["features"]]
    assert kinds.count("tile") == len(before[0])
    assert any(feature["properties"].get("name") == "Tissue" for feature in json.loads(text)["features"])
    done = lab.qupath.bring(slide, "back.geojson", text.encode())
    assert (done.labels, done.labels_unchanged, done.set_aside) == (0, 3, 0)
    assert state(lab, project, slide) == before
    assert lab.qupath.export(slide, reader) == text


def test_labels_come_in_as_their_readers_on_a_slide_that_has_none(lab, laid):
    project, slide = laid
    reader = label_some(lab, project, slide)
    text = lab.qupath.export(slide, reader)
    other = lab.projects.create("Other").id
    twin = lab.slides.register(other, lab.slides.get(slide).path, StatedFacts(mpp=0.5))[0].slide_id
    assert lab.qupath.bring(twin, "in.geojson", text.encode()).labels == 3
    given = [(label.grades["ballooning"], label.grades["steatosis"]) for label in lab.labels.current(other, reader)]
    assert sorted(given) == [(1, 0), (1, 1), (1, 2)]


@given(
    st.tuples(*[st.integers(0, 1500)] * 4).map(
        lambda v: (min(v[0], v[1]), min(v[2], v[3]), max(v[:2]) + 9, max(v[2:]) + 9)
    ),
    st.sampled_from(["Include", "Region*", "Exclude", "Ignore*"]),
)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_a_region_decides_by_the_middle_of_each_patch_and_is_forgotten_again(lab, laid_once, box, kind):
    project, slide = laid_once
    before, view = state(lab, project, slide), lab.slides.get(slide)
    x0, y0, x1, y1 = box
    x0, y0 = min(x0, view.width_px0 - 1), min(y0, view.height_px0 - 1)
    done = lab.qupath.bring(slide, "r.geojson", file_of(region(x0, y0, x1, y1, kind)))
    out = 0
    for patch, (_, aside, _) in zip(lab.slides.patches(slide), before[0], strict=True):
        middle = (patch.x_px0 + patch.width_px0 / 2, patch.y_px0 + patch.height_px0 / 2)
        inside = x0 < middle[0] < x1 and y0 < middle[1] < y1
        left_out = inside == (kind in {"Exclude", "Ignore*"})
        out += left_out
        assert patch.set_aside == (aside or ("region" if left_out else None))
    assert done.set_aside == out
    lab.qupath.forget_regions(slide)
    assert state(lab, project, slide) == before


@pytest.fixture
def laid_once(lab, tissue_png, _memo={}):  # noqa: B006
    if "laid" not in _memo or _memo["lab"] is not lab:
        project = lab.projects.create("Once").id
        _memo |= {
            "lab": lab,
            "laid": (project, lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id),
        }
    return _memo["laid"]


def test_an_outline_drawn_one_and_a_half_times_round_covers_all_it_goes_round(lab, laid):
    _, slide = laid
    outer, inner = [(0, 0), (900, 0), (900, 900), (0, 900)], [(20, 20), (880, 20), (880, 880), (20, 880)]
    once = region(0, 0, 900, 900)
    twice = {**once, "geometry": {"type": "Polygon", "coordinates": [[*outer, *inner[:3], outer[0]]]}}
    (drawn,) = regions_of((0, 0), [twice], "r.geojson")
    assert region_area(drawn).area == pytest.approx(900 * 900, rel=0.02)
    (drawn_once,) = regions_of((0, 0), [once], "r.geojson")
    assert region_area(drawn_once).area == 900 * 900
    left_out = [lab.qupath.bring(slide, "r.geojson", file_of(drawing)).set_aside for drawing in (once, twice)]
    assert left_out[0] == left_out[1] > 0


def test_a_hole_stays_a_hole():
    drawing = region(0, 0, 100, 100)
    hole = region(40, 40, 60, 60)["geometry"]["coordinates"][0]
    drawing["geometry"]["coordinates"].append(hole)
    (drawn,) = regions_of((0, 0), [drawing], "r.geojson")
    assert region_area(drawn).area == 100 * 100 - 20 * 20


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ([region(0, 0, 99, 99, "Tumor")], "class Tumor"),
        ([region(0, 0, 99, 99, None)], "class none"),
        ([region(90_000, 0, 99_000, 99)], "lies beside"),
        ([], "no region"),
        ("nonsense", "no GeoJSON"),
    ],
)
def test_what_means_nothing_is_one_sentence_and_changes_nothing(lab, laid, features, words):
    project, slide = laid
    before = state(lab, project, slide)
    data = b"nonsense" if features == "nonsense" else file_of(*features)
    with pytest.raises(LabError, match=words):
        lab.qupath.bring(slide, "in.geojson", data)
    assert state(lab, project, slide) == before


@pytest.mark.parametrize(("field", "value"), [("steatosis", 7), ("slide", "another.svs")])
def test_a_wrong_label_keeps_the_regions_out_too(lab, laid, field, value):
    project, slide = laid
    reader = label_some(lab, project, slide)
    features = json.loads(lab.qupath.export(slide, reader))["features"]
    label = next(feature for feature in features if "metadata" in feature["properties"])
    label["properties"]["measurements" if field == "steatosis" else "metadata"][field] = value
    before = state(lab, project, slide)
    with pytest.raises(LabError, match="Nothing was changed"):
        lab.qupath.bring(slide, "in.geojson", file_of(region(0, 0, 400, 400), *features))
    assert state(lab, project, slide) == before


def test_annotations_without_a_class_beside_known_ones_are_passed_over_and_named(lab, laid):
    _, slide = laid
    others = [region(0, 0, 99, 99, None), region(0, 0, 50, 50, "Tumor"), region(0, 0, 5, 5, "Exclude")]
    others[2]["properties"]["classification"] = {"names": ["Exclude", "fold"]}
    core = {**region(0, 0, 400, 400, None), "properties": {"objectType": "tmaCore"}}
    empty = {"type": "Feature", "geometry": None, "properties": {"objectType": "annotation"}}
    done = lab.qupath.bring(slide, "r.geojson", file_of(region(0, 0, 900, 900), *others, core, empty))
    assert (done.included, done.excluded) == (0, 2) and "Tumor, none" in done.notes[0]


BOUNDS = (300, 200, 500, 400)


@pytest.mark.parametrize(
    ("box", "cropped", "corner", "said"),
    [
        ((0, 0, 90, 90), None, (300, 200), ""),
        ((310, 210, 790, 590), None, (0, 0), "whole slide"),
        ((310, 210, 400, 300), None, (300, 200), "both are possible"),
        ((310, 210, 400, 300), True, (300, 200), ""),
        ((310, 210, 400, 300), False, (0, 0), ""),
    ],
)
def test_a_file_of_a_slide_with_bounds_is_read_by_what_fits_or_what_is_said(box, cropped, corner, said):
    drawn = regions_of((0, 0), [region(*box)], "r.geojson")
    where, notes = _corner(drawn, BOUNDS, cropped)
    assert where == corner and said in " ".join(notes) and bool(notes) == bool(said)
    assert _corner(drawn, (0, 0, 900, 900), None) == ((0, 0), ())
