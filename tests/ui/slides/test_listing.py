"""The list of slides, drawn by itself; `listing/order.test.js` holds how its rows are ordered and gone through."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mmdnet.settings import Settings
from tests.ui.shell.test_words import slide
from ui.shell.tokens import read, secret_key
from ui.slides import listing

SHOWN = SimpleNamespace()


def page() -> None:
    from tests.ui.slides.test_listing import SHOWN
    from ui.slides.listing import slide_list

    slide_list(9, SHOWN.slides, SHOWN.leading)


@pytest.fixture
def listed(monkeypatch, tmp_path):
    monkeypatch.setattr(listing, "lab", lambda: SimpleNamespace(settings=Settings(home=tmp_path)))
    monkeypatch.setattr(listing, "person", lambda: None)

    def draw(slides, leading=None):
        SHOWN.slides, SHOWN.leading = slides, leading or {}
        app = AppTest.from_function(page, default_timeout=60).run()
        assert not app.exception
        return app, [json.loads(element.proto.json) for element in app.get("bidi_component")]

    yield draw
    st.cache_resource.clear()


def test_a_slide_is_listed_with_all_that_is_known_and_leads_to_its_own_address(listed, tmp_path):
    signed = SimpleNamespace(reader="Ada", at=datetime(2026, 3, 1, tzinfo=UTC))
    score = SimpleNamespace(nas=5, signed=signed)
    known = slide(id=4, project_id=9, name="*a*.svs", visit="2", staining_run="r\u202e7", fat_area_share=0.125)
    _, (data,) = listed([known], {4: score})
    (row,) = data["rows"]
    said = dict(zip([column["title"] for column in data["columns"]], row["words"], strict=True))
    assert (said["Slide"], said["Visit"], said["Staining run"]) == ("*a*.svs", "2", "r⟨U+202E⟩7")
    assert (said["NAS"], said["NAS by"], said["Signed"], said["Fat, %"]) == ("5", "signed, Ada", "2026-03-01", "12.5")
    assert list(said)[:6] == ["Slide", "State", "NAS", "NAS by", "Patient", "Visit"]  # a tablet shows few
    assert row["href"] == "/slides?project=9&slide=4" and not row["asks"]
    grant = read(secret_key(tmp_path), data["token"])
    assert (grant.role, grant.project_id, data["pictures"]) == ("view", 9, "/api/zoom/picture")


def test_what_is_not_known_is_a_dash_and_a_missing_scale_a_way_to_its_field(listed):
    _, (data,) = listed([slide(id=4, status="needs_mpp", tissue_mm2=None, patient=None)])
    (row,) = data["rows"]
    titles = [column["title"] for column in data["columns"]]
    assert not {"Visit", "Scanner", "Site", "Staining run"} & set(titles)  # of these, a slide has none
    place = titles.index
    assert row["words"][place("NAS")] == row["words"][place("Patient")] == "–"
    assert row["cells"][place("Tissue, mm²")] is None
    assert row["asks"] and row["words"][data["ask_at"]] == "Enter µm per pixel"


def test_where_no_slide_is_left_a_sentence_says_so(listed):
    app, drawn = listed([])
    assert drawn == [] and "Take a filter back" in app.caption[0].value


@pytest.mark.parametrize(("sent", "opened"), [(4, 4), (5, None), ("4", None), (None, None)])
def test_only_a_slide_of_the_list_is_opened(monkeypatch, sent, opened):
    went, state = [], {}
    monkeypatch.setattr(listing, "go_to", lambda place, key: went.append((place, key)))
    monkeypatch.setattr(listing.st, "session_state", state)
    listing._open(sent, {3, 4})
    assert (went, state) == (([("slide", 4)], {"slide_opened": True}) if opened else ([], {}))
