import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.patches import patch_grid
from mmdnet.slides.qupath import Region, from_geojson, patch_regions, to_geojson
from mmdnet.slides.readers.deep_zoom import ZoomPyramid
from mmdnet.slides.readers.image_sources import tile_name
from mmdnet.slides.readers.open import discover, open_slide


@pytest.fixture
def tiles(tmp_path, field):
    for x, y in ((3, 5), (4, 5), (4, 6)):
        shade = np.full((299, 299, 3), 20 * x + 10 * y, np.uint8)
        cv2.imwrite(str(tmp_path / f"a_b_{x}_{y}.png"), shade)
    return tmp_path


def test_names_of_tiles_are_read_from_the_right():
    from pathlib import Path

    assert tile_name(Path("16_224_606_43_42.png")) == ("16_224_606", 43, 42)
    assert tile_name(Path("tissue-level0-4302.png")) is None


def test_a_folder_of_tiles_is_a_slide(tiles):
    with open_slide(tiles, mpp=0.5) as slide:
        assert (slide.facts.width_px0, slide.facts.height_px0) == (598, 598)
        assert slide.facts.reader == "patch-folder"
        assert (slide.read_patch(0, 0) == 110).all()
        assert (slide.read_patch(299, 299) == 140).all()
        assert (slide.read_patch(0, 299) == 255).all()  # no tile there
        assert slide.thumbnail(46).shape == (46, 46, 3)
        assert abs(int(slide.thumbnail(46)[40, 40, 0]) - 140) <= 1


def test_tiles_of_two_slides_are_two_slides(tiles, real_data):
    assert discover(tiles) == [tiles]
    cv2.imwrite(str(tiles / "other_0_0.png"), np.zeros((299, 299, 3), np.uint8))
    assert discover(tiles) == [tiles / "a_b", tiles / "other"]
    with open_slide(tiles / "other", mpp=0.5) as slide:
        assert slide.facts.width_px0 == 299
    with pytest.raises(LabError, match="2 slides"):
        open_slide(tiles, mpp=0.5)
    assert [path.name for path in discover(real_data / "trichrome_tiles")] == ["114", "16_224_606"]


def test_zoom_tiles_make_up_the_slide(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        pyramid = ZoomPyramid(slide)
        info = pyramid.dzi()
        assert (info["width"], info["height"], info["max_level"]) == (1501, 1501, 11)
        last = cv2.imdecode(np.frombuffer(pyramid.tile(11, 2, 2), np.uint8), cv2.IMREAD_COLOR_RGB)
        assert last.shape == (1501 - 1024, 1501 - 1024, 3)
        assert np.abs(last.astype(int) - slide.read_region_px0(1024, 1024, 477, 477, 477, 477)).mean() < 6
        assert cv2.imdecode(np.frombuffer(pyramid.tile(0, 0, 0), np.uint8), cv2.IMREAD_COLOR).shape == (1, 1, 3)
        for level, col, row in ((12, 0, 0), (-1, 0, 0), (11, 3, 0), (11, 0, -1)):
            with pytest.raises(LabError):
                pyramid.tile(level, col, row)


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
)


@pytest.fixture(scope="module")
def facts(odd_pyramid):
    with open_slide(odd_pyramid) as slide:
        return slide.facts


@given(found=st.lists(regions, max_size=4), left=st.integers(0, 9999), top=st.integers(0, 9999))
def test_regions_come_back_from_qupath_exactly_with_bounds_too(facts, found, left, top):
    shifted = replace(facts, bounds_px0=(left, top, 100, 100))
    assert from_geojson(shifted, to_geojson(shifted, found)) == found


def test_a_slides_bounds_are_taken_off_on_the_way_out(facts):
    region = Region((((110, 220), (120, 220), (120, 230)),))
    said = json.loads(to_geojson(replace(facts, bounds_px0=(100, 200, 500, 500)), [region]))
    assert said["features"][0]["geometry"]["coordinates"][0][0] == [10, 20]


def test_patches_go_out_as_squares_with_their_label(facts):
    grid = patch_grid(facts, 64)
    (region,) = patch_regions(grid, [PatchPlace(1, 2, *grid.corner_px0(1, 2), 0.75)], {(1, 2): "steatosis 2"})
    assert region.rings_px0 == (((256, 128), (384, 128), (384, 256), (256, 256)),)
    assert (region.label, region.name, region.measurements["tissue share"]) == ("steatosis 2", "1-2", 0.75)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"type": "FeatureCollection"}', '{"features": [{"geometry": null}]}']
)
def test_what_is_no_geojson_is_refused(facts, text):
    with pytest.raises(LabError, match="GeoJSON"):
        from_geojson(facts, text)
