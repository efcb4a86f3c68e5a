"""Methods compared on a lab's labels: frozen when queued, no finished training repeated."""

import pytest

from db.models import Job
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.labelling.views import PatchGrades
from tests.small_lab import JobInProcess

CHOICES = {"methods": ["mean", "mmd-net"], "folds": 3, "epochs": 2, "projection": 16, "hidden": 8}


def spec(lab, job):
    with lab.db() as session:
        row = session.get(Job, job)
    return row.kind, row.spec


def test_a_stopped_comparison_goes_on_and_every_slide_is_tested_by_every_method(labelled, tmp_path):
    lab = labelled.lab
    job = lab.field.start(labelled.project, CHOICES, "small")
    assert lab.jobs.get(job).title == "Compare 2 methods on small"
    with pytest.raises(KeyboardInterrupt):
        run_job(*spec(lab, job), JobInProcess(lab.settings, tmp_path / "job", job, last="seed 0 fold 2"))
    assert lab.field.list(labelled.project) == []
    with pytest.raises(LabError, match="not finished"):
        lab.field.get(job)
    labelled.lab.labels.acts.put_many(  # given since: the frozen labels do not change
        labelled.project, labelled.reader,
        [PatchGrades(patch.id, Grades(steatosis=0)) for patch in lab.slides.patches(labelled.slides[0])],
    )  # fmt: skip
    again = JobInProcess(lab.settings, tmp_path / "job", job)
    run_job(*spec(lab, job), again)
    assert not any(message.startswith("seed 0 fold 1:") for _, message, _ in again.told)
    result = lab.field.get(job)
    assert [head.id for head in lab.field.list(labelled.project)] == [job]
    assert result.methods == ("mean", "mmd-net")
    assert not result.simulated
    for method in result.methods:
        tested = {slide for cell in result.cells if cell.method == method for slide in cell.bags.slides}
        assert tested == set(labelled.slides)
    truth = [grade for cell in result.cells for grade in cell.bags.truth["steatosis"]]
    assert max(truth) > 0


def test_backbones_are_compared_slide_by_slide_and_one_that_is_not_there_is_named(labelled, tmp_path):
    lab = labelled.lab
    asked = CHOICES | {"methods": ["mean"], "backbones": ["nosuchnet", "UNI", "small"], "unit": "slide"}
    job = lab.field.start(labelled.project, asked)
    assert lab.jobs.get(job).title == "Compare 3 backbones, slide by slide"
    run_job(*spec(lab, job), JobInProcess(lab.settings, tmp_path / "job", job))
    result = lab.field.get(job)
    assert result.methods == ("small",)
    for name, why in (("nosuchnet", "There is no backbone"), ("UNI", "not in this lab yet")):
        assert any(note.startswith(f"{name} was left out: ") and why in note for note in result.notes)
    assert sorted(slide for cell in result.cells for slide in cell.bags.slides) == sorted(labelled.slides)


@pytest.mark.parametrize(
    ("choices", "backbone", "said"),
    [
        ({"methods": ["mill"]}, "small", 'no method called "mill"'),
        ({"folds": None}, "small", "at least five patients"),
        ({"folds": 9}, "small", "9 folds cannot be made"),
        ({}, "nosuchnet", "nosuchnet"),
        ({"methods": ["mean"], "backbones": ["UNI"]}, None, "mmdnet backbones get UNI"),
        ({"backbones": ["small"]}, None, "backbones are compared by one method"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_nothing_is_queued(labelled, choices, backbone, said):
    with pytest.raises(LabError, match=said):
        labelled.lab.field.start(labelled.project, CHOICES | choices, backbone)
    assert not labelled.lab.jobs.list(labelled.project)
    assert not (labelled.lab.settings.home / "evaluations").exists()


def test_a_plan_frozen_by_another_version_is_refused_by_a_sentence(labelled, tmp_path):
    lab = labelled.lab
    job = lab.field.start(labelled.project, CHOICES, "small")
    (frozen,) = (lab.settings.home / "evaluations").glob("field-*/plan.json")
    frozen.write_text(frozen.read_text().replace('"epochs"', '"rounds"'))
    with pytest.raises(LabError, match="of another version of the program"):
        run_job(*spec(lab, job), JobInProcess(lab.settings, tmp_path / "job", job))


def test_weights_that_are_not_there_and_labels_that_are_not_are_refused(labelled, tmp_path):
    with pytest.raises(LabError, match="There is no file"):
        labelled.lab.field.start(labelled.project, CHOICES, "small", tmp_path / "gone.safetensors")
    empty = labelled.lab.projects.create("Empty").id
    with pytest.raises(LabError):
        labelled.lab.field.start(empty, CHOICES, "small")
