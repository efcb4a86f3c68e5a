"""Presses that are kept, on pages whose runs are given up as a busy machine's are."""

import pytest
from streamlit.testing.v1 import AppTest


def page():
    """The first run after a press is given up before it comes to the button, as one in which a job ends."""
    import streamlit as st

    from ui.shell.presses import at_page, pressed, submitted

    at_page(st.session_state.get("page", "train"), st.session_state.get("project", 1))
    if st.session_state.pop("give_up", False):
        st.rerun()
    plain = st.button("Plain", key="plain")
    with st.form("form"):
        name = st.text_input("Name", key="name")
        sent = submitted("Send", key="send")
    start = pressed("Start", key="start", disabled=st.session_state.get("off", False))
    st.session_state.setdefault("done", []).extend(
        said for said, there in (("plain", plain), (f"sent {name}", sent), ("start", start)) if there
    )


@pytest.fixture
def app():
    return AppTest.from_function(page, default_timeout=60).run()


def test_a_press_outlives_a_run_that_was_given_up_where_streamlits_own_is_lost(app):
    for key in ("plain", "start"):
        app.session_state["give_up"] = True
        app.button(key=key).click().run()
    app.session_state["give_up"] = True
    app.text_input(key="name").set_value("Cohort")
    app.button(key="send").click().run()
    assert app.session_state["done"] == ["start", "sent Cohort"]


def test_a_press_is_acted_upon_once(app):
    app.button(key="start").click().run()
    app.run()
    assert app.session_state["done"] == ["start"]


@pytest.mark.parametrize(("place", "other"), [("page", "score"), ("project", 2)])
def test_a_press_is_forgotten_where_another_page_or_project_was_opened_or_the_button_no_longer_holds(app, place, other):
    app.session_state["give_up"] = True
    app.session_state[place] = other
    app.button(key="start").click().run()
    app.session_state["off"] = True
    app.session_state["give_up"] = True
    app.button(key="start").click().run()
    app.session_state["off"] = False
    app.run()
    assert app.session_state["done"] == []


def slow_below():
    """The first run after a press is given up between the button and what it asks for."""
    import streamlit as st
    from streamlit.runtime.scriptrunner import RerunException

    from ui.shell import presses

    presses.at_page("train", 1)
    start = presses.pressed("Start", key="start")
    try:
        if start and not st.session_state.get("again"):
            st.session_state["again"] = True
            st.rerun()
    except RerunException:
        presses.given_up()
        raise
    if start:
        st.session_state["starts"] = st.session_state.get("starts", 0) + 1
        presses.answered("start")


def test_a_press_that_was_taken_and_not_come_to_is_not_lost_and_counts_once():
    app = AppTest.from_function(slow_below, default_timeout=60).run()
    app.button(key="start").click().run()
    app.run()
    assert app.session_state["starts"] == 1


def impatient():
    """The lab takes its time over the first press, and a second one comes meanwhile."""
    import streamlit as st

    from ui.shell import presses

    if presses.pressed("Start", key="start"):
        st.session_state["starts"] = st.session_state.get("starts", 0) + 1
        if st.session_state["starts"] == 1 and st.session_state.get("refused"):
            st.error("Not now.")
        else:
            presses.answered("start")
            presses._keep("start", 0)
            st.rerun()


def test_a_second_press_before_the_first_is_shown_starts_nothing_more():
    app = AppTest.from_function(impatient, default_timeout=60).run()
    app.button(key="start").click().run()
    assert app.session_state["starts"] == 1
    app.button(key="start").click().run()
    assert app.session_state["starts"] == 2


def test_a_press_after_a_refusal_counts():
    app = AppTest.from_function(impatient, default_timeout=60)
    app.session_state["refused"] = True
    app.run()
    app.button(key="start").click().run()
    assert app.error[0].value == "Not now."
    app.button(key="start").click().run()
    assert app.session_state["starts"] == 2
