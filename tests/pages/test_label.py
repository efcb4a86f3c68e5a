"""The Label page: who is asked what before the canvas shows, whose session is whose, and its two options."""

import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelAct, QueueChoice
from ui.label.summary import JUDGEABLE

CANVAS = "bidi_component"


def has_canvas(app) -> bool:
    return any(element.proto.component_name.endswith("label_canvas") for element in app.get(CANVAS))


def test_nobody_labels_without_a_name_and_it_can_be_said_on_the_page(filled, filled_home, said):
    app = filled("label", reader_id=None)
    assert "Who is reading? Choose or type your name: what" in said(app) and not has_canvas(app)
    app.selectbox(key="pick_reader_here").set_value(filled_home.lab.readers.get(filled_home.reader).name).run()
    assert app.session_state["reader_id"] == filled_home.reader
    assert "Who is reading?" not in said(app) and not app.exception


def test_a_new_reader_chooses_patches_and_then_has_the_canvas(filled, filled_home):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    app.number_input(key="session_per_slide").set_value(2)
    app.button(key="start_session").click().run()
    assert not app.exception and not app.error
    (view,) = filled_home.lab.labels.sessions.of_project(filled_home.project, ben)
    assert view.patches == 6
    assert has_canvas(app)


def test_a_session_without_patches_left_is_refused_in_words(filled, said):
    app = filled("label")
    assert "No patches left" in said(app)
    assert app.button(key="start_session").disabled


def test_the_form_says_how_many_patches_and_then_how_long(filled, filled_home, said):
    lab, project = filled_home.lab, filled_home.project
    fay = lab.readers.ensure("Fay").id
    app = filled("label", reader_id=fay)
    assert "session_audit" not in {box.key for box in app.number_input}, "all of a random plan is drawn at random"
    app.segmented_control(key="session_way").set_value("In all").run()
    app.number_input(key="session_total").set_value(10)
    app.selectbox(key="session_plan").set_value("stratified").run()
    assert "**10 patches**: 8 by the plan, 2 drawn at random" in said(app)
    assert app.number_input(key="session_audit").value == 20
    assert "once you have graded five" in said(app)
    view = lab.labels.sessions.create(project, fay, "Pace", QueueChoice(filled_home.slides, 2))
    for n, item in enumerate(lab.labels.sessions.queue(view.id)):
        act = LabelAct(f"pace-{n:05d}", view.id, fay, item.patch_id, grades={"steatosis": 0}, took_ms=6000)
        lab.labels.acts.put(act)
    assert lab.labels.sessions.preview(project, fay, QueueChoice(filled_home.slides, total=10)).minutes == 1


def test_a_plan_that_follows_a_model_says_which_or_that_it_begins_at_random(filled, filled_home, said):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    app.segmented_control(key="session_which").set_value("Some of them").run()
    app.multiselect(key="session_slides").set_value(filled_home.slides[1:])
    app.selectbox(key="session_plan").set_value("uncertain").run()
    assert "asks at random until one has learnt" in said(app)
    app.multiselect(key="session_slides").set_value(filled_home.slides).run()
    assert "scored 1 of 3 slides" in said(app)
    app.button(key="start_session").click().run()
    assert not app.exception and not app.error and has_canvas(app)


def test_a_quota_slide_by_slide_begins_with_a_dozen_each(filled, filled_home):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    app.segmented_control(key="session_way").set_value("Slide by slide").run()
    app.button(key="start_session").click().run()
    assert not app.exception and not app.error
    (view,) = filled_home.lab.labels.sessions.of_project(filled_home.project, ben)
    usable = {slide.id: slide.usable for slide in filled_home.lab.slides.list(filled_home.project)}
    assert view.plan.per_slide == {key: min(12, usable[key]) for key in filled_home.slides}


def test_a_link_to_anothers_session_opens_ones_own(filled, filled_home):
    lab, project = filled_home.lab, filled_home.project
    ada, cleo = filled_home.reader, lab.readers.ensure("Cleo").id
    patch = lab.slides.patches(filled_home.slides[0])[0].id
    theirs = lab.labels.sessions.create(project, cleo, "Hers", QueueChoice(filled_home.slides, 1))
    lab.labels.sessions.queue_region(project, ada, [patch])
    app = filled("label", {"project": str(project), "session": str(theirs.id)})
    assert "another reader" in app.warning[0].value
    assert app.selectbox(key="pick_session").value != theirs.id


