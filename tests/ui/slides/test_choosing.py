"""The small window in which a folder or a file on the server is chosen."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.settings import Settings
from mmdnet.workflows.slides.ingest.folders import look_into
from mmdnet.workflows.slides.ingest.paths import paths_in
from ui.shell.literal import literal
from ui.slides import choosing


def page():
    import streamlit as st

    from ui.slides.choosing import choose_on_server

    choose_on_server("path")
    st.text_input("Path", key="path")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that slides may be added from, and the page that looks into it."""
    folder = tmp_path / "slides"
    folder.mkdir()
    settings = Settings(home=tmp_path / "home", slide_roots=(folder,))
    lab = SimpleNamespace(slides=SimpleNamespace(folder=lambda path: look_into(settings, path)))
    monkeypatch.setattr(choosing, "lab", lambda: lab)
    return folder


def opened(folder=None):
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state[choosing.BOX] = True
    if folder is not None:
        app.session_state[choosing.AT] = str(folder)
    return app.run()


def labels(app):
    return [button.label for button in app.button]


def test_a_folder_is_taken_whole_or_the_files_of_it_that_are_ticked(folder):
    for name in ("a_1.svs", "b;2.svs", "c.svs"):
        (folder / name).touch()
    (folder / "below").mkdir()
    (folder / "notes.txt").touch()
    app = opened()
    assert labels(app) == [str(folder)]
    app.button[0].click().run()
    assert labels(app) == ["Up", "Take all in this folder", "below/"]
    assert [box.label for box in app.checkbox] == ["a_1.svs", "b;2.svs", "c.svs"]
    for number in (1, 2, 0, 2):
        app.checkbox[number].set_value(not app.checkbox[number].value).run()
    assert [box.value for box in app.checkbox] == [True, True, False]
    take = app.button(key="browse_take")
    assert take.label == "Take 2 ticked files"
    take.click().run()
    line = app.text_input(key="path").value
    assert paths_in(line) == [f"{folder}/b;2.svs", f"{folder}/a_1.svs"] and not labels(app)
    app.session_state[choosing.AT], app.session_state[choosing.BOX] = f"{folder}/below", True
    more = app.run().button(key="browse_take")
    assert more.label == "Add all in this folder to those chosen"
    more.click().run()
    line = app.text_input(key="path").value
    assert paths_in(line) == [f"{folder}/b;2.svs", f"{folder}/a_1.svs", f"{folder}/below"], "none is dropped"
    app.session_state[choosing.AT], app.session_state[choosing.BOX] = str(folder), True
    assert [box.value for box in app.run().checkbox] == [True, True, False], "what was taken is ticked"
    app.checkbox[0].set_value(False).run()
    app.button(key="browse_take").click().run()
    assert paths_in(app.text_input(key="path").value) == [f"{folder}/below", f"{folder}/b;2.svs"]
    app.session_state[choosing.AT], app.session_state[choosing.BOX] = str(folder), True
    app.run().checkbox[1].set_value(False).run()
    assert app.button(key="browse_take").label == "Take none"
    app.button(key="browse_take").click().run()
    assert app.text_input(key="path").value == f"{folder}/below"
    app = opened(folder)
    app.button(key="browse_take").click().run()
    assert app.text_input(key="path").value == str(folder), "nothing is ticked: all of it"
    app.session_state[choosing.AT], app.session_state[choosing.BOX] = str(folder), True
    assert "All in this folder is chosen." in [said.value for said in app.run().caption]


def test_of_many_the_first_are_shown_and_the_others_found_by_typing(folder):
    for number in range(choosing.AT_ONCE + 5):
        (folder / f"slide_{number:03d}.svs").touch()
    app = opened(folder)
    assert len(app.checkbox) == choosing.AT_ONCE
    last = f"slide_{choosing.AT_ONCE + 4:03d}.svs"
    app.selectbox[0].set_value(last).run()
    assert (app.checkbox[0].label, app.checkbox[0].value) == (literal(last), True)
    app.button(key="browse_take").click().run()
    assert app.text_input(key="path").value == str(folder / last)


def test_an_empty_folder_and_one_that_is_gone_are_said(folder):
    assert "no slide and no folder" in opened(folder).caption[0].value
    app = opened(folder / "gone")
    assert len(app.error) == 1 and choosing.AT not in app.session_state
