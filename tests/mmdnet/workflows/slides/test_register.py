"""One file comes in: whole, or refused in a sentence that leaves nothing."""

import numpy as np
import pytest
from sqlalchemy import func, select

from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.settings import Settings
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.register import NEEDS_MPP, allowed_path, register_file


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


def test_the_labs_own_folder_is_always_allowed(tmp_path):
    home, roots = tmp_path / "home", (tmp_path / "slides",)
    home.mkdir()
    np.save(home / "a.npy", np.zeros(1))
    assert allowed_path(Settings(home=home, slide_roots=roots), home / "a.npy") == (home / "a.npy").resolve()
