"""Local density of a slide is measured once, kept by place, and refused where there is no room."""

import numpy as np
import pytest

from db.models import Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.measures.local_density import WIDTH
from mmdnet.workflows.slides.feature_store import feature_rows, local_densities
from mmdnet.workflows.slides.stored_geometry import stored_grid, stored_places


@pytest.fixture
def of_slide(lab, tissue_png):
    slide_id = lab.slides.register(lab.projects.create("Test").id, tissue_png(), StatedFacts(mpp=0.5))[0].slide_id
    with lab.db() as session:
        slide, patches = session.get(Slide, slide_id), list(patches_of(session, slide_id))
    return slide, stored_places(patches), stored_grid(slide)


def test_it_is_measured_once_and_goes_on_where_it_was(lab, of_slide, monkeypatch):
    slide, places, grid = of_slide
    every = list(range(len(places)))
    assert np.isnan(local_densities.known_densities(lab.settings, slide, places, grid)).all()
    local_densities.keep_densities(lab.settings, slide, places, every[:2], grid, silent)
    told = []
    local_densities.keep_densities(
        lab.settings, slide, places, every, grid, lambda share, words, /, **more: told.append(words)
    )
    assert told == [f"local density of {len(places) - 2} of {len(places) - 2} patches"]
    values = local_densities.known_densities(lab.settings, slide, places, grid)
    assert values.shape == (len(places), WIDTH) and np.isfinite(values).all()
    assert len(np.unique(values, axis=0)) == len(places), "each patch has its own"
    assert [entry.slide for entry in lab.store.list()] == [slide.name], "it counts in the store's limit"
    monkeypatch.setattr(local_densities, "open_stored", None)
    local_densities.keep_densities(lab.settings, slide, places, every, grid, silent)


def test_where_there_is_no_room_nothing_is_kept(lab, of_slide, monkeypatch):
    slide, places, grid = of_slide
    monkeypatch.setattr(feature_rows, "features_limit", lambda settings: 100)
    with pytest.raises(LabError, match=r"were not computed: they take .* Nothing was changed"):
        local_densities.keep_densities(lab.settings, slide, places, range(len(places)), grid, silent)
    assert not lab.store.list()
