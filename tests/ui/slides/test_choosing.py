"""The small window in which a folder or a file on the server is chosen."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.settings import Settings
from mmdnet.workflows.slides.ingest.folders import look_into
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


def test_folders_and_files_are_there_to_press_by_their_names_and_a_folder_is_taken_whole(folder):
    (folder / "a_1.svs").touch()
    (folder / "below").mkdir()
    (folder / "notes.txt").touch()
    app = opened()
    assert labels(app) == [str(folder)]
    app.button[0].click().run()
    assert labels(app) == ["Up", "Take all in this folder", "below/", "a_1.svs"]
    app.button(key="browse_take").click().run()
    assert app.text_input(key="path").value == str(folder) and not labels(app)


def test_of_many_the_first_are_shown_and_the_others_found_by_typing(folder):
    for number in range(choosing.AT_ONCE + 5):
        (folder / f"slide_{number:03d}.svs").touch()
    app = opened(folder)
    assert len(labels(app)) == 2 + choosing.AT_ONCE
    app.selectbox[0].set_value(f"slide_{choosing.AT_ONCE + 4:03d}.svs").run()
    assert app.text_input(key="path").value == str(folder / f"slide_{choosing.AT_ONCE + 4:03d}.svs")


def test_an_empty_folder_and_one_that_is_gone_are_said(folder):
    assert "no slide and no folder" in opened(folder).caption[0].value
    app = opened(folder / "gone")
    assert len(app.error) == 1 and choosing.AT not in app.session_state
