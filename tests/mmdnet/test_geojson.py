import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.geojson import Region, box, collection, measurements_of, read_features, regions_of, to_geojson

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
    ["", "{}", "[1]", '{"type": "FeatureCollection"}', '{"features": [{"geometry": null}]}', b"\xff\xfe", "[" * 10**5],
)
def test_what_is_no_geojson_is_refused_by_name(data):
    with pytest.raises(LabError, match=r"drawn\.geojson is no GeoJSON"):
        regions_of((0, 0), read_features(data, "drawn.geojson"), "drawn.geojson")
