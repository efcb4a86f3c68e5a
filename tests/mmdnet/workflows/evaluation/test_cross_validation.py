"""Cross-validation: each slide is judged by a network that did not see it; a killed job repeats no finished fold."""

import pytest

from db.models import Job
from mmdnet.errors import LabError
from mmdnet.workflows.job_kinds import run_job
from tests.small_lab import SHORT_TRAINING, JobInProcess

CHOICES = SHORT_TRAINING | {"folds": 3, "warm_up_epochs": 0}


def _spec(lab, job):
    with lab.db() as session:
        row = session.get(Job, job)
    return row.kind, row.spec


def test_every_graded_slide_is_judged_once_and_a_stopped_job_repeats_no_finished_fold(labelled, tmp_path, monkeypatch):
    lab = labelled.lab
    job = lab.cross_validation.start(labelled.project, CHOICES)
    kind, spec = _spec(lab, job)
    stopped = JobInProcess(lab.settings, tmp_path / "job", job, last="fold 2")
    with pytest.raises(KeyboardInterrupt):
        run_job(kind, spec, stopped)
    assert lab.evaluations.list(labelled.project) == []
    again = JobInProcess(lab.settings, tmp_path / "job", job)
    run_job(kind, spec, again)
    assert not any(message.startswith("fold 1") for _, message, _ in again.told)
    assert [share for share, *_ in again.told] == sorted(share for share, *_ in again.told)
    judged = lab.evaluations.get(job)
    assert sorted(row.slide_id for row in judged.cases) == labelled.slides
    assert {row.fold for row in judged.cases} == {"fold 1", "fold 2", "fold 3"}
    assert "fold" in [part.by for part in judged.breakdowns] and "by patient, 3 folds" in judged.subject
    assert not list((lab.settings.home / "evaluations").rglob("*.safetensors"))  # what the folds said is kept, no more


def test_one_site_at_a_time_is_left_out(labelled, tmp_path):
    lab = labelled.lab
    job = lab.cross_validation.start(labelled.project, CHOICES | {"split_by": "site"})
    run_job(*_spec(lab, job), JobInProcess(lab.settings, tmp_path / "job", job))
    judged = lab.evaluations.get(job)
    assert {row.fold for row in judged.cases} == {"North", "South"} and all(
        row.fold == row.site for row in judged.cases
    )
    assert "leaving out one site of 2" in judged.subject


@pytest.mark.parametrize(
    ("more", "says"),
    [({"folds": 9}, "9 folds cannot be made of 4 patients"), ({"split_by": "staining_run"}, "takes two")],
)
def test_folds_that_cannot_be_made_are_refused_and_nothing_is_queued(labelled, more, says):
    with pytest.raises(LabError, match=says):
        labelled.lab.cross_validation.start(labelled.project, CHOICES | more)
    assert not labelled.lab.jobs.list(labelled.project)
    assert not (labelled.lab.settings.home / "evaluations").exists()


def test_without_truth_there_is_nothing_to_judge_by(labelled):
    from tests.mmdnet.workflows.evaluation.conftest import give

    for slide in labelled.slides:
        give(labelled.lab, slide, labelled.reader, (0, 0, 0), act="clear")
    with pytest.raises(LabError, match="No slide of this project has a true grade"):
        labelled.lab.cross_validation.start(labelled.project, CHOICES)


def test_a_fold_that_cannot_train_is_a_sentence_and_the_others_are_judged(labelled, tmp_path, monkeypatch):
    lab, real = labelled.lab, type(labelled.lab.training).train_in

    def broken(self, context, folder, project_id, name, config):
        if name == "fold 2":
            raise LabError("Its loss is no number any more.")
        return real(self, context, folder, project_id, name, config)

    monkeypatch.setattr(type(lab.training), "train_in", broken)
    job = lab.cross_validation.start(labelled.project, CHOICES)
    run_job(*_spec(lab, job), JobInProcess(lab.settings, tmp_path / "job", job))
    judged = lab.evaluations.get(job)
    assert {row.fold for row in judged.cases} == {"fold 1", "fold 3"}
    assert judged.notes[0] == "fold 2 has no network: Its loss is no number any more."
