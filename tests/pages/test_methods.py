"""The Methods page: what is missing is said, a comparison is queued, a result is read and taken along."""

import pytest

from mmdnet.files import write_aside
from mmdnet.workflows.job_specs import FieldSpec
from tests.mmdnet.experiments.field.made import made_result


@pytest.fixture
def compared(filled_home, tmp_path_factory):
    """A finished comparison, of two seeds of five methods on made numbers."""
    result = made_result(tmp_path_factory.mktemp("field"))
    lab = filled_home.lab
    job = lab.jobs.submit(
        "Compare *5* methods", FieldSpec(project_id=filled_home.project, frozen="x"), filled_home.project
    )
    named = result.model_copy(update={"data": "**made** <b> patches"})
    write_aside(lab.settings.folder("evaluations") / f"{job}.json", named.model_dump_json())
    return job


def button(app, label):
    return next(known for known in app.button if known.label == label)


def test_too_few_patients_are_refused_by_a_sentence_and_nothing_is_queued(filled_home, filled):
    app = filled("methods")
    app.number_input(key="field_folds").set_value(20).run()
    button(app, "Compare methods").click().run()
    assert "20 folds cannot be made" in app.error[0].value
    assert not app.exception
    assert not [job for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "field"]


def test_the_papers_split_is_warned_of_before_it_is_made(filled):
    app = filled("methods")
    assert not app.warning
    app.selectbox(key="field_way").set_value("bags").run()
    assert "These figures are too high" in app.warning[0].value


def test_what_stands_in_the_rows_says_what_is_asked_for(filled_home, filled):
    app = filled("methods")
    app.segmented_control(key="field_rows").set_value("slides").run()
    assert app.selectbox(key="field_way").options == ["every patient once, in folds"]
    app.segmented_control(key="field_rows").set_value("backbones").run()
    assert app.selectbox(key="field_head").value == "mmd-net"
    app.number_input(key="field_folds").set_value(20).run()
    button(app, "Compare backbones").click().run()
    assert "20 folds cannot be made" in app.error[0].value
    for rows, label, methods in (("alpha", "Compare strengths", 4), ("ablation", "Compare methods", 0)):
        app.segmented_control(key="field_rows").set_value(rows).run()
        assert [len(choice.options) for choice in app.selectbox if choice.key == "field_head"] == [methods] * bool(
            methods
        )
        app.selectbox(key="field_way").set_value("folds").run()
        app.number_input(key="field_folds").set_value(20).run()
        button(app, label).click().run()
        assert "20 folds cannot be made" in app.error[0].value
    assert not app.exception
    assert not [job for job in filled_home.lab.jobs.list(filled_home.project) if job.kind == "field"]


def test_a_result_has_its_tables_figures_files_and_the_text_of_its_data_as_it_is(compared, filled, said):
    app = filled("methods")
    assert not app.exception
    words = said(app)
    assert "\\*\\*made\\*\\*" in words
    first = app.dataframe[0].value
    assert len(first) == 5
    assert "MMD-Net ahead" in first.columns
    assert {known.label for known in app.get("download_button")} >= {"Figures, CSV", "Markdown", "LaTeX", "JSON"}
    app.selectbox(key="field_method").set_value("abmil").run()
    assert not app.exception
