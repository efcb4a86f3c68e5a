"""What a backbone saw is read from the store the next time, whichever model asks; only what is missing is computed."""

import shutil

import numpy as np
import pytest

import mmdnet.slides.readers.reader as reading
from db.models import Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.nn.io import load_model
from mmdnet.settings import DEMO_MODEL
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.feature_store import feature_rows, features
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.features import kept_features
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places
from mmdnet.workflows.slides.stores import feature_stores


@pytest.fixture
def look(lab, tissue_png, monkeypatch):
    """Features of a slide by the shipped model, how many patches were read for them, and what was told."""
    slide_id = lab.slides.register(lab.projects.create("Test").id, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    model, _ = load_model(DEMO_MODEL)
    with lab.db() as session:
        slide, patches = session.get(Slide, slide_id), list(patches_of(session, slide_id))
    read, honest = [], reading.SlideReader.read_patches

    def counted(self, places, *rest, **more):
        read.append(len(places))
        return honest(self, places, *rest, **more)

    monkeypatch.setattr(reading.SlideReader, "read_patches", counted)

    def once(leave_out: int = 0, whole: bool = False, of=lambda model: model, told=lambda share, words, /: None, **how):
        read.clear()
        usable = range(len(patches) - leave_out)
        extractor = Extractor.of(of(model), "cpu")
        places, grid = stored_places(patches), stored_grid(slide)
        features = kept_features(lab.settings, extractor, slide, places, usable, grid, told, **how)
        return sum(read), features if whole else features.values

    return once


def test_what_computed_them_is_known_also_the_second_time(look):
    assert look(whole=True)[1].engines == look(whole=True)[1].engines == ("torch",)


def other_backbone(model):
    import torch

    with torch.no_grad():
        next(model.backbone.parameters()).mul_(1.01)
    return model


def other_heads(model):
    import torch

    with torch.no_grad():
        next(model.heads.parameters()).mul_(1.01)
    return model


def test_the_second_look_reads_no_pixel_and_sees_the_same(look, lab):
    first, seen = look()
    again, same = look()
    assert first == len(seen) > 0 and again == 0
    assert np.isfinite(seen).all() and np.array_equal(seen, same)
    assert [entry.kind for entry in lab.store.list()] == ["features"]


def test_only_missing_patches_are_computed_and_models_share_a_backbone(look, lab):
    fewer, rest = look(leave_out=2)
    more, seen = look()
    assert more == 2 and fewer == len(seen) - 2 and np.isnan(rest[-2:]).all()
    assert np.array_equal(rest[:-2], seen[:-2]) and np.isfinite(seen).all()
    assert look(of=other_heads)[0] == 0
    assert look(of=other_backbone)[0] == len(seen)


def test_damaged_features_are_computed_anew(look, lab):
    every, _ = look()
    for kept in feature_stores(lab.settings)[0].folder.glob("*.safetensors"):
        kept.write_bytes(kept.read_bytes()[:50])
    assert look()[0] == every and look()[0] == 0


def test_features_of_an_earlier_version_are_computed_anew_and_that_is_said(look, monkeypatch):
    every, _ = look()
    monkeypatch.setattr("mmdnet.slides.stores.features.FEATURE_VERSION", 99)
    told = []
    assert look(told=lambda share, words, /: told.append(words))[0] == every
    assert any("earlier version of the program and are computed again" in words for words in told)


def test_stopped_half_way_it_goes_on_from_there(look, monkeypatch):
    monkeypatch.setattr(features, "PATCHES_AT_ONCE", 4)
    monkeypatch.setattr(feature_rows, "KEEP_EVERY_S", 0.0)

    class StopError(Exception):
        pass

    def stop(share, words, /):
        if share > 0.4:
            raise StopError

    with pytest.raises(StopError):
        look(told=stop)
    rest, seen = look()
    assert 0 < rest < len(seen) and np.isfinite(seen).all()


@pytest.mark.parametrize("free_mib, limit", [(1, None), (10**6, 8)])
def test_without_room_a_job_refuses_in_a_sentence_and_a_score_does_without(look, lab, monkeypatch, free_mib, limit):
    usage = shutil.disk_usage(lab.settings.home)._replace(free=free_mib * 2**20)
    monkeypatch.setattr(feature_rows.shutil, "disk_usage", lambda folder: usage)
    if limit:
        monkeypatch.setattr(feature_rows, "features_limit", lambda settings: limit)
    with pytest.raises(LabError, match=r"were not computed: they take .* Nothing was changed"):
        look(must_keep=True)
    assert not lab.store.list()
    assert np.isfinite(look()[1]).all() and not lab.store.list()
