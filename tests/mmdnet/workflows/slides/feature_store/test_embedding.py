"""The pretrained backbone's features are there when a real slide is; a job fills in what is missing."""

import numpy as np
import pytest

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.job_kinds import run_job
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store import embedding
from mmdnet.workflows.slides.feature_store.embedding import embed_at_once, slide_features
from mmdnet.workflows.slides.stores import feature_stores
from tests.small_lab import JobInProcess


@pytest.fixture
def services(lab) -> Services:
    return Services(lab.settings, lab.db, None)


@pytest.fixture
def laid(lab, tissue_png) -> int:
    """A small slide with patches that are not measured."""
    project = lab.projects.create("Test").id
    return lab.slides.register(project, tissue_png(side=650), StatedFacts(mpp=0.5), measure=False)[0].slide_id


def tables(lab) -> list:
    return feature_stores(lab.settings)[0].list()


def test_measuring_a_slide_ends_with_its_features(lab, laid, tmp_path):
    context = JobInProcess(lab.settings, tmp_path / "job", "a")
    lab.slides.embedding.measure(context, laid)
    usable = [patch for patch in lab.slides.patches(laid) if patch.usable]
    assert lab.slides.get(laid).measured and [table.patches for table in tables(lab)] == [len(usable)] * 2 != [0, 0]
    notes = sorted(feature_stores(lab.settings)[0].said(), key=lambda note: "backbone" in note)
    assert notes[0]["measure"] == "local density"
    assert (notes[1]["backbone"], notes[1]["engines"]) == ("efficientnet-lite0", ["torch"])


def test_a_job_computes_what_is_missing_and_tells_what_it_could_not(lab, laid, tissue_png, tmp_path):
    project = lab.slides.get(laid).project_id
    gone = tissue_png("gone.png", side=650, seed=1)
    lab.slides.register(project, gone, StatedFacts(mpp=0.5), measure=False)
    gone.unlink()
    context = JobInProcess(lab.settings, tmp_path / "job", "a")
    run_job("features", {"project_id": project}, context)
    assert len(tables(lab)) == 2
    assert "features of 1 of 2 slides" in context.told[-1][1] and "gone.png" in context.told[-1][1]


def test_where_no_slide_could_be_done_the_job_fails(lab, laid, tmp_path):
    (lab.settings.home.parent / "field.png").unlink()
    with pytest.raises(LabError, match=r"field\.png"):
        lab.slides.embedding.run(JobInProcess(lab.settings, tmp_path / "job", "a"), lab.slides.get(laid).project_id)


def test_nothing_is_queued_without_a_slide(lab):
    with pytest.raises(LabError, match="nothing was started"):
        lab.slides.embedding.submit(lab.projects.create("Empty").id)


def test_of_simulated_and_removed_slides_none_are_made_at_once(lab, laid, services, monkeypatch):
    monkeypatch.setattr(embedding, "slide_features", lambda *given: pytest.fail("computed"))
    with lab.db.begin() as session:
        session.get(Slide, laid).simulated = True
    assert embed_at_once(services, laid, silent) == "" == embed_at_once(services, 999, silent)


def test_that_there_is_no_room_is_a_note_of_a_slide_that_is_there(lab, laid, services, monkeypatch):
    monkeypatch.setattr("mmdnet.workflows.slides.feature_store.feature_rows.features_limit", lambda settings: 8)
    assert "MMDNET_CACHE_GIB" in embed_at_once(services, laid, silent)
    assert lab.slides.get(laid).measured


def test_only_the_patches_asked_for_are_computed(lab, laid, services):
    values = slide_features(services, laid, silent, only=[1]).values
    assert np.isfinite(values[1]).all() and np.isnan(values[0]).all() and tables(lab)[0].patches == 1
