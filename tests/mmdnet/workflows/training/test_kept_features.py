"""A training on a frozen backbone reads the features that were kept when its slides came in."""

import numpy as np
import pytest

from mmdnet.progress import silent
from mmdnet.slides.facts import StatedFacts
from mmdnet.training.config import TrainingConfig
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store.embedding import slide_features
from mmdnet.workflows.slides.stores import feature_stores
from mmdnet.workflows.training.kept_features import kept_source


@pytest.fixture
def services(lab) -> Services:
    return Services(lab.settings, lab.db, None)


def test_what_was_kept_is_read_and_what_was_not_is_computed_alone(lab, services, tissue_png, monkeypatch):
    project = lab.projects.create("Test").id
    first, second = (
        lab.slides.register(project, tissue_png(name, side=650, seed=seed), StatedFacts(mpp=0.5))[0].slide_id
        for seed, name in enumerate(("a.png", "b.png"))
    )
    kept = slide_features(services, first, silent).values
    of_first, of_second = ([patch.id for patch in lab.slides.patches(slide)] for slide in (first, second))
    patch_id = np.array([of_second[1], of_first[2], of_first[0]])
    source = kept_source(services, patch_id, 299, TrainingConfig(device="cpu"), silent)
    assert source is not None
    monkeypatch.setattr("mmdnet.workflows.slides.feature_store.features.PATCHES_AT_ONCE", 1)
    features = source.read(np.array([2, 0, 1]))
    assert np.array_equal(features[[0, 2]], kept[[0, 2]])
    assert np.isfinite(features).all()
    assert sorted(table.patches for table in feature_stores(lab.settings)[0].list()) == sorted([1, len(of_first)])


@pytest.mark.parametrize("choices", [{"mode": "full"}, {"backbone": "small", "mode": "fast"}, {"warm_up_epochs": 2}])
def test_a_backbone_that_learns_or_starts_at_random_reads_none(services, choices):
    config = TrainingConfig(device="cpu", **choices)
    assert kept_source(services, np.arange(3), 299, config, silent) is None
