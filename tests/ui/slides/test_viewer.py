"""The deep zoom is handed where tiles and layers are, what state each patch is in, and where to begin."""

import json
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mmdnet.reports.schema import AttentionMap
from mmdnet.scoring.palette import heat_stops
from mmdnet.settings import Settings
from tests.ui.shell.test_words import slide
from ui.shell.tokens import read, secret_key
from ui.slides import viewer

INFO = {"width": 4000, "height": 3000, "tile_size": 510, "overlap": 1, "max_level": 12}


def patch(number: int, **facts):
    known = {"id": number, "x_px0": 300 * number, "y_px0": 0, "width_px0": 299, "height_px0": 299, "usable": True}
    return SimpleNamespace(**known | facts)


SHOWN = SimpleNamespace(patches=[patch(1), patch(2), patch(3, usable=False)])


def page():
    from tests.ui.slides.test_viewer import SHOWN
    from ui.slides.viewer import deep_zoom

    deep_zoom(SHOWN.slide, SHOWN.patches, layers=SHOWN.layers, labelled={2})


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    pictures = SimpleNamespace(zoom_info=lambda slide_id: INFO, patch_at=lambda slide_id, x, y: None)
    lab = SimpleNamespace(slides=SimpleNamespace(pictures=pictures), settings=Settings(home=tmp_path))
    monkeypatch.setattr(viewer, "lab", lambda: lab)
    legend = AttentionMap(task="steatosis", low=0.0, high=4.0, ticks=(0.0, 1.0, 4.0), unit="× the mean")
    SHOWN.slide = slide(id=5, project_id=9, mpp_x=0.25)
    SHOWN.layers = [viewer.tissue_layer(SHOWN.slide), viewer.Layer("heat", "Heat", "/api/zoom/heat/1/x.png", legend)]

    def draw(**query):
        app = AppTest.from_function(page, default_timeout=60)
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
        assert not app.exception
        (element,) = (element.proto for element in app.get("bidi_component"))
        return json.loads(element.json), secret_key(tmp_path)

    yield draw
    st.cache_resource.clear()


def test_it_knows_its_tiles_and_may_see_this_project_only(drawn):
    data, secret = drawn()
    assert (data["info"], data["tiles"], data["mpp"]) == (INFO, "/api/zoom/slide/5", 0.25)
    grant = read(secret, data["token"])
    assert (grant.role, grant.project_id, grant.session_id) == ("view", 9, None)


def test_patches_stand_where_they_are_in_their_states(drawn):
    data, _ = drawn()
    assert data["patches"] == [[300, 0, "used"], [600, 0, "labelled"], [900, 0, "aside"]]
    assert data["patch_px0"] == [299, 299]


def test_it_begins_at_the_chosen_patch_or_at_the_whole_slide(drawn):
    assert drawn()[0]["focus"] is None
    data, _ = drawn(patch="2")
    assert data["chosen"] == data["focus"] == [600, 0, 299, 299]


def test_a_layer_of_numbers_brings_the_scale_of_its_colours(drawn):
    tissue, heat = drawn()[0]["layers"]
    assert (tissue["legend"], tissue["begins_shown"], tissue["url"]) == (None, False, "/api/zoom/tissue/5.png")
    scale = {"low": 0.0, "high": 4.0, "ticks": [0.0, 1.0, 4.0], "unit": "× the mean", "stops": list(heat_stops())}
    assert heat["legend"] == scale and heat["begins_shown"]
