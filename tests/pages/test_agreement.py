"""The Agreement page: what it compares, what a link shows, what each reader may see, files and record."""

from dataclasses import asdict

import pytest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.labelling.views import LabelAct, PatchGrades, QueueChoice

PART = "part"


def button(app, label):
    return next(element for element in app.button if element.label == label)


@pytest.fixture
def second_reader(filled_home):
    """Dora grades all patches of the first slide, differing from Ada on some."""
    lab, project = filled_home.lab, filled_home.project
    dora = lab.readers.ensure("Dora").id
    patches = lab.slides.patches(filled_home.slides[0])
    lab.labels.acts.put_many(
        project, dora, [PatchGrades(patch.id, Grades(steatosis=n % 4)) for n, patch in enumerate(patches)]
    )
    return dora


def test_a_project_of_one_reader_says_what_to_do_next(filled, said):
    app = filled("agreement", {"project": "1"})
    assert not app.exception and not app.error
    assert "Only Ada graded patches" in said(app) and "begin second reads under Read again" in said(app)
    assert "18 labels are not held against the model" in said(app), "all lie on slides it has learnt from"


def test_two_readers_are_shown_as_a_picture_with_every_coefficient(filled, second_reader, said):
    app = filled("agreement")
    assert not app.exception and not app.error
    assert [kind in said(app) for kind in ("mmd-kappas", "mmd-matrix")] == [True, True]
    table = app.dataframe[0].value
    assert table["Coefficient"].tolist() == [
        "Cohen's κ, quadratic", "Cohen's κ, linear", "Cohen's κ, plain", "Fleiss' κ", "Krippendorff's α, ordinal",
        "Krippendorff's α, nominal", "Gwet's AC1, plain", "Gwet's AC2, quadratic",
    ]  # fmt: skip
    assert "Kleiner et al., Hepatology 2005" in said(app) and "another unit" in said(app)


def test_a_link_shows_one_comparison_and_feature(filled, filled_home, second_reader, said):
    key = f"readers-{filled_home.reader}-{second_reader}"
    app = filled("agreement", {"project": "1", "compare": key, "feature": "steatosis"})
    assert (app.session_state["compare"], app.session_state["feature"]) == (key, "steatosis")
    assert app.selectbox(key="compare").value == key
    app = filled("agreement", {"project": "1", "compare": "readers-7-9", "feature": "colour"})
    assert not app.exception and "no patch in common" in said(app)


def test_the_choice_is_written_into_the_address(filled, filled_home, second_reader):
    app = filled("agreement")
    app.segmented_control(key="feature").set_value("inflammation").run()
    assert app.query_params["feature"] == "inflammation"
    assert not app.exception


def test_the_patches_behind_a_difference_are_shown_to_who_graded_them(filled, filled_home, second_reader, said):
    link = {"project": "1", "compare": f"readers-{filled_home.reader}-{second_reader}", "feature": "steatosis"}
    app = filled("agreement", link)
    assert len(app.get("image")) == 2
    eve = filled_home.lab.readers.ensure("Eve").id
    app = filled("agreement", link, reader_id=eve)
    assert not app.get("image")
    assert "not shown: you have not graded them yet" in said(app)
    app = filled("agreement", link, reader_id=None)
    assert not app.get("image") and "Who is reading? Choose" in said(app)


def test_second_reads_begin_on_the_page_and_are_gone_on_with(filled, filled_home, said):
    eve = filled_home.lab.readers.ensure("Eve").id
    app = filled("agreement", {"project": "1", PART: "Read again"}, reader_id=eve)
    app.button(key="review_second").click().run()
    assert not app.exception and not app.error
    (view,) = filled_home.lab.labels.sessions.of_project(filled_home.project, eve)
    assert view.kind == "second"
    app = filled("agreement", {"project": "1", PART: "Read again"}, reader_id=eve)
    assert app.button(key="review_second").label == "Go on"
    assert app.button(key="review_repeat").disabled and app.button(key="review_adjudication").disabled


