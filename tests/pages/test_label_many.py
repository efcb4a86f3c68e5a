"""The Label many page: who reads is asked first, grades go into the reader's own session, the map is made on demand."""

import json


def planes(app):
    return [e.proto for e in app.get("bidi_component") if e.proto.component_name.endswith("label_many")]


def test_without_patches_it_says_how_to_begin(empty):
    app = empty("overview")
    app.text_input[0].set_value("Cohort")
    app.button[0].click().run()
    app.switch_page("pages/label_many.py").run()
    assert "No patches yet" in app.info[0].value and not planes(app)


def test_a_page_without_a_reader_asks_who_reads(filled):
    app = filled("label_many", reader_id=None)
    assert "Who is reading?" in app.info[0].value and not planes(app)


def test_grades_go_into_the_readers_own_session(filled, filled_home, said):
    app = filled("label_many")
    (drawn,) = planes(app)
    view = filled_home.lab.labels.sessions.get(json.loads(drawn.json)["session"])
    assert view.reader_id == filled_home.reader
    assert f"Grades go into **{view.name}**" in said(app)


def test_the_map_is_made_in_the_background(filled, filled_home, said):
    app = filled("label_many")
    app.button(key="make_map").click().run()
    assert [job.kind for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "map"] == ["map"]
    assert "The tissue map is being made" in said(app)


def test_a_visit_leaves_no_empty_session_to_the_reader_and_grades_have_one_all_the_same(filled, filled_home, said):
    lab, project = filled_home.lab, filled_home.project
    ben = lab.readers.ensure("Ben").id
    app = filled("label_many", reader_id=ben)
    assert "Grades go into **Many at once**" in said(app)
    assert lab.labels.sessions.of_project(project, ben) == [] and "session" not in app.query_params
    app.switch_page("pages/label.py").run()
    assert not app.warning and "Choose what you will grade" in said(app)
    assert lab.labels.bulk.session(project, ben) == lab.labels.bulk.session(project, ben)