def test_how_many_labels_are_enough_is_drawn_where_one_chooses(filled, filled_home, said):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    assert not app.exception
    assert any(box.label == "How many labels are enough?" for box in app.expander) and not app.multiselect
    app = filled("label", reader_id=ben, label_efficiency_fold=True)
    assert "of the labels that random choice needs" in said(app)
    app.selectbox(key="efficiency_task").set_value("ballooning").run()
    app.multiselect(key="efficiency_plans").set_value([]).run()
    assert not app.exception


@pytest.fixture
def ben(filled_home):
    """A reader with a session of six patches per scored and unscored slide."""
    lab = filled_home.lab
    reader = lab.readers.ensure("Ben").id
    return reader, lab.labels.sessions.create(filled_home.project, reader, "His", QueueChoice(filled_home.slides, 6))


def plain(filled, reader):
    app = filled("label", reader_id=reader)
    app.toggle(key="plain").set_value(True).run()
    assert not app.exception and not app.error and not has_canvas(app)
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
    assert (label.patch_id, label.grades) == (first, Grades(ballooning=2, steatosis=1))
    app.checkbox(key=f"plain_ignore_{second}").set_value(True)
    app.button(key=f"plain_save_{second}").click().run()
    assert [label.ignored for label in labels.current(filled_home.project, reader)] == [False, True]


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


def test_the_first_question_stands_beside_what_was_learnt_until_the_session_is_finished(filled, filled_home, said, ben):
    labels, (reader, view) = filled_home.lab.labels, ben

    def label(item):
        key = f"press-{item.position:03d}"
        labels.acts.put(LabelAct(key, view.id, reader, item.patch_id, grades={"steatosis": 1}, took_ms=900))

    *others, last = labels.sessions.queue(view.id)
    for item in others:
        label(item)
    text = said(filled("label", reader_id=reader))
    assert "Can the grades be told on such small patches?" in text
    assert "Learns with you" in text, "a question that nobody answers hides nothing"
    label(last)
    text = said(filled("label", reader_id=reader))
    assert "Finished." in text and "slides graded" not in text
    labels.sessions.create(filled_home.project, reader, "Next", QueueChoice(filled_home.slides, 1, seed=3))
    app = filled("label", reader_id=reader)
    app.button(key="judgeable_yes").click().run()
    assert "Learns with you" in said(app)
    next(known for known in app.radio if known.label == JUDGEABLE).set_value("No").run()
    assert "You said that these patches cannot be judged" in said(app), "another answer is taken later"


def test_the_form_of_a_new_session_stays_while_the_page_draws_itself_anew_and_goes_once_it_is_made(filled, filled_home):
    ben = filled_home.lab.readers.ensure("Ben").id
    filled_home.lab.labels.sessions.create(1, ben, "First", QueueChoice(filled_home.slides[:1], 1))
    app = filled("label", reader_id=ben)
    next(known for known in app.button if known.label == "New session").click().run()
    app.number_input(key="session_per_slide").set_value(2).run()
    app.run()  # as when a job in the background ends
    assert app.number_input(key="session_per_slide").value == 2
    app.button(key="start_session").click().run()
    assert len(filled_home.lab.labels.sessions.of_project(1, ben)) == 2
    assert not [known for known in app.number_input if known.key == "session_per_slide"]


def test_all_slides_are_those_that_come_in_too_and_some_are_chosen_by_name(filled, filled_home, said):
    ben = filled_home.lab.readers.ensure("Ben").id
    app = filled("label", reader_id=ben)
    assert "session_slides" not in {box.key for box in app.multiselect} and "**24 patches**" in said(app)
    app.segmented_control(key="session_which").set_value("Some of them").run()
    assert app.multiselect(key="session_slides").value == filled_home.slides, "few enough to leave some out"
    app.multiselect(key="session_slides").set_value(filled_home.slides[:1]).run()
    app.run()
    assert app.multiselect(key="session_slides").value == filled_home.slides[:1] and "**9 patches**" in said(app)
