"""The Evaluate page: what is missing is said with the next step, a model is judged, a result is read and taken along."""

import pytest

from db import event_log, slide_readings
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import Apart
from mmdnet.files import write_aside
from mmdnet.labels.grading import Grades
from mmdnet.workflows.job_specs import EvaluateSpec
from tests.mmdnet.evaluation.crafted import case


def button(app, label):
    return next(known for known in app.button if known.label == label)


@pytest.fixture
def graded(filled_home):
    """The filled lab with a blind reading of each slide."""
    for number, slide in enumerate(filled_home.slides):
        with event_log.appending(filled_home.lab.db) as session:
            grades = Grades(ballooning=number % 3, inflammation=number, steatosis=number)
            slide_readings.put(session, slide, filled_home.reader, "grade", grades)
    return filled_home


@pytest.fixture
def judged(graded):
    """A finished evaluation whose slides are of two sites, one with a name that means something to Markdown."""
    cases = [
        case(
            graded.slides[k % 3],
            (k % 3, k % 4, k % 4),
            (k % 3, (k + k // 5) % 4, k % 4),
            f"P{k}",
            site="*South*" if k % 2 else "N",
        )
        for k in range(8)
    ]
    apart = Apart(learnt_from=("a",), without_truth=1)
    lab = graded.lab
    job = lab.jobs.submit("Evaluate First", EvaluateSpec(project_id=graded.project, model_id=1), graded.project)
    write_aside(
        lab.settings.folder("evaluations") / f"{job}.json",
        evaluate(cases, "First <b>", "density", apart, resamples=50).model_dump_json(),
    )
    return job


def test_without_true_grades_the_page_says_what_to_do(filled, said):
    app = filled("evaluate")
    assert "No slide of this project has a true grade yet" in said(app)
    assert not app.button or all(known.key != "evaluate_start" for known in app.button)


def test_a_signature_with_the_report_in_view_is_no_true_grade_and_the_page_says_so(filled, filled_home, said):
    lab, who = filled_home.lab, filled_home.reader
    lab.reports.sign(filled_home.score, who, {"steatosis": 2, "inflammation": 1, "ballooning": 0})
    assert "1 slide signed or graded with those in view does not count here" in said(filled("evaluate"))


def test_a_model_that_learnt_from_every_graded_slide_cannot_be_judged_and_says_so(graded, filled, said):
    app = filled("evaluate")
    assert "3 graded slides" in said(app)
    assert "learnt from, or was calibrated on, every slide" in said(app)
    assert button(app, "Evaluate this model").disabled


def test_a_model_from_elsewhere_is_queued_with_its_rule(graded, filled):
    shipped = graded.lab.models.shipped()
    app = filled("evaluate")
    app.selectbox(key="evaluate_model").set_value(shipped).run()
    app.selectbox(key="evaluate_rule").set_value("max").run()
    button(app, "Evaluate this model").click().run()
    assert not app.error and not app.exception
    (job,) = [queued for queued in graded.lab.jobs.list(graded.project) if queued.kind == "evaluate"]
    assert job.status == "queued"


def test_folds_that_cannot_be_made_are_refused_in_a_sentence(graded, filled):
    app = filled("evaluate")
    button(app, "Cross-validate").click().run()
    assert "5 folds cannot be made of 3 patients" in app.error[0].value
    assert not [queued for queued in graded.lab.jobs.list(graded.project) if queued.kind == "cross_validate"]


def test_a_result_shows_the_worst_part_first_and_every_figure_and_file(judged, filled, said):
    app = filled("evaluate")
    assert not app.exception
    text = said(app)
    assert "Worst site" in text and "\\*South\\*" in text
    titles = [header.value for header in app.header]
    assert any("First" in title and "<b>" not in title.replace("\\<b\\>", "") for title in titles)
    keys = {element.key for element in app.get("plotly_chart")}
    assert len(app.get("plotly_chart")) >= 8 or keys
    assert len(app.get("download_button")) == 5
    slides = next(frame.value for frame in app.dataframe if "Patient" in frame.value.columns)
    assert slides["Lobular inflammation"].iloc[0].count("→") == 1 and len(slides) == 8
    assert "1 slide kept apart" in text or any("Kept apart" in known.label for known in app.expander)


def test_a_damaged_result_is_a_sentence(judged, graded, filled):
    write_aside(graded.lab.settings.folder("evaluations") / f"{judged}.json", "{}")
    assert "damaged or of another version" in filled("evaluate").error[0].value
