from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

from db.models import Job
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.simulate import SlideRecipe, load_truth, simulate_slide
from mmdnet.workflows import demo
from mmdnet.workflows.demo import PROJECT, TRUTH_READER, label_from_truth, make_demo, submit_demo
from mmdnet.workflows.job_specs import DemoSpec, IngestSpec
from tests.small_lab import JobInProcess


def test_the_demo_is_queued_for_a_project_of_its_own_that_is_made_once(lab):
    jobs = [lab.jobs.get(submit_demo(lab)) for _ in range(2)]
    assert [project.name for project in lab.projects.list()] == [PROJECT]
    assert {(job.kind, job.project_id) for job in jobs} == {("demo", lab.projects.list()[0].id)}


def test_patches_get_the_grades_that_were_drawn_and_no_second_label(lab, tmp_path):
    path = tmp_path / "drawn.tiff"
    simulate_slide(SlideRecipe(seed=3, width_px=700, height_px=700, artefacts=0), path)
    project = lab.projects.create("Drawn", simulated=True).id
    slide = lab.slides.register(project, path)[0].slide_id
    given = label_from_truth(lab, project, [slide], per_slide=3)
    assert given == 3 and label_from_truth(lab, project, [slide], per_slide=3) == given
    truth, reader = load_truth(path), lab.readers.ensure(TRUTH_READER).id
    labels = lab.labels.current(project, reader)
    assert len(labels) == given
    for label in labels:
        patch = lab.slides.patch(label.patch_id)
        drawn = truth.patch_grades(patch.x_px0, patch.y_px0, patch.width_px0)
        assert label.ignored == (drawn["ignored"] is not None)
        if not label.ignored:
            assert dict(label.grades) == {name: drawn.get(name) for name in TASK_NAMES}


def test_while_there_is_other_work_the_rest_of_the_demo_is_left_to_a_job_that_goes_last_and_later(
    lab, tmp_path, monkeypatch
):
    asked, labelled = [], []
    monkeypatch.setattr(demo, "_draw", lambda lab, part, steps: [Path(recipe.name) for recipe in part])
    monkeypatch.setattr(demo, "label_from_truth", lambda lab, project, slides: labelled.append(len(slides)))
    monkeypatch.setattr(lab.slides, "register", lambda project, path: [SimpleNamespace(slide_id=path)])
    monkeypatch.setattr(lab.scoring, "score_now", lambda context, slides, *given: asked.append(len(slides)))
    job = submit_demo(lab)
    project = lab.jobs.get(job).project_id
    context = JobInProcess(lab.settings, tmp_path, job)
    make_demo(lab, context, project)
    assert (sum(asked), labelled) == (12, [12])  # nobody waits

    waiting = lab.jobs.submit("Add slides", IngestSpec(project_id=project, path="nowhere"), project)
    asked.clear()
    make_demo(lab, context, project)
    (rest,) = (known for known in lab.jobs.list(active=True) if known.id not in (job, waiting))
    assert (asked, rest.kind, rest.priority) == ([1], "demo", "last") and rest.not_before > datetime.now(UTC)
    assert "the others come after" in context.told[-1][1]
    made = demo_spec(lab, rest.id).made
    make_demo(lab, context, project, made)
    assert (made, asked) == (1, [1, 1, 3]) and demo_spec(lab, lab.jobs.list(active=True)[0].id).made == 4


def test_the_demo_goes_on_beside_nothing_but_jobs_that_wait_for_something_else(lab):
    def at_work(**known) -> bool:
        job = SimpleNamespace(
            **{"id": "other", "kind": "train", "status": "queued", "after": None, "not_before": None} | known
        )
        return demo._others_at_work(SimpleNamespace(jobs=SimpleNamespace(list=lambda active: [job])), "own")

    assert at_work() and at_work(status="running", after="done") and at_work(kind="learn")
    assert not at_work(kind="demo", status="running") and not at_work(after="third") and not at_work(id="own")
    assert not at_work(not_before=datetime.now(UTC))


def demo_spec(lab, job_id):
    with lab.db() as session:
        return DemoSpec.model_validate(session.get_one(Job, job_id).spec)