def test_the_projects_rule_is_chosen_here_and_trainings_keep_it(filled, filled_home):
    app = filled("agreement", {"project": "1", PART: "Read again"})
    next(box for box in app.selectbox if box.label.startswith("Where readers differ")).set_value("majority").run()
    app.button(key="set_rule").click().run()
    assert not app.exception
    rule = filled_home.lab.labels.consensus.rule(filled_home.project)
    assert (rule.rule, rule.set_by) == ("majority", "Ada")
    assert filled_home.lab.labels.consensus.label_set(filled_home.project).rule == "majority"


def import_page(filled, **more):
    return filled("agreement", {"project": "1", PART: "Files"}, **more)


def test_a_bad_file_is_told_line_by_line_and_its_good_rows_only_on_request(filled, filled_home):
    lab, project = filled_home.lab, filled_home.project
    slide = lab.slides.get(filled_home.slides[0])
    patches = lab.slides.patches(slide.id)
    good, bad = patches[0], patches[1]
    data = (
        "slide,x_px0,y_px0,reader,steatosis,remark\n"
        f"{slide.name},{good.x_px0},{good.y_px0},Eve,1,x\n{slide.name},{bad.x_px0},{bad.y_px0},Eve,9,x\n"
    )
    app = import_page(filled)
    app.get("file_uploader")[0].upload("labels.csv", data.encode(), "text/csv").run()
    assert not app.exception
    assert "1 line cannot be used" in app.error[0].value
    assert app.dataframe[-1].value["What is wrong"].tolist() == ["has steatosis 9; the scale is 0 to 3"]
    assert lab.labels.counts(project).readers == 1
    button(app, "Import the good rows only").click().run()
    assert not app.exception and lab.labels.counts(project).readers == 2


def test_files_leave_out_what_the_reader_may_not_see(filled, filled_home, said):
    app = import_page(filled, reader_id=filled_home.lab.readers.ensure("Eve").id)
    assert "no labels you may see yet" in said(app)
    assert not app.get("download_button")
    assert import_page(filled).get("download_button")


def test_the_record_says_that_it_is_whole_and_names_the_act_that_is_not(filled, filled_home, said):
    app = filled("agreement", {"project": "1", PART: "Record"})
    assert "as they were written" in app.success[0].value
    from sqlalchemy import text

    with filled_home.lab.db.begin() as session:
        session.execute(text("DROP TRIGGER label_events_no_update"))
        session.execute(text("UPDATE label_events SET steatosis = 0 WHERE id = 3 AND steatosis <> 0"))
        session.execute(text("UPDATE label_events SET steatosis = 1 WHERE id = 3 AND steatosis = 0"))
    app.button(key="check_record").click().run()
    assert "Act 3 (bulk by Ada on slide_0.png at " in app.error[0].value and "is wrong" in app.error[0].value


def test_how_far_readers_lean_is_told_of_those_who_were_shown_a_wrong_grade(filled, filled_home, monkeypatch):
    monkeypatch.setattr("mmdnet.labels.suggestions.PLANTED_SHARE", 0.5)  # the first of the queue, and no other
    labels, ben = filled_home.lab.labels, filled_home.lab.readers.ensure("Ben").id
    choice = QueueChoice(filled_home.slides[:1], 6, audit_share=0.0)
    view = labels.sessions.create(filled_home.project, ben, "His", choice)
    labels.suggestions.switch(view.id, ben, on=True)
    for number, (patch, hint) in enumerate(labels.suggestions.of_queue(view.id, 0, 99).items()):
        shown = {"suggestion": asdict(hint)}
        labels.acts.put(LabelAct(f"press-{number:08d}", view.id, ben, patch, grades=hint.grades, shown=shown))
    app = filled("agreement", reader_id=ben)
    assert not app.exception and not app.error
    table = next(table.value for table in app.dataframe if "Wrong ones shown" in table.value)
    assert table[["Reader", "Wrong ones shown", "Taken"]].values.tolist() == [["Ben", 1, 1]]
