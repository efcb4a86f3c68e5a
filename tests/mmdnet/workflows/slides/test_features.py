"""A slide that is scored again with the same model is read from the store, and gets the very same features."""

import numpy as np
import pytest

import mmdnet.slides.readers.reader as reading
from db.models import Slide
from db.slides import patches_of
from mmdnet.nn.io import load_model
from mmdnet.settings import DEMO_MODEL
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.features import kept_features
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places
from mmdnet.workflows.slides.stores import feature_stores


@pytest.fixture
def look(lab, tissue_png, monkeypatch):
    """Features of a slide by the shipped model, and how many patches were read for them."""
    slide_id = lab.slides.register(lab.projects.create("Test").id, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    model, card = load_model(DEMO_MODEL)
    with lab.db() as session:
        slide, patches = session.get(Slide, slide_id), list(patches_of(session, slide_id))
    read, honest = [], reading.SlideReader.read_patches

    def counted(self, places, *rest, **more):
        read.append(len(places))
        return honest(self, places, *rest, **more)

    monkeypatch.setattr(reading.SlideReader, "read_patches", counted)

    def once(leave_out: int = 0, weights: str = card.weights_sha256):
        read.clear()
        usable, said = range(len(patches) - leave_out), card.model_copy(update={"weights_sha256": weights})
        places, grid = stored_places(patches), stored_grid(slide)
        features = kept_features(
            lab.settings, model, said, slide, places, usable, grid, "cpu", lambda share, words: None
        )
        return sum(read), features.values

    return once


def test_the_second_look_reads_no_pixel_and_sees_the_same(look, lab):
    first, seen = look()
    again, same = look()
    assert first == len(seen) > 0 and again == 0
    assert np.isfinite(seen).all() and np.array_equal(seen, same)
    assert [entry.kind for entry in lab.store.list()] == ["features"]


def test_other_patches_other_weights_and_damaged_features_are_computed_anew(look, lab):
    every, seen = look()
    fewer, rest = look(leave_out=1)
    assert fewer == every - 1 and np.isnan(rest[-1]).all()
    # How many patches are computed at once may move the last bit of float16, the form features are kept in.
    assert np.allclose(rest[:-1], seen[:-1], rtol=2**-10, atol=1e-5)
    assert look(weights="other")[0] == every
    for kept in feature_stores(lab.settings)[0].folder.glob("*.safetensors"):
        kept.write_bytes(kept.read_bytes()[:50])
    assert look()[0] == every and look()[0] == 0
