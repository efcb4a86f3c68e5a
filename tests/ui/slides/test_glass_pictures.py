"""Label and macro, drawn by themselves: hidden until asked for, and shown once."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from ui.slides import glass_pictures

PNG = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


def page() -> None:
    import streamlit as st

    from tests.ui.shell.test_words import slide
    from ui.slides.glass_pictures import glass_pictures

    st.session_state.setdefault("glass_1", True)
    glass_pictures(slide(id=1))


@pytest.fixture
def asked(monkeypatch):
    asked = []
    kept = SimpleNamespace(names=lambda slide: ("label", "macro"), get=lambda slide, name: asked.append(name) or PNG)
    copies = SimpleNamespace(job=lambda slide: None)
    lab = SimpleNamespace(slides=SimpleNamespace(glass_pictures=kept, copies=copies))
    monkeypatch.setattr(glass_pictures, "lab", lambda: lab)
    monkeypatch.setattr(glass_pictures, "may", lambda what, project: True)
    return asked


def test_nothing_is_looked_at_until_one_picture_is_asked_for(asked):
    app = AppTest.from_function(page, default_timeout=60).run()
    assert asked == [] and "recorded in the log of access" in app.caption[0].value
    app.button(key="glass_1_label").click().run()
    assert asked == ["label"] and len(app.image) == 1
    app.run()
    assert asked == ["label"] and not app.image
