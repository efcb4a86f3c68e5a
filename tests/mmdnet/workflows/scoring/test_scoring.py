"""What is refused before a scoring is queued, and what the queued job is told."""

import pytest

from db.models import Job, Run, Slide
from mmdnet.errors import LabError
from mmdnet.workflows.job_specs import ScoreSpec, TrainSpec
from mmdnet.workflows.scoring.scoring import SLIDES_A_JOB
from tests.small_lab import JobInProcess


def test_nothing_is_queued_for_no_slide_another_projects_slide_or_an_unknown_rule(scored):
    lab, model = scored.lab, scored.lab.models.shipped()
    other = lab.projects.create("Other").id
    for slides, project, rule, words in (
        ([], scored.project, "auto", "No slide was chosen"),
        ([scored.slide], other, "auto", "belongs to another project"),
        ([scored.slide], scored.project, "guess", "no aggregation rule called 'guess'; known are auto, "),
    ):
        with pytest.raises(LabError, match=words):
            lab.scoring.start(project, slides, model, rule)
    assert not lab.jobs.list(scored.project) and not lab.jobs.list(other)


def test_a_slide_without_patches_is_refused_with_its_reason(scored, tissue_png):
    lab = scored.lab
    without = lab.slides.register(scored.project, tissue_png("scale.png", seed=9))[0].slide_id
    with pytest.raises(LabError, match=r"scale\.png cannot be scored yet: .*µm"):
        lab.scoring.start(scored.project, [without], lab.models.shipped())


def test_the_job_says_what_it_scores_and_how(scored):
    lab = scored.lab
    (queued,) = lab.scoring.start(scored.project, [scored.slide], lab.models.shipped(), "max")
    job = lab.jobs.get(queued)
    assert job.title.startswith(f"Score {lab.slides.get(scored.slide).name} with ")
    with lab.db() as session:
        assert session.get(Job, job.id).spec["rule"] == "max"


def test_many_slides_are_shared_evenly_among_jobs_so_that_several_workers_score_them(scored):
    lab = scored.lab
    with lab.db.begin() as session:
        facts = {
            c.key: getattr(session.get(Slide, scored.slide), c.key) for c in Slide.__table__.columns if c.key != "id"
        }
        more = [
            Slide(**facts | {"name": f"copy {n}", "path": f"copy {n}", "fingerprint": f"copy {n}"})
            for n in range(2 * SLIDES_A_JOB)
        ]
        session.add_all(more)
        session.flush()
        slides = [scored.slide, *(slide.id for slide in more)]
    queued = lab.scoring.start(scored.project, slides, lab.models.shipped())
    with lab.db() as session:
        told = [session.get(Job, job).spec["slide_ids"] for job in queued]
    assert [slide for part in told for slide in part] == slides and [len(part) for part in told] == [14, 14, 13]
    assert len({lab.jobs.get(job).press for job in queued}) == 1
    titles = [lab.jobs.get(job).title for job in queued]
    assert [title.rpartition(" ")[0].rpartition(", ")[2] for title in titles] == ["1 of", "2 of", "3 of"]


def test_a_scoring_waits_for_a_training_and_takes_the_model_that_it_left(scored):
    lab = scored.lab
    with lab.db.begin() as session:
        run = Run(project_id=scored.project, name="Tonight", choices={}, label_set={})
        session.add(run)
        session.flush()
        run_id = run.id
    with pytest.raises(LabError, match="Tonight is no training"):
        lab.scoring.start_after(scored.project, [scored.slide], run_id)
    training = lab.jobs.submit("Train Tonight", TrainSpec(run_id=run_id), scored.project)
    with lab.db.begin() as session:
        session.get(Run, run_id).job_id = training
    (queued,) = lab.scoring.start_after(scored.project, [scored.slide], run_id, "max")
    job = lab.jobs.get(queued)
    assert (job.after, job.after_title) == (training, "Train Tonight") and job.title.endswith("the model of Tonight")
    context = JobInProcess(lab.settings, lab.settings.home, "later")
    with pytest.raises(LabError, match="Tonight left no model"):
        lab.scoring.run(context, ScoreSpec(slide_ids=(scored.slide,), run_id=run_id))
    lab.jobs.cancel(training)
    with pytest.raises(LabError, match="Train Tonight is cancelled already"):
        lab.scoring.start_after(scored.project, [scored.slide], run_id)
