"""From labels to a signed report, as the worker does it, on small pictures."""

import shutil
from pathlib import Path

import pytest

from db.models import Model
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.labelling.views import PatchGrades
from tests.small_lab import SHORT_TRAINING, JobInProcess, draw_tissue

CHOICES = SHORT_TRAINING | {"epochs": 2, "bags_per_epoch": 4}


def label_pictures(lab, tissue_png, mpp: float = 0.5):
    """A project of four pictures of four patients, each patch graded."""
    project = lab.projects.create("Whole").id
    reader = lab.readers.ensure("Ada")
    for number in range(4):
        outcome = lab.slides.register(
            project, tissue_png(f"s{number}.png", seed=number), StatedFacts(mpp=mpp, patient=f"P{number}")
        )[0]
        patches = lab.slides.patches(outcome.slide_id)
        lab.labels.acts.put_many(
            project,
            reader.id,
            [
                PatchGrades(p.id, Grades(ballooning=i % 3, inflammation=i % 4, steatosis=(i + 1) % 4))
                for i, p in enumerate(patches)
            ],
        )
    return lab, project, reader


@pytest.fixture(scope="module")
def labelled_home(tmp_path_factory):
    """A home with labelled pictures, drawn once; its project's number and its reader."""
    folder = tmp_path_factory.mktemp("labelled")
    lab = open_lab(Settings(home=folder / "home"))
    _, project, reader = label_pictures(lab, lambda name, seed: draw_tissue(folder / name, seed=seed))
    return folder / "home", project, reader


@pytest.fixture(scope="module")
def trained_home(labelled_home, tmp_path_factory):
    """The same home with a trained model in it; the model's number."""
    home, project, _ = labelled_home
    lab = open_lab(Settings(home=shutil.copytree(home, tmp_path_factory.mktemp("trained") / "home")))
    return lab.settings.home, train(lab, project)


@pytest.fixture
def labelled(labelled_home, tmp_path):
    """A labelled lab of the test's own."""
    home, project, reader = labelled_home
    return open_lab(Settings(home=shutil.copytree(home, tmp_path / "home"))), project, reader


@pytest.fixture
def trained(labelled_home, trained_home, tmp_path):
    """A trained lab of the test's own, its project, reader and model."""
    home, model = trained_home
    lab = open_lab(Settings(home=shutil.copytree(home, tmp_path / "trained")))
    with lab.db.begin() as session:
        row = session.get(Model, model)
        row.folder = str(lab.settings.home / Path(row.folder).relative_to(home))
    return lab, *labelled_home[1:], model


def train(lab, project: int, **more) -> int:
    run = lab.training.start(project, CHOICES | more)
    context = JobInProcess(lab.settings, lab.settings.folder("jobs") / "train")
    model = lab.training.run(context, run)
    assert lab.training.get(run).model_id == model
    assert [share for share, _, _ in context.told] == sorted(share for share, _, _ in context.told)
    return model


def test_labels_become_a_model_a_score_and_a_signed_report(trained):
    lab, project, reader, model = trained
    check = lab.training.check(project, CHOICES)
    assert check.ok and check.lines
    card = lab.models.get(model).card
    assert card.label_set_sha256 and card.epochs == 2

    slide = lab.slides.list(project)[0]
    assert lab.scoring.score_now(JobInProcess(lab.settings, lab.settings.home, "score"), [slide.id], model) == []
    score = lab.scoring.list(project)[0]
    tasks = score.summary.tasks
    assert score.summary.nas == sum(task.grade for task in tasks.values())
    assert lab.scoring.leading(project)[slide.id].id == score.id

    html, csv = lab.reports.file(score.id, "html"), lab.reports.file(score.id, "csv")
    assert "esearch use only" in html and "http://" not in html.replace("http://www.w3.org", "")
    assert "steatosis" in csv.lower()
    assert lab.reports.heat(score.id, "steatosis", 300)[0][:4] == b"\x89PNG"

    grades = {name: task.grade for name, task in tasks.items()}
    first = lab.reports.sign(score.id, reader.id, grades)
    changed = {**grades, "steatosis": (grades["steatosis"] + 1) % 4}
    second = lab.reports.sign(score.id, reader.id, changed, "fat counted again by eye")
    assert second.amends_id == first.id and [signed.id for signed in lab.reports.sign_offs(score.id)] == [
        first.id,
        second.id,
    ]
    with pytest.raises(LabError, match="never deleted"):
        lab.slides.remove(slide.id)


