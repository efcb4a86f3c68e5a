"""Freezing a training's labels: what is checked is what is kept and learnt from."""

import json
import sys
from dataclasses import replace

import pytest

from db import event_log, slide_readings
from mmdnet import cli
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import PatchGrades
from mmdnet.workflows.training import training as module
from tests.small_lab import SHORT_TRAINING, JobInProcess


@pytest.fixture
def labelled(lab, tissue_png):
    """A project of two pictures, every patch graded; its number and its reader's."""
    project, reader = lab.projects.create("Frozen").id, lab.readers.ensure("Ada").id
    for number in range(2):
        slide = lab.slides.register(
            project, tissue_png(f"s{number}.png", seed=number), StatedFacts(0.5, patient=f"P{number}")
        )
        grade(lab, project, reader, slide[0].slide_id, lambda i: i % 4)
    return project, reader


def grade(lab, project, reader, slide, steatosis) -> None:
    patches = lab.slides.patches(slide)
    lab.labels.acts.put_many(
        project, reader, [PatchGrades(p.id, Grades(steatosis=steatosis(i))) for i, p in enumerate(patches)]
    )


def test_labels_given_between_the_check_and_the_start_change_nothing(lab, labelled, monkeypatch):
    project, reader = labelled
    slide = lab.slides.list(project)[0].id
    before = lab.labels.consensus.label_set(project)

    def check_and_label(cohort, config, split):
        checked.append(cohort)
        grade(lab, project, reader, slide, lambda i: 3)
        return real(cohort, config, split)

    real, checked = module.check_training, []
    monkeypatch.setattr(module, "check_training", check_and_label)
    run = lab.training.start(project, SHORT_TRAINING)
    assert lab.labels.consensus.label_set(project).sha256 != before.sha256
    assert len(checked) == 1
    kept = json.loads((lab.training.folder(run) / "labels.json").read_text())
    assert kept["sha256"] == before.sha256 == lab.training.get(run).label_set["sha256"]
    assert [row["steatosis"] for row in kept["rows"]] == [row.grades["steatosis"] for row in before.rows]
    assert [slide["slide_id"] for slide in kept["slides"]] == [slide.slide_id for slide in checked[0].slides]


def test_what_was_prepared_is_what_is_queued(lab, labelled):
    project, reader = labelled
    prepared = lab.training.prepare(project, SHORT_TRAINING)
    grade(lab, project, reader, lab.slides.list(project)[0].id, lambda i: None)
    run = lab.training.queue(prepared, "Mine")
    kept = json.loads((lab.training.folder(run) / "labels.json").read_text())
    assert kept["patches"] == len(prepared.label_set.rows) == len(prepared.cohort.patch_id)
    split = json.loads((lab.training.folder(run) / "split.json").read_text())
    assert {part: split[part] for part in ("train", "validation", "test")} == prepared.split.slide_ids(prepared.cohort)
    assert lab.training.get(run).name == "Mine"


def test_what_cannot_start_is_not_queued(lab, labelled):
    project, _ = labelled
    prepared = lab.training.prepare(project, SHORT_TRAINING)
    refused = replace(prepared, check=replace(prepared.check, ok=False, problem="Too little memory."))
    with pytest.raises(LabError, match="Too little memory"):
        lab.training.queue(refused)
    assert lab.training.runs(project) == []
    assert not any(lab.settings.folder("runs").iterdir())


def test_the_command_line_checks_once(lab, labelled, monkeypatch, capsys):
    calls = []
    real = module.check_training
    monkeypatch.setattr(module, "check_training", lambda *given: calls.append(given) or real(*given))
    monkeypatch.setenv("MMDNET_HOME", str(lab.settings.home))
    words = [
        "train",
        "-p",
        "Frozen",
        "--background",
        *(f"--set={key}={value}" for key, value in SHORT_TRAINING.items()),
    ]
    monkeypatch.setattr(sys, "argv", ["mmdnet", *words])
    with pytest.raises(SystemExit) as leave:
        cli.main()
    assert not leave.value.code, capsys.readouterr().err
    assert len(calls) == 1
    assert [run.job.status for run in lab.training.runs(labelled[0])] == ["queued"]


@pytest.fixture
def graded(lab, tissue_png):
    """A project of five pictures of five patients at two sites with grades of their own and no labelled patch."""
    project, reader = lab.projects.create("Slides").id, lab.readers.ensure("Ada").id
    for number in range(5):
        facts = StatedFacts(0.5, patient=f"P{number}", site=("North", "South")[number % 2])
        slide = lab.slides.register(project, tissue_png(f"g{number}.png", seed=number), facts)[0].slide_id
        with event_log.appending(lab.db) as session:
            slide_readings.put(session, slide, reader, "grade", {"steatosis": number % 3, "ballooning": 1})
    return project


def test_a_project_without_one_labelled_patch_trains_on_its_slides_grades(lab, graded, tmp_path):
    run = lab.training.start(graded, SHORT_TRAINING | {"ungraded_patches": 8})
    assert lab.training.get(run).name == "small, 5 graded slides"
    assert lab.training.get(run).label_set["ungraded_patches"] > 0
    model = lab.training.run(JobInProcess(lab.settings, tmp_path), run)
    card = lab.models.get(model).card
    assert card.trained_tasks == ("steatosis",) and card.trained_on.graded_patches == 0
    assert card.choices["slide_trust"] == 0.5


def test_a_training_can_test_on_a_site_it_never_saw_and_names_those_there_are(lab, graded):
    prepared = lab.training.prepare(graded, SHORT_TRAINING | {"split_by": "site", "test_on": "south"})
    assert {prepared.cohort.slides[s].site for s in prepared.split.test} == {"South"}
    with pytest.raises(LabError, match="There are: North, South"):
        lab.training.prepare(graded, SHORT_TRAINING | {"split_by": "site"})
    with pytest.raises(LabError, match="No labelled slide says which staining run"):
        lab.training.prepare(graded, SHORT_TRAINING | {"split_by": "staining_run"})
    fold = lab.training.prepare(graded, SHORT_TRAINING | {"test_on": "2", "folds": 3})
    assert fold.split != lab.training.prepare(graded, SHORT_TRAINING | {"test_on": "fold 3", "folds": 3}).split
