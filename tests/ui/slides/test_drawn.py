"""What was drawn: kept for whoever reads, said to be not kept where nobody does, listed, named and taken away."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.errors import LabError
from mmdnet.slides.drawing import Drawn
from mmdnet.workflows.slides.views import AnnotationView
from tests.ui.shell.test_words import slide
from ui.slides import drawn

MINE = [AnnotationView(7, Drawn("length", ((0, 0), (3, 4))), "*septum*", 2500.0, None)]


class Kept:
    """The lab's annotations, and what was asked of them."""

    def __init__(self):
        self.asked = []

    def add(self, *what):
        if what[2] == "circle":
            raise LabError("Nothing else can be drawn. Nothing was kept.")
        self.asked.append(("add", *what))

    def set_note(self, *what):
        self.asked.append(("note", *what))

    def remove(self, *what):
        self.asked.append(("remove", *what))

    def of_slide(self, slide_id, reader_id):
        return [(slide_id, reader_id)]


@pytest.fixture
def kept(monkeypatch):
    kept = Kept()
    monkeypatch.setattr(drawn, "lab", lambda: SimpleNamespace(slides=SimpleNamespace(annotations=kept)))
    monkeypatch.setattr(drawn, "reader_id", lambda: 5)
    return kept


def page() -> None:
    import streamlit as st

    from tests.ui.shell.test_words import slide
    from tests.ui.slides.test_drawn import MINE
    from ui.slides.drawn import keep, listed

    if "drawing" in st.session_state:
        keep(slide(id=4), *st.session_state.pop("drawing"))
    listed(slide(id=4), MINE)


def drawing(*what):
    app = AppTest.from_function(page, default_timeout=60)
    app.session_state["drawing"] = what
    app.run()
    assert not app.exception
    return app


def test_a_drawing_is_the_readers_own_to_name_and_to_take_away(kept):
    app = drawing("length", [[0, 0], [3, 4]])
    assert not app.info and "2.5 mm" in app.markdown[0].value
    app.text_input(key="note_7").set_value("portal tract").run()
    app.button(key="undraw_7").click().run()
    assert kept.asked == [
        ("add", 4, 5, "length", [[0, 0], [3, 4]]),
        ("note", 4, 5, 7, "portal tract"),
        ("remove", 4, 5, 7),
    ]


def test_why_a_drawing_is_not_kept_is_said(kept, monkeypatch):
    assert "Nothing else can be drawn" in drawing("circle", []).info[0].value
    monkeypatch.setattr(drawn, "reader_id", lambda: None)
    monkeypatch.setattr(drawn, "nobody_reads", lambda: "Who is reading?")
    assert "measured but not kept. Who is reading?" in drawing("length", [[0, 0], [3, 4]]).info[0].value
    assert kept.asked == [] and drawn.own_drawings(slide(id=4)) == []


def test_the_viewer_shows_them_with_their_measure_and_note(kept):
    (shape,) = drawn.shapes(MINE)
    assert (shape.kind, shape.words) == ("length", "*septum*: 2.5 mm")
    assert drawn.own_drawings(slide(id=4)) == [(4, 5)]