@pytest.mark.parametrize(("px", "mpp"), [(299, 0.44), (224, 0.5)])
def test_patches_of_another_scale_or_side_go_the_whole_way(tmp_path, tissue_png, px, mpp):
    lab = open_lab(Settings(home=tmp_path / "home", patch_px=px, patch_mpp=mpp))
    _, project, _ = label_pictures(lab, tissue_png, mpp)
    model = train(lab, project)
    card = lab.models.get(model).card
    assert (card.patch_px, card.patch_mpp) == (px, mpp)
    slide = lab.slides.list(project)[0]
    assert lab.scoring.score_now(JobInProcess(lab.settings, lab.settings.home, "score"), [slide.id], model) == []
    assert "esearch use only" in lab.reports.file(lab.scoring.list(project)[0].id, "html")

    usual = open_lab(Settings(home=tmp_path / "usual"))
    other = usual.slides.register(usual.projects.create("P").id, tissue_png("usual.png"), StatedFacts(mpp=0.5))[
        0
    ].slide_id
    taken = usual.models.add(None, lab.settings.folder("models") / f"run-{lab.models.get(model).run_id}")
    with pytest.raises(LabError, match=f"{px} px at {mpp:g} µm/px; this slide's are 299 px at 0.5 µm/px"):
        usual.scoring.score_now(JobInProcess(usual.settings, usual.settings.home, "score"), [other], taken)


def test_slides_cut_into_patches_of_two_scales_are_not_learnt_from_together(tmp_path, tissue_png):
    fine = open_lab(Settings(home=tmp_path / "home", patch_mpp=0.44))
    _, project, reader = label_pictures(fine, tissue_png, 0.44)
    lab = open_lab(Settings(home=tmp_path / "home"))
    slide = lab.slides.register(project, tissue_png("coarse.png", seed=9), StatedFacts(0.5, patient="P9"))[0].slide_id
    lab.labels.acts.put_many(
        project, reader.id, [PatchGrades(p.id, Grades(steatosis=1)) for p in lab.slides.patches(slide)]
    )
    with pytest.raises(
        LabError, match=r"299 px at 0.44 µm/px and coarse.png is cut into patches of 299 px at 0.5 µm/px"
    ):
        lab.training.start(project, CHOICES)
    assert not lab.training.check(project, CHOICES).ok
    assert lab.training.runs(project) == []


@pytest.mark.slow
def test_a_training_may_begin_with_patches_nobody_labelled(labelled, tissue_png):
    lab, project, _ = labelled
    lab.slides.register(project, tissue_png("unlabelled.png", side=1800, seed=9), StatedFacts(mpp=0.5, patient="P9"))
    model = train(lab, project, pretrain_epochs=2)
    run = lab.models.get(model).run_id
    assert (lab.training.folder(run) / "without-labels" / "backbone.safetensors").is_file()


def test_scoring_a_slide_twice_in_one_job_does_it_once(trained):
    lab, project, _, model = trained
    slide = lab.slides.list(project)[0]
    context = JobInProcess(lab.settings, lab.settings.home, "again")
    lab.scoring.score_now(context, [slide.id], model)
    lab.scoring.score_now(context, [slide.id], model)
    assert len(lab.scoring.list(project)) == 1


def test_a_training_that_cannot_start_leaves_nothing(lab, tissue_png):
    project = lab.projects.create("Empty").id
    slide = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    with pytest.raises(LabError, match="no labels"):
        lab.training.start(project, CHOICES)
    reader = lab.readers.ensure("Ada")
    patches = lab.slides.patches(slide)
    lab.labels.acts.put_many(project, reader.id, [PatchGrades(p.id, Grades(steatosis=1)) for p in patches])
    with pytest.raises(LabError, match="two different grades"):
        lab.training.start(project, CHOICES)
    with pytest.raises(LabError, match="choice"):
        lab.training.start(project, {"epoch": 3})
    assert lab.training.runs(project) == [] and not any(lab.settings.folder("runs").iterdir())


def test_a_damaged_model_is_refused_and_nothing_is_scored(trained, tmp_path):
    lab, project, _, model = trained
    slide = lab.slides.list(project)[0]
    weights = lab.settings.folder("models") / f"run-{lab.training.runs(project)[0].id}" / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LabError):
        lab.scoring.score_now(JobInProcess(lab.settings, tmp_path), [slide.id], model)
    with pytest.raises(LabError):
        lab.models.add(project, weights.parent)
    assert lab.scoring.list(project) == []


def test_the_next_step_follows_the_work(labelled, trained):
    def next_page(lab, project: int) -> str:
        return lab.overview.next_step(
            lab.projects.get(project), lab.slides.list(project), lab.scoring.leading(project)
        ).page

    lab, project, _ = labelled
    assert next_page(lab, lab.projects.create("New").id) == "slides"
    assert next_page(lab, project) == "label"
    lab, project, _, model = trained
    (waiting,) = lab.jobs.list(project, active=True)  # no worker took the training's job: it ran in this process
    assert next_page(lab, project) == "train"
    lab.jobs.cancel(waiting.id)
    assert next_page(lab, project) == "score"
    lab.scoring.score_now(
        JobInProcess(lab.settings, lab.settings.home, "all"), [s.id for s in lab.slides.list(project)], model
    )
    assert next_page(lab, project) == "report"
