"""The list of one's own labels: filtered, opened in its session, changed."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.label_bench import act
from ui.label import own_labels
from ui.shell import session


@pytest.fixture
def lab(lab, monkeypatch):
    for module in (own_labels, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    monkeypatch.setattr(own_labels.st, "image", lambda *given, **facts: None)
    monkeypatch.setattr(own_labels, "patch_jpeg", lambda *given: b"")
    return lab


def page():
    from types import SimpleNamespace

    from ui.label.own_labels import own_labels

    own_labels(SimpleNamespace(id=1), SimpleNamespace(id=1))


@pytest.fixture
def app(lab, label_bench, view):
    for number, item in enumerate(lab.labels.sessions.queue(view.id)[:3]):
        lab.labels.acts.put(act(label_bench, view, item, number, flagged=number == 1))
    return AppTest.from_function(page, default_timeout=60).run()


def tiles(app):
    return [button.key for button in app.button]


def test_labels_are_listed_and_filtered(app, lab, view):
    items = lab.labels.sessions.queue(view.id)[:3]
    assert not app.exception and app.caption[0].value == "3 labels."
    assert tiles(app) == [f"own_{item.patch_id}" for item in reversed(items)]
    app.segmented_control(key="own_which").set_value("Flagged").run()
    assert tiles(app) == [f"own_{items[1].patch_id}"]
    app.segmented_control(key="own_which").set_value("All").run()
    app.selectbox(key="own_grade").set_value("Steatosis 0").run()
    assert tiles(app) == [] and app.caption[0].value == "0 labels."


def test_a_label_is_changed_here_or_opened_where_it_was_given(app, lab, view):
    item = lab.labels.sessions.queue(view.id)[0]
    app.button(key=f"own_{item.patch_id}").click().run()
    assert not app.exception
    app.segmented_control(key=f"own_steatosis_{item.patch_id}").set_value(1)
    app.button(key="own_save").click().run()
    assert lab.labels.sessions.queue(view.id)[0].own.grades["steatosis"] == 1
    app.button(key=f"own_{item.patch_id}").click().run()
    app.button(key="own_open").click().run()
    jump = app.session_state["jump"]
    assert (jump["session"], jump["position"]) == (view.id, 0) and app.session_state["at_session"] == view.id
