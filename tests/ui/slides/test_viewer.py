"""The viewer is handed where tiles and layers are, what state each patch is in, and where to begin."""

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
    return SimpleNamespace(**known | {"fat_area_share": None, "set_aside": None} | facts)


PATCHES = [patch(1, fat_area_share=0.31), patch(2), patch(3, usable=False, set_aside="pen")]
SHOWN = SimpleNamespace(patches=PATCHES)


def page():
    from tests.ui.slides.test_viewer import SHOWN
    from ui.slides.viewer import deep_zoom

    deep_zoom(SHOWN.slide, SHOWN.patches, layers=SHOWN.layers, labelled={2}, **SHOWN.more)


@pytest.fixture
def drawn(monkeypatch, tmp_path):
    pictures = SimpleNamespace(zoom_info=lambda slide_id: INFO, patch_at=lambda slide_id, x, y: None)
    lab = SimpleNamespace(slides=SimpleNamespace(pictures=pictures), settings=Settings(home=tmp_path))
    monkeypatch.setattr(viewer, "lab", lambda: lab)
    legend = AttentionMap(task="steatosis", low=0.0, high=4.0, ticks=(0.0, 1.0, 4.0), unit="× the mean")
    SHOWN.slide = slide(id=5, project_id=9, mpp_x=0.25)
    SHOWN.layers = [viewer.tissue_layer(SHOWN.slide), viewer.Layer("heat", "Heat", "/api/zoom/heat/1/x.png", legend)]

    def draw(more=None, **query):
        SHOWN.more = more or {}
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
    assert (data["info"], data["tiles"], data["mpp"]) == (INFO, "/api/zoom/slide/5", [0.25, 0.25])
    grant = read(secret, data["token"])
    assert (grant.role, grant.project_id, grant.session_id) == ("view", 9, None)


def test_patches_stand_where_they_are_in_their_states(drawn):
    data, _ = drawn()
    known = data["patches"]
    assert (known["x"], known["y"]) == ([300, 600, 900], [0, 0, 0])
    assert (known["labelled"], known["aside"]) == ([1], [2])  # places among the patches
    assert data["patch_px0"] == [299, 299]
    assert [(switch["id"], switch["on"]) for switch in data["switches"]] == [("patches", True)]


def test_nothing_measured_reaches_the_browser_unless_it_may_be_switched_on(drawn):
    data, _ = drawn()
    assert (data["fat"], data["patches"]["fat"], data["patches"]["reasons"]) == (None, None, None)
    data, _ = drawn({"switches": {"patches": True, "fat": False, "aside": False}})
    assert (data["patches"]["fat"], data["patches"]["reasons"]) == ([0.31, None, None], [None, None, 0])
    assert (data["fat"]["legend"]["high"], data["fat"]["legend"]["ticks"]) == (35.0, [0.0, 17.5, 35.0])
    (reason,) = data["reasons"]
    assert reason["title"] == "pen mark (1)"


def test_a_rectangle_is_shown_where_one_can_be_drawn(drawn, monkeypatch):
    monkeypatch.setattr(viewer, "drawn_region", lambda slide: viewer.Region(1, 2, 3, 4))
    assert drawn({"tools": ("region",)})[0]["region"] == [1, 2, 3, 4]
    assert drawn()[0]["region"] is None


@pytest.fixture
def tab(monkeypatch):
    """A tab's memory and where it went."""
    state, went = {}, []
    monkeypatch.setattr(viewer.st, "session_state", state)
    monkeypatch.setattr(viewer, "go_to", lambda place, key: went.append((place, key)))
    return state, went


@pytest.mark.parametrize(("spot", "patch_id"), [((310.0, 5.0), 1), ((5.0, 5.0), None)])
def test_a_click_chooses_the_patch_there_and_lets_a_rectangle_go(tab, spot, patch_id):
    state, went = tab
    state["region"] = (5, viewer.Region(0, 0, 1, 1))
    there = [SimpleNamespace(id=1, meets=lambda x, y, *_: x >= 300)]
    viewer._take_click({"x": spot[0], "y": spot[1]}, there)
    assert went == [("patch", patch_id)] and state == {"missed": patch_id is None, "zoom_acted": True}


def test_a_rectangle_is_kept_for_its_own_slide(tab):
    state, _ = tab
    viewer._take_region({"x0": 1, "y0": 2, "x1": 30, "y1": 40}, slide(id=5))
    assert viewer.drawn_region(slide(id=5)) == viewer.Region(1, 2, 30, 40)
    assert viewer.drawn_region(slide(id=6)) is None and state["zoom_acted"]


def test_of_a_trigger_that_was_let_go_nothing_comes(tab):
    viewer._take_click(None, [])
    viewer._take_region(None, slide(id=5))
    viewer._take_drawn(None, lambda kind, points: None)
    assert tab == ({}, [])


def test_a_scores_maps_are_one_for_each_of_its_tasks_and_wait_to_be_asked_for(drawn):
    score = SimpleNamespace(id=8, summary=SimpleNamespace(tasks={"steatosis": None}), awaits_reader=False)
    (layer,) = viewer.heat_layers(score)
    assert (layer.url, layer.title, layer.map, layer.begins_shown) == (
        "/api/zoom/heat/8/steatosis.png", "Steatosis", True, False,
    )  # fmt: skip
    assert viewer.heat_layers(None) == []
    score.awaits_reader = True
    assert viewer.heat_layers(score) == []


def test_it_begins_at_the_chosen_patch_or_at_the_whole_slide(drawn):
    assert drawn()[0]["focus"] is None
    data, _ = drawn(patch="2")
    assert data["chosen"] == data["focus"] == [600, 0, 299, 299]


def test_a_layer_of_numbers_brings_the_scale_of_its_colours(drawn):
    tissue, heat = drawn()[0]["layers"]
    assert (tissue["legend"], tissue["begins_shown"], tissue["url"]) == (None, False, "/api/zoom/tissue/5.png")
    assert (tissue["map"], heat["map"]) == (False, True)
    scale = {"low": 0.0, "high": 4.0, "ticks": [0.0, 1.0, 4.0], "unit": "× the mean", "stops": list(heat_stops())}
    assert heat["legend"] == scale and heat["begins_shown"]
