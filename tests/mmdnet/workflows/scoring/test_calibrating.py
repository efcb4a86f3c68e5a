"""A model is calibrated on graded slides it did not learn from; whatever is refused changes nothing."""

from dataclasses import replace

import pytest

from db.models import Model, Slide
from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.scoring.calibration.guard import GUARD
from mmdnet.scoring.calibration_record import read_calibration
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.lab import Lab
from mmdnet.workflows.scoring.calibrating import LEARNT, plan_words
from mmdnet.workflows.scoring.models import guard_folder
from tests.mmdnet.workflows.evaluation.conftest import Graded, give, random_model
from tests.nas import NAMES
from tests.small_lab import JobInProcess, draw_tissue

SLIDES = 13


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Graded:
    """Thirteen slides, the last a control; twelve graded blind."""
    home = tmp_path_factory.mktemp("calibrated") / "home"
    lab = open_lab(Settings(home=home))
    project, reader = lab.projects.create("Graded").id, lab.readers.ensure("Ada").id
    slides = []
    for number in range(SLIDES):
        facts = StatedFacts(mpp=0.5, patient=f"P{number}", staining_run="R1", control="donor" if number == 12 else None)
        slide = lab.slides.register(project, draw_tissue(home / f"{number}.png", seed=number, side=700), facts)[
            0
        ].slide_id
        if number < 12:
            give(lab, slide, reader, (number % 3, number % 4, number // 3))
        slides.append(slide)
    return Graded(lab, project, reader, slides, lab.models.add(None, random_model(home / "random"), "Random"))


@pytest.fixture
def graded(made: Graded) -> Graded:
    """The same lab with its model's card as it came."""
    with made.lab.db.begin() as session:
        session.get(Model, made.model).card = made.lab.models.get(made.model).card.model_copy(
            update={"calibration": None, "split": {}}
        ).model_dump(mode="json")  # fmt: skip
        session.get(Model, made.model).project_id = None
    return made


def card(lab: Lab, model: int) -> dict:
    with lab.db() as session:
        return session.get(Model, model).card


def learnt_from(graded: Graded, slides: list[int]) -> None:
    with graded.lab.db.begin() as session:
        model = session.get(Model, graded.model)
        model.project_id = graded.project
        model.card = {**model.card, "split": {"train": slides}}


def test_a_calibration_is_kept_in_the_models_row_and_its_files_stay(graded, tmp_path):
    lab, told = graded.lab, JobInProcess(graded.lab.settings, tmp_path / "job", "job")
    weights = sorted((lab.settings.home / "random").iterdir())
    before = [file.read_bytes() for file in weights]
    lab.calibrations.run(told, graded.project, graded.model)
    calibration = read_calibration(card(lab, graded.model)["calibration"])
    assert calibration.slides == calibration.patients == 12 and calibration.here
    assert calibration.patch_mpp == 0.5 and calibration.rule == calibration.tried[0].rule
    assert set(calibration.floors) == {"R1"} and set(calibration.floors["R1"]) == set(NAMES)
    assert calibration.nas is not None and calibration.referral is not None
    assert set(calibration.slide_ids) == set(graded.slides[:12])
    assert (guard_folder(lab.calibrations._services, graded.model) / GUARD).is_file()
    assert [file.read_bytes() for file in weights] == before
    assert "Calibrated on 12 slides of 12 patients" in told.told[-1][1]


def test_scores_made_after_it_use_it_and_say_what_their_intervals_cover(graded, tmp_path):
    lab, told = graded.lab, JobInProcess(graded.lab.settings, tmp_path / "job", "job-2")
    lab.calibrations.run(told, graded.project, graded.model)
    lab.scoring.score_now(told, [graded.slides[0]], graded.model)
    summary = lab.scoring.list(graded.project)[0].summary
    assert summary.version == 4 and summary.refer is not None and summary.graded_slides == 12
    assert all(task.covers_error and task.holds is not None for task in summary.tasks.values())
    assert summary.nas_covers_error and len(summary.nas_at_least) == 9 and summary.unlikeness is not None
    assert not any(task.density_covers_error for task in summary.tasks.values())  # nobody counted lesions


def test_patients_a_model_learnt_from_and_slides_of_other_patches_are_left_out_with_why(graded):
    lab = graded.lab
    learnt_from(graded, graded.slides[:1])
    with lab.db.begin() as session:
        session.get(Slide, graded.slides[1]).patch_mpp = 1.0
    plan = lab.calibrations.plan(graded.project, graded.model)
    why = dict(plan.left_out)
    assert len(plan.graded) == 10 and why["0.png"] == LEARNT and "µm/px" in why["1.png"]
    assert "0.png is left out" in plan_words(plan)
    with lab.db.begin() as session:
        session.get(Slide, graded.slides[1]).patch_mpp = 0.5


def test_too_few_slides_apart_from_the_training_are_refused_and_nothing_is_changed(graded):
    learnt_from(graded, graded.slides[:4])
    before = card(graded.lab, graded.model)
    with pytest.raises(
        LabError, match=r"Nothing was calibrated: it needs at least 10 .* there are 8\. 4 more are graded"
    ):
        graded.lab.calibrations.start(graded.project, graded.model)
    with pytest.raises(LabError, match="no aggregation rule"):
        graded.lab.calibrations.start(graded.project, graded.model, "guess")
    assert card(graded.lab, graded.model) == before and not graded.lab.jobs.list(graded.project)


def test_grades_all_alike_are_refused_and_nothing_is_changed(graded, tmp_path, monkeypatch):
    lab, before = graded.lab, card(graded.lab, graded.model)
    plan = lab.calibrations.plan(graded.project, graded.model)
    same = tuple(replace(truth, grades=type(truth.grades)(steatosis=1)) for truth in plan.graded)
    monkeypatch.setattr(type(lab.calibrations), "plan", lambda *_: replace(plan, graded=same))
    with pytest.raises(LabError, match=r"alike.*stays as it was"):
        lab.calibrations.run(JobInProcess(lab.settings, tmp_path / "job", "job-3"), graded.project, graded.model)
    assert card(lab, graded.model) == before


def test_it_is_queued_as_a_job(graded):
    lab = graded.lab
    job = lab.jobs.get(lab.calibrations.start(graded.project, graded.model, "density"))
    assert (job.kind, job.title) == ("calibrate", "Calibrate Random")
