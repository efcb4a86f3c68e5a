"""Searches on a lab's labels: no patient that is tested on is seen, killed anywhere no training is repeated."""

import json
import shutil

import pytest

from db.models import Job
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.settings import Settings
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.labelling.views import LabelChoice
from tests.search_lab import PROJECT
from tests.small_lab import SHORT_TRAINING, JobInProcess

CHOICES = SHORT_TRAINING | {"warm_up_epochs": 0, "bag_size": 4}
SEARCH = {"over": ["head"], "minutes": 60, "folds": 3}


@pytest.fixture
def five(five_home, tmp_path):
    """A lab of five patients of the test's own, and its project."""
    return open_lab(Settings(home=shutil.copytree(five_home, tmp_path / "home"))), PROJECT


def work(lab, search, folder, last=None):
    """Do the search's job in this process; what it was told."""
    job_id = lab.searches.get(search).job.id
    with lab.db() as session:
        row = session.get(Job, job_id)
    context = JobInProcess(lab.settings, folder, job_id, last=last)
    try:
        run_job(row.kind, row.spec, context)
    except KeyboardInterrupt:
        assert last is not None
    return context.told


def test_a_search_tries_settings_on_validation_patients_alone_and_killed_or_out_of_time_it_repeats_none(five, tmp_path):
    lab, project = five
    cohort, split = lab.training.sides(project, CHOICES)
    tested = set(split.slide_ids(cohort)["test"])
    assert tested
    search = lab.searches.start(project, CHOICES, SEARCH | {"minutes": 1e-6})
    folder = lab.settings.home / "searches" / str(search)
    validated = []
    for fold in range(3):
        kept = json.loads((folder / f"fold-{fold}" / "labels.json").read_text())
        parts = json.loads((folder / f"fold-{fold}" / "split.json").read_text())
        assert not tested & {row["slide_id"] for row in kept["rows"]}
        assert not tested & {slide["slide_id"] for slide in kept["slides"]}
        assert not parts["test"] and not tested & {*parts["train"], *parts["validation"]}
        validated += parts["validation"]
    assert sorted([*validated, *tested]) == sorted(slide.id for slide in lab.slides.list(project))

    told = work(lab, search, tmp_path / "job")
    assert "its time is over. Nothing has been judged" in told[-1][1]
    with pytest.raises(LabError, match="No settings were judged on every fold yet"):
        lab.searches.settings(search)
    with pytest.raises(LabError, match="still waits or runs"):
        lab.searches.extend(search, 60)
    lab.jobs.cancel(lab.searches.get(search).job.id)
    with pytest.raises(LabError, match="more than 0"):
        lab.searches.extend(search, 0)
    lab.searches.extend(search, 60)

    work(lab, search, tmp_path / "job", last="trial 1, fold 1 of 3: Epoch 1, step")
    stopped = lab.searches.get(search)
    assert [(trial.number, trial.state, len(trial.folds)) for trial in stopped.trials] == [
        (0, "done", 3), (1, "running", 0)
    ]  # fmt: skip
    told = work(lab, search, tmp_path / "job")
    assert not any("your settings" in message.split(";")[0] for _, message, _ in told)
    ended = lab.searches.get(search)
    assert ended.trials[:1] == stopped.trials[:1] and ended.trials[1].params == stopped.trials[1].params
    tried = [tuple(sorted(trial.params.items())) for trial in ended.trials[1:]]
    assert tried == [(("head", "ce"),)]  # all that there is beside the settings as given
    assert told[-1][1].startswith("2 trials; everything there is to try was tried. ")
    assert ended.best is not None and set(ended.best.folds[0].tasks) == {"ballooning", "steatosis"}
    assert ended.spent_s >= sum(trial.seconds for trial in ended.trials) > 0
    assert [view.id for view in lab.searches.list(project)] == [search]
    assert not list(folder.glob("trial-*"))  # what trainings wrote is gone, what they learnt from is not

    with pytest.raises(LabError, match="Another job goes on with this search"):
        lab.searches.run(JobInProcess(lab.settings, tmp_path, "an older job"), search)

    settings = lab.searches.settings(search)
    assert settings == ended.choices | ended.best.params
    assert lab.searches.settings(search, 1) == ended.choices | ended.trials[1].params
    again, tested_by = lab.training.sides(project, settings)
    assert set(tested_by.slide_ids(again)["test"]) == tested
    with pytest.raises(LabError, match="has no trial 9; it has 2 trials, from 0"):
        lab.searches.settings(search, 9)


@pytest.mark.parametrize(
    ("choices", "search", "said"),
    [
        ({}, {"over": ["epochs"]}, "epochs is nothing a search may try"),
        ({}, {"folds": 5}, "5 folds cannot be made of 4 patients"),
        ({}, {"minutes": -1}, "minutes does not work"),
        ({"epochs": 0}, {}, "training choice epochs"),
        ({"pretrain_epochs": 2}, {}, "does not warm up without labels"),
        ({"mode": "fast"}, {"over": ["alpha"]}, "alpha does nothing while the backbone stays frozen"),
        ({"bag_size": 256}, {}, "hold one grade of each feature"),
    ],
)
def test_what_cannot_be_searched_is_a_sentence_and_nothing_is_queued(five, choices, search, said):
    lab, project = five
    with pytest.raises(LabError, match=said):
        lab.searches.start(project, CHOICES | choices, SEARCH | search)
    assert lab.searches.list(project) == [] and {job.kind for job in lab.jobs.list(project)} <= {"measure", "features"}
    assert not (lab.settings.home / "searches").exists()


def test_too_few_patients_are_refused_since_none_would_be_left_to_test_on(five):
    lab, project = five
    four = LabelChoice(slide_ids=tuple(slide.id for slide in lab.slides.list(project))[:4])
    with pytest.raises(LabError, match="No patient is left to test on"):
        lab.searches.start(project, CHOICES, SEARCH, four)
