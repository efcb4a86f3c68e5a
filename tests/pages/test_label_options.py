"""The Label page without its canvas, and with suggested grades."""

import pytest

from mmdnet.workflows.labelling.views import LabelAct, QueueChoice

CANVAS = "bidi_component"


@pytest.fixture
def ben(filled_home):
    """A reader with a session of six patches per scored and unscored slide."""
    lab = filled_home.lab
    reader = lab.readers.ensure("Ben").id
    return reader, lab.labels.sessions.create(filled_home.project, reader, "His", QueueChoice(filled_home.slides, 6))


def plain(filled, reader):
    app = filled("label", reader_id=reader)
    app.toggle(key="plain").set_value(True).run()
    assert not app.exception and not app.error and not app.get(CANVAS)
    return app


def give(app, patch, grades):
    for task, grade in grades.items():
        app.radio(key=f"plain_{task}_{patch}").set_value(grade)
    app.button(key=f"plain_save_{patch}").click().run()
    assert not app.exception and not app.error
    return app


def test_patches_can_be_graded_with_plain_buttons(filled, filled_home, ben):
    reader, view = ben
    labels = filled_home.lab.labels
    first, second = (item.patch_id for item in labels.sessions.queue(view.id)[:2])
    app = give(plain(filled, reader), first, {"ballooning": 2, "steatosis": 1})
    (label,) = labels.current(filled_home.project, reader)
    assert (label.patch_id, label.grades) == (first, {"ballooning": 2, "inflammation": None, "steatosis": 1})
    app.checkbox(key=f"plain_ignore_{second}").set_value(True)
    app.button(key=f"plain_save_{second}").click().run()
    assert [one.ignored for one in labels.current(filled_home.project, reader)] == [False, True]


def test_plain_grades_of_a_patch_that_is_no_longer_due_are_not_taken(filled, filled_home, ben):
    reader, view = ben
    labels = filled_home.lab.labels
    first = labels.sessions.queue(view.id)[0].patch_id
    app = plain(filled, reader)
    labels.acts.put(LabelAct("other-tab-0001", view.id, reader, first, grades={"steatosis": 0}))
    app.radio(key=f"plain_steatosis_{first}").set_value(3)
    app.button(key=f"plain_save_{first}").click().run()
    assert "not taken" in app.warning[0].value
    (label,) = labels.current(filled_home.project, reader)
    assert label.grades["steatosis"] == 0


def test_suggestions_are_switched_on_by_hand_and_for_this_session_only(filled, filled_home, ben):
    reader, view = ben
    lab = filled_home.lab
    other = lab.labels.sessions.create(filled_home.project, reader, "Other", QueueChoice(filled_home.slides, 1, seed=3))
    app = filled("label", {"project": str(filled_home.project), "session": str(view.id)}, reader_id=reader)
    assert not app.toggle(key=f"suggest_{view.id}").value
    app.toggle(key=f"suggest_{view.id}").set_value(True).run()
    assert not app.exception and not app.error
    assert lab.labels.suggestions.state(view.id).on and not lab.labels.suggestions.state(other.id).on
    assert lab.labels.suggestions.of_queue(view.id, 0, 99)


def test_how_far_readers_lean_stands_on_the_agreement_page(filled, filled_home, ben, monkeypatch):
    reader, view = ben
    lab = filled_home.lab
    lab.labels.suggestions.switch(view.id, reader, on=True)
    chosen = next(iter(lab.labels.suggestions.of_queue(view.id, 0, 99)))
    monkeypatch.setattr("mmdnet.labels.suggestions._drawn", lambda seed, patch: patch == chosen)
    for number, (patch, hint) in enumerate(lab.labels.suggestions.of_queue(view.id, 0, 99).items()):
        act = LabelAct(f"press-{number:08d}", view.id, reader, patch, grades=hint["grades"], shown={"suggestion": hint})
        lab.labels.acts.put(act)
    app = filled("agreement", reader_id=reader)
    assert not app.exception and not app.error
    table = next(table.value for table in app.dataframe if "Wrong ones shown" in table.value)
    assert table[["Reader", "Wrong ones shown", "Taken"]].values.tolist() == [["Ben", 1, 1]]
