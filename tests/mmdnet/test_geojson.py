import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.geojson import (
    Line,
    Region,
    box,
    collection,
    colour_of,
    measurements_of,
    read_features,
    regions_of,
    to_geojson,
)

points = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))
rings = st.lists(points, min_size=3, max_size=9).filter(lambda ring: ring[0] != ring[-1]).map(tuple)
names = st.none() | st.text(max_size=12)
regions = st.builds(
    Region,
    st.lists(rings, min_size=1, max_size=3).map(tuple),
    names,
    names,
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False), max_size=3),
    st.sampled_from(("annotation", "detection", "tile")),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2),
)
corners = st.tuples(st.integers(0, 9999), st.integers(0, 9999))


@given(drawn=st.lists(regions, max_size=4), corner=corners)
def test_regions_come_back_exactly_whatever_the_slides_bounds(drawn, corner):
    assert regions_of(corner, read_features(to_geojson(corner, drawn))) == drawn


def test_a_slides_bounds_are_taken_off_on_the_way_out_and_rings_are_closed():
    region = Region((((110, 220), (120, 220), (120, 230)),))
    (ring,) = json.loads(to_geojson((100, 200), [region]))["features"][0]["geometry"]["coordinates"]
    assert ring == [[10, 20], [20, 20], [20, 30], [10, 20]]


def test_a_line_goes_out_with_its_measures_and_is_no_region_on_the_way_in():
    line = Line(((110, 220), (120, 220)), "Measured", "septum", {"length µm": 5.0})
    text = to_geojson((100, 200), [line])
    (feature,) = json.loads(text)["features"]
    assert feature["geometry"] == {"type": "LineString", "coordinates": [[10, 20], [20, 20]]}
    assert feature["properties"]["classification"]["name"] == "Measured"
    assert feature["properties"]["measurements"] == {"length µm": 5.0}
    assert regions_of((100, 200), read_features(text)) == []


def test_a_box_has_whole_pixels():
    assert box(10, 20, 298.7, 299.4) == ((10, 20), (309, 20), (309, 319), (10, 319))


def test_a_file_says_what_it_is_only_where_there_is_something_to_say():
    assert json.loads(collection([], {"use": "Research use only"}))["properties"] == {"use": "Research use only"}
    assert "properties" not in json.loads(collection([]))


def test_pieces_of_a_multi_polygon_are_regions_and_points_are_passed_over():
    square = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    shapes = [
        {"type": "MultiPolygon", "coordinates": [square, square]},
        {"type": "Point", "coordinates": [3, 4]},
    ]
    text = collection({"type": "Feature", "geometry": shape} for shape in shapes)
    assert regions_of((5, 6), read_features(text)) == [Region((((5, 6), (6, 6), (6, 7), (5, 7)),))] * 2


def test_one_feature_alone_and_a_bare_list_are_files_too():
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [0, 0]}}
    assert read_features(json.dumps(feature)) == read_features(json.dumps([feature]).encode()) == [feature]


def test_measurements_of_older_versions_are_read():
    assert measurements_of({"measurements": [{"name": "Steatosis", "value": 2}]}) == {"Steatosis": 2}
    assert measurements_of({}) == {}


@pytest.mark.parametrize(
    "data",
    ["", "{}", "[1]", '{"type": "FeatureCollection"}', b"\xff\xfe", "[" * 10**5],
)
def test_what_is_no_geojson_is_refused_by_name(data):
    with pytest.raises(LabError, match=r"drawn\.geojson is no GeoJSON"):
        regions_of((0, 0), read_features(data, "drawn.geojson"), "drawn.geojson")


def as_qupath_takes_it(feature: dict) -> None:
    """What QuPath 0.4 to 0.7 asks of a feature, by its importer."""
    properties, geometry = feature["properties"], feature["geometry"]
    assert feature["type"] == "Feature" and geometry["type"] in {"Polygon", "MultiPolygon"}
    assert properties["objectType"] in {"annotation", "detection", "tile"}
    if "classification" in properties:
        name, colour = properties["classification"]["name"], properties["classification"]["color"]
        assert isinstance(name, str) and len(colour) == 3 and all(type(v) is int and 0 <= v <= 255 for v in colour)
    for ring in geometry["coordinates"]:
        assert ring[0] == ring[-1] and len(ring) >= 4
    assert all(isinstance(value, int | float) for value in properties.get("measurements", {}).values())
    assert not any(isinstance(value, dict | list) for value in properties.get("metadata", {}).values())


@given(drawn=st.lists(regions, max_size=4))
def test_what_is_written_follows_qupaths_rules(drawn):
    for feature in json.loads(to_geojson((0, 0), drawn))["features"]:
        as_qupath_takes_it(feature)


SQUARE = [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]]]
POLYGON = {"type": "Polygon", "coordinates": SQUARE}


@pytest.mark.parametrize(
    ("feature", "kind", "label"),
    [
        ({"geometry": POLYGON, "properties": {"classification": "Include"}}, "annotation", "Include"),
        ({"geometry": POLYGON, "properties": {"classification": {"names": ["Tumor", "Positive"]}}}, "annotation", "Tumor: Positive"),
        ({"geometry": POLYGON, "properties": {"object_type": "detection"}}, "detection", None),
        ({"geometry": POLYGON, "properties": {"objectType": "tmaCore", "isMissing": False}}, "tmaCore", None),
        ({"geometry": POLYGON, "id": "PathDetectionObject", "properties": {}}, "detection", None),
        ({"geometry": POLYGON, "id": "PathAnnotationObject", "properties": {"classification": {"name": "A", "colorRGB": -1}}}, "annotation", "A"),
        ({"geometry": POLYGON, "properties": None}, "annotation", None),
        ({"geometry": {"type": "GeometryCollection", "geometries": [POLYGON, {"type": "Point", "coordinates": [1, 2]}]}, "properties": {}}, "annotation", None),
        ({"geometry": POLYGON, "nucleusGeometry": POLYGON, "properties": {"objectType": "cell", "measurements": {"a": float("nan")}}}, "cell", None),
        ({"geometry": POLYGON, "properties": {"measurements": [{"name": "b", "value": "NaN"}], "classification": None}}, "annotation", None),
    ],
)  # fmt: skip
def test_what_qupath_and_other_programs_write_is_read(feature, kind, label):
    text = json.dumps({"type": "FeatureCollection", "features": [{"type": "Feature", **feature}]})
    (region,) = regions_of((0, 0), read_features(text))
    assert (region.kind, region.label, len(region.rings_px0[0])) == (kind, label, 4)


@pytest.mark.parametrize(
    "geometry", [None, {"type": "Point", "coordinates": [1, 2]}, {"type": "Polygon", "coordinates": []}]
)
def test_what_has_no_area_is_passed_over(geometry):
    feature = {"type": "Feature", "geometry": geometry, "properties": {}}
    assert regions_of((0, 0), read_features(json.dumps([feature]))) == []
    assert regions_of((0, 0), read_features(json.dumps(POLYGON)))[0].rings_px0


@pytest.mark.parametrize("corner", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_corner_that_is_no_number_is_one_sentence(corner):
    text = json.dumps([{"type": "Feature", "geometry": POLYGON, "properties": {}}]).replace("[9, 0]", f"[{corner}, 0]")
    with pytest.raises(LabError, match="is no GeoJSON"):
        regions_of((0, 0), read_features(text))


def test_a_class_has_one_colour():
    assert colour_of("Tissue") == colour_of("Tissue") != colour_of("In use")
