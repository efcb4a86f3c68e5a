"""What surrounds the canvas: which session it is, the options, and the way to grade where it cannot run."""

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import PatchGrades
from ui.label import labelling, summary
from ui.shell import session


@pytest.fixture
def lab(lab, monkeypatch):
    for module in (labelling, summary, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    return lab


@pytest.fixture
def canvases(monkeypatch):
    """What the canvas was drawn with, one entry per run."""
    drawn: list[SimpleNamespace] = []

    def canvas(session_id, token, **facts):
        drawn.append(SimpleNamespace(id=session_id, **facts))
        return {}

    monkeypatch.setattr(labelling, "canvas", canvas)
    monkeypatch.setattr(labelling, "plain_buttons", lambda reader, view: drawn.append(SimpleNamespace(plain=view.id)))
    return drawn


def bar(session_id):
    from types import SimpleNamespace

    from ui.label import labelling as parts

    sessions = parts.lab().labels.sessions
    known = sessions.of_project(1, 1)
    ended = parts.session_bar(SimpleNamespace(id=1), SimpleNamespace(id=1), known, sessions.get(session_id))
    if ended is not None:
        parts.way_on(SimpleNamespace(id=1), *ended)


def work(session_id):
    from types import SimpleNamespace

    from ui.label import labelling as parts

    view = parts.lab().labels.sessions.get(session_id)
    parts.draw_canvas(SimpleNamespace(id=1), SimpleNamespace(id=1), view)


def test_the_sessions_of_the_reader_are_offered_and_another_goes_into_the_address(lab, label_bench):
    first, second = label_bench.session(), label_bench.session(name="Second")
    app = AppTest.from_function(bar, default_timeout=60, args=(first.id,)).run()
    assert not app.exception
    box = app.selectbox(key="pick_session")
    assert (box.value, box.options) == (first.id, ["Second · 10 patches", "First · 10 patches"])
    box.set_value(second.id).run()
    assert app.session_state["at_session"] == second.id


def test_only_a_finished_session_offers_the_training_and_less_loudly_where_its_model_could_not_be_judged(
    lab, label_bench, view
):
    words, told = "Train the network", SimpleNamespace(ready=True, sentence="40 labelled patches.", unjudged="")
    lab.training = SimpleNamespace(readiness=lambda project_id, choices: told)

    def drawn():
        return AppTest.from_function(bar, default_timeout=60, args=(view.id,)).run()

    assert words not in [button.label for button in drawn().button]
    graded = [PatchGrades(item.patch_id, Grades(steatosis=1)) for item in lab.labels.sessions.queue(view.id)]
    lab.labels.acts.put_many(label_bench.project, 1, graded, view.id)
    app = drawn()
    assert {button.label: button.proto.type for button in app.button}[words] == "primary"
    assert app.selectbox(key="pick_session").options == ["First · 10 patches, finished"]
    told.unjudged = "no patient is left to judge it by."
    app = drawn()
    assert {button.label: button.proto.type for button in app.button}[words] == "secondary"
    assert "Before a training: no patient is left to judge it by." in [caption.value for caption in app.caption]
    told.ready, told.unjudged = False, ""
    assert words not in [button.label for button in drawn().button]


def test_suggestions_cannot_be_switched_on_before_a_model_has_scored_and_the_sentence_says_why(lab, view):
    app = AppTest.from_function(bar, default_timeout=60, args=(view.id,)).run()
    toggle = app.toggle(key=f"suggest_{view.id}")
    assert toggle.disabled and not toggle.value
    assert any("No model knows these slides well enough yet" in caption.value for caption in app.caption)


def test_the_canvas_is_drawn_with_the_readers_keys_and_what_the_session_shows(lab, view, canvases):
    app = AppTest.from_function(work, default_timeout=60, args=(view.id,)).run()
    assert not app.exception
    (drawn,) = canvases
    assert (drawn.id, drawn.keys) == (view.id, lab.readers.keys(1))
    assert (drawn.suggestions, drawn.heard, drawn.finished) == (False, False, False)
    drawn.on_started()
    app.session_state["canvas_runs"] = True
    app.run()
    assert canvases[-1].heard


def test_a_canvas_that_does_not_start_gives_way_to_plain_buttons(lab, view, canvases, monkeypatch):
    app = AppTest.from_function(work, default_timeout=60, args=(view.id,)).run()
    assert not app.warning
    monkeypatch.setattr(labelling, "STARTS_WITHIN_S", 0.0)
    app.run()
    assert app.warning[0].value.startswith("The canvas has not started in this browser.")
    app.button(key="use_plain").click().run()
    assert canvases[-1].plain == view.id


def test_a_place_asked_for_opens_the_slide_over_the_canvas_with_nothing_measured_on_it(lab, view, monkeypatch):
    zoomed, place = [], {"slide": 2, "patch": 31}

    def asks(*_, key, on_place, **__):
        if place:
            st.session_state[key] = SimpleNamespace(place=dict(place))
            on_place()

    monkeypatch.setattr(labelling, "canvas", asks)
    monkeypatch.setattr(lab.slides, "get", lambda slide_id: SimpleNamespace(id=slide_id), raising=False)
    monkeypatch.setattr(lab.slides, "patches", lambda slide_id: [], raising=False)
    monkeypatch.setattr(labelling, "deep_zoom", lambda slide, patches, **facts: zoomed.append((slide.id, facts)))
    app = AppTest.from_function(work, default_timeout=60, args=(view.id,)).run()
    assert not app.exception and (app.session_state["at_slide"], app.session_state["at_patch"]) == (2, 31)
    place.clear()
    app.session_state["at_patch"] = 32
    app.query_params.clear()  # as at each run: the page's own address names neither
    app.run()
    assert app.session_state["at_patch"] == 32, "a rerun leaves it open, at what was chosen in it"
    assert app.query_params == {"slide": "2", "patch": "32"}
    ((slide_id, facts), _) = zoomed
    assert slide_id == 2 and [layer.id for layer in facts["layers"]] == ["tissue"]
    assert "not shown while you label" in app.caption[-1].value
    labelling._zoom_closed()
