"""One file comes in: whole, or refused in a sentence that leaves nothing."""

import os

import cv2
import numpy as np
import pytest
from sqlalchemy import func, select

from benchmarks._drawn import reduced, write_dicom, write_tiff
from benchmarks._drawn import tissue as drawn
from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.ingest.register import NEEDS_MPP, allowed_path, register_file
from tests.mmdnet.workflows.slides.test_measuring import label


@pytest.fixture
def services(lab) -> Services:
    return Services(lab.settings, lab.db, None)


def test_a_slide_without_scale_waits_with_a_reason_and_without_patches(lab, services, tissue_png):
    project = lab.projects.create("Test").id
    outcome = register_file(services, project, tissue_png(), StatedFacts(patient="P1"), silent, name="mine")
    with lab.db() as session:
        slide = session.get(Slide, outcome.slide_id)
        patches = session.scalar(select(func.count(Patch.id)))
    assert (slide.name, slide.status, slide.reason, slide.facts.patient) == ("mine", "needs_mpp", NEEDS_MPP, "P1")
    assert patches == 0


def test_progress_is_told_and_a_refusal_names_the_slide_as_people_do(lab, services, tmp_path, tissue_png):
    project, told = lab.projects.create("Test").id, []
    register_file(services, project, tissue_png(), StatedFacts(mpp=0.5), lambda share, message: told.append(share))
    assert told and told == sorted(told) and max(told) <= 1
    (tmp_path / "hash123.png").write_bytes(b"nothing")
    refused = register_file(services, project, tmp_path / "hash123.png", StatedFacts(), silent, name="biopsy.png")
    assert refused.problem.startswith("biopsy.png was not added")
    assert "hash123" not in refused.problem


@pytest.mark.parametrize("path", ["nowhere.svs", "\0", "~nobody-of-that-name/x.svs"])
def test_a_path_that_cannot_be_is_refused_in_words(tmp_path, path):
    with pytest.raises(LabError, match=r"not there|may not be read"):
        allowed_path(Settings(home=tmp_path), path)


def test_the_labs_own_folders_of_slides_are_always_allowed_and_nothing_else_of_it(tmp_path):
    settings = Settings(home=tmp_path / "home", slide_roots=(tmp_path / "slides",))
    for folder in ("slides", "uploads", "tile-slides"):
        (settings.home / folder).mkdir(parents=True)
        np.save(settings.home / folder / "a.npy", np.zeros(1))
        path = settings.home / folder / "a.npy"
        assert allowed_path(settings, path) == path.resolve()
    (settings.home / "secret.key").write_bytes(b"x")
    with pytest.raises(LabError, match="does not lie in a folder"):
        allowed_path(settings, settings.home / "secret.key")


def test_outside_the_allowed_folders_one_sentence_answers_whatever_is_there(tmp_path):
    settings = Settings(home=tmp_path / "home").for_pages()
    (settings.home / "slides").mkdir(parents=True)
    (tmp_path / "there").write_text("x")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (settings.home / "slides" / "out").symlink_to(tmp_path / "there")
    outside = ["/etc/shadow", "/etc/nothing-of-that-name", tmp_path / "there", tmp_path / "loop", "/root", "a\0b"]
    outside += [settings.home / "slides" / ".." / "secret.key", settings.home / "slides" / "out", "~nobody-x/y"]
    said = set()
    for path in outside:
        with pytest.raises(LabError) as refusal:
            allowed_path(settings, path)
        said.add(str(refusal.value).replace(str(path), "PATH"))
    assert len(said) == 1


@pytest.fixture(scope="module")
def levels():
    return reduced(drawn(1000, 800, border=60), 2)


def test_a_dicom_slide_that_comes_in_parts_is_one_slide(lab, levels, tmp_path):
    """The coarse level first, then the fine one; uploads lie in one folder, as files of one series."""
    project = lab.projects.create("Test").id
    for number in (1, 0):
        file = write_dicom(tmp_path / f"{number}.dcm", levels[number], number=number + 1, mpp=0.5 * 2**number)
        outcome = lab.slides.uploads.add(project, file.name, file.read_bytes())
        assert outcome.problem is None
    (slide,) = lab.slides.list(project)
    assert (slide.width_px0, slide.mpp_x, slide.status) == (1000, 0.5, "ready") and slide.patches > 0
    assert lab.slides.pictures.thumbnail(slide.id, 100)


