"""A model is judged on graded slides it did not learn from; everything else is kept apart, counted and said."""

import pytest

from db.models import Job, Model
from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.job_specs import EvaluateSpec
from tests.mmdnet.workflows.evaluation.conftest import give
from tests.small_lab import draw_tissue


def _claim(graded, **split):
    """Make the model one of this project that learnt from these slides."""
    with graded.lab.db.begin() as session:
        model = session.get(Model, graded.model)
        model.project_id, model.card = (
            graded.project,
            model.card | {"split": {"train": [], "validation": [], "test": []} | split},
        )


def test_a_models_slides_are_scored_judged_and_kept(graded, here):
    lab = graded.lab
    job = lab.evaluations.start(graded.project, graded.model)
    with lab.db() as session:
        row = session.get(Job, job)
    here.job_id = job
    run_job(row.kind, row.spec, here)
    judged = lab.evaluations.get(job)
    assert judged.slides == judged.patients == 4 and judged.scales["steatosis"].slides == 4
    assert {row.slide_id: row.truth["inflammation"] for row in judged.cases} == dict(
        zip(graded.slides, (0, 1, 3, 1), strict=True)
    )
    assert judged.rule == "density" and judged.apart.without_truth == 0
    assert [part.by for part in judged.breakdowns] == ["site"]
    assert [head.id for head in lab.evaluations.list(graded.project)] == [job]
    assert not lab.scoring.list(graded.project)  # no score of a slide is added for looking at a model
    assert here.told[-1][:2] == (1.0, "4 slides of 4 patients judged")


def test_what_was_scored_before_a_stop_is_not_scored_again(graded, here, monkeypatch):
    lab, scored = graded.lab, []
    real = lab.scoring.score_of

    def counted(model, card, slide, *rest):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(slide.id)
        return real(model, card, slide, *rest)

    monkeypatch.setattr(lab.scoring, "score_of", counted)
    with pytest.raises(KeyboardInterrupt):
        lab.evaluations.run(here, graded.project, graded.model)
    first, scored[:] = list(scored), []
    judged = lab.evaluations.run(here, graded.project, graded.model)
    assert judged.slides == 4 and not set(first) & set(scored) and len(scored) == 2


def test_slides_and_patients_a_model_learnt_from_are_kept_apart_and_counted(graded, here):
    lab = graded.lab
    again = lab.slides.register(
        graded.project,
        draw_tissue(here.settings.home / "again.png", 9, 700),
        StatedFacts(mpp=0.5, patient=" p 0", stain="H&E"),
    )[0].slide_id
    give(lab, again, graded.reader, (1, 1, 1))
    _claim(graded, train=graded.slides[:1], validation=graded.slides[1:2], test=graded.slides[2:3])
    plan = lab.evaluations.plan(graded.project, graded.model)
    assert plan.judged == graded.slides[2:]
    assert (len(plan.learnt_from), plan.of_learnt_patients, plan.notes) == (2, ["again.png"], [])
    judged = lab.evaluations.run(here, graded.project, graded.model)
    assert judged.slides == 2 and judged.apart.of_learnt_patients == ("again.png",)
    _claim(graded, train=graded.slides)
    with pytest.raises(LabError, match="learnt from, or was calibrated on, every slide"):
        lab.evaluations.start(graded.project, graded.model)
    assert len(lab.jobs.list(graded.project)) == 0
    with lab.db.begin() as session:
        model = session.get(Model, graded.model)
        model.project_id, model.card = None, model.card | {"calibration": {"slide_ids": graded.slides[:3]}}
    assert lab.evaluations.plan(graded.project, graded.model).judged == graded.slides[3:]


def test_grades_given_with_a_score_in_view_judge_no_model(graded):
    lab = graded.lab
    for slide in graded.slides:
        give(lab, slide, graded.reader, (1, 1, 1), act="clear")
        give(lab, slide, lab.readers.ensure("Ben").id, (1, 1, 1), act="sign")
    plan = lab.evaluations.plan(graded.project, graded.model)
    assert plan.not_blind == plan.without_truth == 4 and "no slide" in plan.problem.lower()
    assert any("such grades do not judge a model" in note for note in plan.notes)


def test_a_project_without_truth_is_told_what_to_do(graded):
    other = graded.lab.projects.create("Other").id
    with pytest.raises(LabError, match=r"No slide of this project has a true grade.*Grade slides"):
        graded.lab.evaluations.start(other, graded.model)
    with pytest.raises(LabError, match="no aggregation rule called 'guess'"):
        graded.lab.evaluations.start(graded.project, graded.model, "guess")
    assert not graded.lab.evaluations.list(graded.project)


def test_a_slide_of_another_scale_is_a_sentence_and_the_rest_goes_on(graded, here):
    lab = graded.lab
    coarse = lab.slides.register(
        graded.project,
        draw_tissue(here.settings.home / "odd.png", 8, 700),
        StatedFacts(mpp=0.5, patient="P8", stain="H&E"),
    )[0].slide_id
    unscaled = lab.slides.register(graded.project, draw_tissue(here.settings.home / "none.png", 7, 700))[0].slide_id
    with lab.db.begin() as session:
        from db.models import Slide

        session.get(Slide, coarse).patch_mpp = 1.0
    for slide in (coarse, unscaled):
        give(lab, slide, graded.reader, (1, 1, 1))
    judged = lab.evaluations.run(here, graded.project, graded.model)
    refused = dict(judged.apart.refused)
    assert judged.slides == 4 and set(refused) == {"odd.png", "none.png"}
    assert "µm/px" in refused["odd.png"] and "cannot be scored yet" in refused["none.png"]


def test_two_readers_of_the_same_slides_stand_beside_the_model(graded, here):
    ben = graded.lab.readers.ensure("Ben").id
    for slide, grades in zip(graded.slides, ((0, 0, 0), (1, 1, 1), (2, 2, 2), (0, 1, 3)), strict=True):
        give(graded.lab, slide, ben, grades)
    judged = graded.lab.evaluations.run(here, graded.project, graded.model)
    (pair,) = [pair for pair in judged.readers if pair.task == "inflammation"]
    assert {pair.first, pair.second} == {"Ada", "Ben"} and pair.kappa.n == 4


def test_an_evaluation_that_is_not_there_is_a_sentence(graded):
    with pytest.raises(LabError, match="no evaluation with the number"):
        graded.lab.evaluations.get("nowhere")
    job = graded.lab.jobs.submit("Evaluate", EvaluateSpec(project_id=graded.project, model_id=1), graded.project)
    with pytest.raises(LabError, match="not finished"):
        graded.lab.evaluations.get(job)
