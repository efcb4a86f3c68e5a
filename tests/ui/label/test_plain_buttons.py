"""Grading with plain widgets: the patch that was on the screen gets the grades, or none does."""

from io import BytesIO

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelAct
from ui.label import plain_buttons
from ui.shell import session


@pytest.fixture
def lab(lab, monkeypatch):
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    lab.slides.pictures.patch_jpeg = lambda patch_id, px: picture.getvalue()
    for module in (plain_buttons, session):
        monkeypatch.setattr(module, "lab", lambda: lab)
    return lab


@pytest.fixture
def app(lab, view):
    app = AppTest.from_function(page, default_timeout=60, args=(view.id,)).run()
    assert not app.exception
    return app


def page(session_id):
    from ui.label import plain_buttons as parts
    from ui.label.plain_buttons import plain_buttons

    lab = parts.lab()
    plain_buttons(lab.readers.get(1), lab.labels.sessions.get(session_id))


def due(lab, view) -> int:
    progress = lab.labels.sessions.progress(view.id)
    return lab.labels.sessions.queue(view.id, progress.resume_at, 1)[0].patch_id


def test_the_grades_go_to_the_patch_that_was_shown_and_the_next_is_asked_for(app, lab, view, label_bench):
    first = due(lab, view)
    app.radio(key=f"plain_ballooning_{first}").set_value(2)
    app.radio(key=f"plain_steatosis_{first}").set_value(1)
    app.button(key=f"plain_save_{first}").click().run()
    assert not app.exception and not app.error and not app.warning
    (label,) = lab.labels.current(label_bench.project)
    assert (label.patch_id, label.session_id, label.reader_id) == (first, view.id, 1)
    assert label.grades == Grades(ballooning=2, steatosis=1)
    second = due(lab, view)
    assert second != first and app.radio(key=f"plain_steatosis_{second}").value is None
    assert app.caption[-1].value == "1 of 10"


def test_an_ignored_patch_has_no_grades(app, lab, view, label_bench):
    first = due(lab, view)
    app.radio(key=f"plain_steatosis_{first}").set_value(3)
    app.checkbox(key=f"plain_ignore_{first}").set_value(True)
    app.button(key=f"plain_save_{first}").click().run()
    (label,) = lab.labels.current(label_bench.project)
    assert label.ignored and not label.grades.any_known


def test_grades_of_a_patch_that_was_graded_elsewhere_meanwhile_are_not_taken(app, lab, view, label_bench):
    first = due(lab, view)
    lab.labels.acts.put(LabelAct("other-tab-0001", view.id, 1, first, grades={"steatosis": 0}))
    app.radio(key=f"plain_steatosis_{first}").set_value(3)
    app.button(key=f"plain_save_{first}").click().run()
    assert app.warning[0].value == plain_buttons.MOVED_ON
    (label,) = lab.labels.current(label_bench.project)
    assert label.grades["steatosis"] == 0


def test_a_finished_session_says_so(lab, view):
    for number, item in enumerate(lab.labels.sessions.queue(view.id)):
        lab.labels.acts.put(LabelAct(f"press-{number:08d}", view.id, 1, item.patch_id, grades={"steatosis": 0}))
    app = AppTest.from_function(page, default_timeout=60, args=(view.id,)).run()
    assert app.success[0].value == "All labelled: 10 patches." and not app.radio