def test_a_finer_level_is_refused_where_labels_lie_on_the_coarser_ones(lab, levels, tmp_path):
    project = lab.projects.create("Test").id
    coarse = write_dicom(tmp_path / "a" / "1.dcm", levels[1], number=2, mpp=1.0)
    slide = lab.slides.register(project, coarse)[0].slide_id
    label(lab, slide, lab.slides.patches(slide)[0])
    write_dicom(tmp_path / "a" / "0.dcm", levels[0], mpp=0.5)
    refused = lab.slides.register(project, tmp_path / "a" / "0.dcm")[0]
    assert "carries labels" in refused.problem and lab.slides.get(slide).width_px0 == 500


@pytest.mark.parametrize("change", ["other tissue", "other scale", "cut"])
def test_a_file_that_was_replaced_is_never_read_as_the_slide(lab, tmp_path, change):
    project = lab.projects.create("Test").id
    path = write_tiff(tmp_path / "a.tif", [drawn(700, 600, border=50)])
    slide = lab.slides.register(project, path)[0].slide_id
    for seed in (0, 1):  # a file of another size, and one with the very same pixels
        if change == "cut":
            path.write_bytes(path.read_bytes()[:-2000])
        else:
            mpp = 0.25 if change == "other scale" else 0.5
            write_tiff(path, [drawn(700, 600, border=50, seed=0 if change == "other scale" else seed + 1)], mpp=mpp)
        for look in (
            lambda: lab.slides.pictures.thumbnail(slide, 100),
            lambda: lab.slides.pictures.patch_jpeg(lab.slides.patches(slide)[0].id),
            lambda: lab.qupath.export(slide),
        ):
            with pytest.raises(LabError, match=r"has changed|damaged|cut short"):
                look()
        assert lab.slides.register(project, path)[0].problem


def test_facts_can_be_given_later_by_adding_the_file_again(lab, tissue_png):
    project, path = lab.projects.create("Test").id, tissue_png()
    slide = lab.slides.register(project, path)[0].slide_id
    assert lab.slides.get(slide).status == "needs_mpp"
    again = lab.slides.register(project, path, StatedFacts(mpp=0.5, stain="H&E"))[0]
    seen = lab.slides.get(slide)
    assert again.slide_id == slide and (seen.mpp_x, seen.stain, seen.status) == (0.5, "H&E", "ready")
    assert seen.patches > 0 and seen.measured


def test_a_files_own_scale_is_overruled_by_a_switch_alone_and_that_is_recorded(lab, tmp_path):
    project = lab.projects.create("Test").id
    path = write_tiff(tmp_path / "a.tif", [drawn(700, 600, border=50)])
    first = lab.slides.register(project, path, StatedFacts(mpp=0.4))[0]
    assert "0.5 µm per pixel itself" in first.notes[0]
    assert lab.slides.get(first.slide_id).mpp_source == "file"
    lab.slides.register(project, path, StatedFacts(mpp=0.4, overrule_scale=True))
    seen = lab.slides.get(first.slide_id)
    assert (seen.mpp_x, seen.mpp_source) == (0.4, "overruled")
    assert lab.slides.pictures.thumbnail(first.slide_id, 100)


def test_a_name_that_is_no_text_costs_only_itself(lab, tissue_png, tmp_path):
    tissue_png()
    tissue_png("other.png", seed=1).rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xe4\xf6.png"))
    good, bad = sorted(
        lab.slides.register(lab.projects.create("Test").id, tmp_path, StatedFacts(mpp=0.5)),
        key=lambda o: o.problem or "",
    )
    assert good.slide_id and "not UTF-8" in bad.problem
    assert bad.name.encode()


@pytest.mark.parametrize(
    ("picture", "word"),
    [
        (np.full((700, 700, 3), 243, np.uint8), "empty glass"),
        (cv2.circle(np.full((1400, 1400, 3), 243, np.uint8), (700, 700), 500, (20, 20, 25), 90), "holds enough tissue"),
        (np.pad(np.full((90, 90, 3), (200, 130, 170), np.uint8), ((300, 300),) * 2 + ((0, 0),), constant_values=243),
         "smaller than one patch"),
        (np.full((200, 200, 3), (200, 130, 170), np.uint8), "smaller than one patch"),
        (np.zeros((700, 700, 3), np.uint8), "black"),
    ],
)  # fmt: skip
def test_what_holds_no_patch_is_told_by_what_it_shows(lab, tmp_path, picture, word):
    cv2.imwrite(str(tmp_path / "a.png"), picture[..., ::-1])
    outcome = lab.slides.register(lab.projects.create("Test").id, tmp_path / "a.png", StatedFacts(mpp=0.5))[0]
    assert word in outcome.problem
