"""What is not sent yet, as Python asks the tab for it; `unsent/keeper.test.js` holds what the tab keeps."""

import json
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts
from ui.shell import unsent


def page(sent):
    import streamlit as st

    from ui.shell.unsent import forget_unsent, keep_unsent, sent_now

    if sent:
        sent_now("add 1")
    keep_unsent("add 1", st.write, known={"way": None}, typed=["path"])
    forget_unsent()


@pytest.mark.parametrize(("who", "whose"), [(None, "anybody"), (SimpleNamespace(account_id=7), "7")])
def test_a_form_is_kept_for_whom_it_was_filled_in_by_until_it_is_sent(monkeypatch, who, whose):
    monkeypatch.setattr(unsent, "person", lambda: who)
    for sent in (False, True):
        app = AppTest.from_function(page, default_timeout=60, args=(sent,)).run()
        assert not app.exception
        told, nobody = (json.loads(element.proto.json) for element in app.get("bidi_component"))
        form = {"form": "add 1", "known": {"way": None}, "typed": ["path"], "taken": 0, "sent": int(sent), "asked": 0}
        assert told == form | {"whose": whose} and nobody == {"whose": None}


def test_what_a_browser_sends_is_taken_field_by_field_and_nothing_else():
    fields = {"path", "mpp", "wrong"}
    sent = {"path": "/data", "mpp": None, "wrong": True}
    assert unsent._plain(sent | {"reader_id": 3, "at_project": 1}, fields) == sent
    assert unsent._plain({"path": "x" * 2001, "mpp": [1], "wrong": {}}, fields) == {}
    assert unsent._plain(["path"], fields) == unsent._plain(None, fields) == {}


def filled_in(kept):
    import streamlit as st

    from mmdnet.slides.facts import StatedFacts
    from ui.slides import adding
    from ui.slides.slide_facts import fact_fields

    adding._take_back(1, kept)
    st.text_input("path", key="add_path")
    st.write(fact_fields("add", StatedFacts.names()))
    st.write(f"open {st.session_state.get('add_open_1')}, wrong {st.session_state['add_overrule_scale']}")


def test_the_form_of_slides_takes_back_what_a_person_could_have_entered():
    kept = {"add_path": "/data/sli", "add_patient": "P7", "add_stain": "H&E", "add_mpp": "0.25"}
    app = AppTest.from_function(filled_in, default_timeout=60, args=(kept | {"add_overrule_scale": True},)).run()
    assert not app.exception and "open True, wrong True" in texts(app)
    assert app.text_input(key="add_path").value == "/data/sli" and app.text_input(key="add_patient").value == "P7"
    assert app.selectbox(key="add_stain").value == "H&E" and app.number_input(key="add_mpp").value == 0.25
    app = AppTest.from_function(filled_in, default_timeout=60, args=({"add_stain": "H&E", "add_path": ""},)).run()
    assert "open None" in texts(app), "what stands for the next slides alone does not open the form"
    for wrong in ("nan", "1e999", "about 0.2", True):
        bad = {"add_mpp": wrong, "add_path": None, "add_overrule_scale": "yes"}
        app = AppTest.from_function(filled_in, default_timeout=60, args=(bad,)).run()
        assert not app.exception and app.number_input(key="add_mpp").value in (None, 1.0)
        assert app.text_input(key="add_path").value == "" and "wrong False" in texts(app)


@pytest.fixture(autouse=True)
def _forgotten():
    yield
    st.cache_resource.clear()
