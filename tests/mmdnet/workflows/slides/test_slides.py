"""Slides come in whole or not at all."""

import os
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.lab import open_lab
from mmdnet.labels.grading import Grades
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_specs import IngestSpec


def _project(lab) -> int:
    return lab.projects.create("Test").id


def test_the_real_liver_slide_is_registered_with_its_patches(lab, real_data):
    outcome = lab.slides.register(_project(lab), real_data / "slides" / "liver_he_fields.svs")[0]
    slide = lab.slides.get(outcome.slide_id)
    assert outcome.problem is None
    assert (slide.width_px0, slide.height_px0) == (6656, 3072)
    assert slide.mpp_x == pytest.approx(0.4942, abs=1e-4) and slide.mpp_source == "file"
    assert slide.status == "ready" and slide.patches > 60
    patch = lab.slides.patches(slide.id)[10]
    middle = (patch.x_px0 + patch.width_px0 // 2, patch.y_px0 + patch.height_px0 // 2)
    assert [there for there in lab.slides.patches(slide.id) if there.meets(*middle, *middle)] == [patch]
    assert cv2.imdecode(np.frombuffer(lab.slides.pictures.patch_jpeg(patch.id), np.uint8), 1).shape == (299, 299, 3)


@pytest.mark.parametrize(
    "name",
    [
        "bad_slides/broken.svs",
        "bad_slides/unopenable.tiff",
        "bad_slides/unreadable.svs",
        "slides/camelyon_overview_29um.dcm",
    ],
)
def test_a_bad_file_is_refused_in_one_sentence_and_leaves_nothing(lab, real_data, name):
    project = _project(lab)
    outcome = lab.slides.register(project, real_data / name)[0]
    assert outcome.slide_id is None
    assert outcome.problem and "Traceback" not in outcome.problem and outcome.problem.endswith(".")
    assert lab.slides.list(project) == []


def test_one_bad_slide_does_not_keep_the_others_out(lab, tmp_path, tissue_png):
    tissue_png("good.png")
    (tmp_path / "bad.png").write_bytes(b"not a slide")
    outcomes = {outcome.name: outcome for outcome in lab.slides.register(_project(lab), tmp_path, StatedFacts(mpp=0.5))}
    assert outcomes["good.png"].slide_id and outcomes["bad.png"].problem


def test_files_that_are_named_together_come_in_by_one_job_and_each_once(lab, tmp_path, tissue_png):
    paths = [str(tissue_png(f"{name}.png", seed=seed)) for seed, name in enumerate("abc")]
    project = _project(lab)
    with pytest.raises(LabError, match="is not there"):
        lab.slides.submit(project, [paths[1], "/nowhere.svs"])
    named = [paths[1], str(tmp_path), paths[0]]
    lab.slides.submit(project, named)
    (job,) = lab.jobs.list(project)
    assert job.title == f"Add folder {tmp_path.name} and 2 files"
    outcomes = lab.slides.register(project, named, StatedFacts(mpp=0.5), measure=False, left_out=[paths[2]])
    assert [(each.name, each.was_here) for each in outcomes] == [("b.png", False), ("a.png", False)]


def test_which_pictures_of_a_folder_stay_out_is_told(lab, tmp_path, tissue_png):
    picture = tissue_png("mask.png")
    assert lab.slides.passed_over(tmp_path) == "", "where no slide lies, they are slides"
    cv2.imwritemulti(str(tmp_path / "slide.tiff"), [cv2.imread(str(picture))])
    assert "1 plain picture beside the slides stayed out (mask.png)" in lab.slides.passed_over(tmp_path)
    assert lab.slides.passed_over(picture) == ""
    project = _project(lab)
    kinds = {file.name: file.kind for file in lab.slides.incoming.look(project, tmp_path)}
    assert kinds == {"slide.tiff": "new", "mask.png": "picture"}, "and may be taken in as a slide before it does"
    lab.slides.register(project, picture, measure=False)
    assert "mask.png" not in {file.name for file in lab.slides.incoming.look(project, tmp_path)}


def test_a_slide_without_pixel_size_waits_for_it_and_is_laid_when_it_comes(lab, tissue_png):
    slide = lab.slides.get(lab.slides.register(_project(lab), tissue_png())[0].slide_id)
    assert slide.status == "needs_mpp" and slide.patches == 0
    with pytest.raises(LabError, match=r"between 0\.1 and 2"):
        lab.slides.set_facts(slide.id, StatedFacts(mpp=28.97))
    after = lab.slides.set_facts(slide.id, StatedFacts(mpp=0.5, patient="P1"))
    assert after.status == "ready" and after.patches > 0 and after.patient == "P1" and after.mpp_source == "person"


def test_a_picture_of_glass_is_refused(lab, tmp_path):
    cv2.imwrite(str(tmp_path / "glass.png"), np.full((800, 800, 3), 245, np.uint8))
    project = _project(lab)
    outcome = lab.slides.register(project, tmp_path / "glass.png", StatedFacts(mpp=0.5))[0]
    assert outcome.problem and "tissue" in outcome.problem
    assert lab.slides.list(project) == []


@pytest.mark.parametrize("side", [300, 800, 6000])
def test_a_refusal_for_want_of_tissue_shows_the_slide_with_its_specks_outlined(lab, tmp_path, side):
    glass = np.full((side, side, 3), 245, np.uint8)
    glass[100:148, 200:248] = (120, 60, 160)  # 24 µm of debris
    cv2.imwrite(str(tmp_path / "glass.png"), glass)
    outcome = lab.slides.register(_project(lab), tmp_path / "glass.png", StatedFacts(mpp=0.5))[0]
    assert outcome.slide_id is None and outcome.picture is not None
    picture = cv2.imdecode(np.frombuffer(outcome.picture, np.uint8), cv2.IMREAD_COLOR)
    assert 100 < max(picture.shape) <= 480
    at = np.argwhere((picture == (15, 134, 207)).all(axis=2)).mean(axis=0) * side / picture.shape[0]
    assert at == pytest.approx((124, 224), abs=24 + side / 300)


def test_other_refusals_and_slides_that_came_in_carry_no_picture(lab, tmp_path, tissue_png):
    tissue_png("good.png")
    (tmp_path / "bad.png").write_bytes(b"not a slide")
    assert [outcome.picture for outcome in lab.slides.register(_project(lab), tmp_path, StatedFacts(mpp=0.5))] == [
        None,
        None,
    ]


def test_the_same_slide_is_not_added_twice(lab, tissue_png, tmp_path):
    project = _project(lab)
    first = lab.slides.register(project, tissue_png("one.png"), StatedFacts(mpp=0.5))[0]
    (tmp_path / "two.png").write_bytes((tmp_path / "one.png").read_bytes())
    assert lab.slides.register(project, tmp_path / "one.png", StatedFacts(mpp=0.5))[0].slide_id == first.slide_id
    assert (
        "same slide as one.png" in lab.slides.register(project, tmp_path / "two.png", StatedFacts(mpp=0.5))[0].problem
    )


def test_paths_outside_the_allowed_folders_are_refused(tmp_path, tissue_png):
    inside = tmp_path / "slides"
    inside.mkdir()
    lab = open_lab(Settings(home=tmp_path / "home", slide_roots=(inside,)))
    outside = tissue_png("outside.png")
    for path in (outside, inside / ".." / "outside.png", "/etc/passwd"):
        with pytest.raises(LabError, match="does not lie in a folder"):
            lab.slides.register(_project(lab) if not lab.projects.list() else 1, path)
    (inside / "link.png").symlink_to(outside)
    with pytest.raises(LabError, match="does not lie in a folder"):
        lab.slides.register(1, inside / "link.png")


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may read everything")
def test_a_folder_without_rights_is_refused(lab, tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    with pytest.raises(LabError, match="may not be read"):
        lab.slides.register(_project(lab), closed)


def test_a_labelled_slide_keeps_its_pixel_size_and_its_place(lab, tissue_png):
    from mmdnet.workflows.labelling.views import PatchGrades

    project = _project(lab)
    slide = lab.slides.register(project, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    reader = lab.readers.ensure("Ada")
    lab.labels.acts.put_many(project, reader.id, [PatchGrades(lab.slides.patches(slide)[0].id, Grades(steatosis=1))])
    with pytest.raises(LabError, match="1 label laid"):
        lab.slides.set_facts(slide, StatedFacts(mpp=0.25))
    with pytest.raises(LabError, match="never deleted"):
        lab.slides.remove(slide)
    assert lab.slides.get(slide).labelled == 1


def test_a_slide_that_is_taken_out_takes_along_what_its_scores_kept_and_nothing_else(lab, tissue_png):
    from db.models import Score

    project = _project(lab)
    out, stays = (
        lab.slides.register(project, tissue_png(f"{seed}.png", seed=seed), StatedFacts(mpp=0.5))[0] for seed in (1, 2)
    )
    model, kept = lab.models.shipped(), lab.settings.folder("scores")
    kept.mkdir(parents=True, exist_ok=True)
    with lab.db.begin() as session:
        for slide in (out, stays):
            for name in (f"{slide.slide_id}.safetensors", f"{slide.slide_id}.maps.safetensors"):
                (kept / name).write_bytes(b"kept")
            session.add(Score(slide_id=slide.slide_id, model_id=model, result={}, file=f"{slide.slide_id}.safetensors"))
    lab.slides.remove(out.slide_id)
    left = {f"{stays.slide_id}.safetensors", f"{stays.slide_id}.maps.safetensors"}
    assert {file.name for file in kept.iterdir()} == left
    assert [slide.id for slide in lab.slides.list(project)] == [stays.slide_id]


def test_what_a_background_job_refused_for_want_of_tissue_is_kept_to_be_shown(lab, tmp_path):
    cv2.imwrite(str(tmp_path / "glass.png"), np.full((900, 900, 3), 245, np.uint8))
    told = {}
    context = SimpleNamespace(job_id="job1", progress=lambda share, message, **numbers: told.update(numbers))
    with pytest.raises(LabError, match="No tissue"):
        lab.slides.ingest(
            context,
            IngestSpec(project_id=_project(lab), path=str(tmp_path / "glass.png"), facts=StatedFacts(mpp=0.5)),
        )
    ((number, sentence),) = told["seen"].items()
    assert sentence == told["refused"][0]
    assert cv2.imdecode(np.frombuffer(lab.slides.refused_pictures.get("job1", number), np.uint8), 1).shape[0] <= 480
    assert lab.slides.refused_pictures.get("job2", number) is None
