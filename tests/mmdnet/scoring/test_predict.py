"""Attention, grades and quality of patches: whatever the batch, the chunk, the order or the padding."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring import predict
from mmdnet.scoring.predict import embed_patches, grade_bags, predict_patches

PX, PLACES = 64, 30


@dataclass(frozen=True)
class Unreadable:
    reason: str = "tile does not decode"


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MMDNet(Architecture(backbone="small", patch_px=PX, projection=16, attention_hidden=8)).eval()


@pytest.fixture(scope="module")
def patches():
    random = np.random.default_rng(0)
    return [(k, random.integers(0, 256, (PX, PX, 3), dtype=np.uint8)) for k in range(PLACES)]


@pytest.fixture(scope="module")
def features(model, patches):
    return embed_patches(model, patches, PLACES).values


def test_features_lie_at_their_places_whatever_the_batch_and_progress_is_told(model, patches, features):
    told = []
    mixed = embed_patches(
        model, iter(patches[::-1]), PLACES, batch=7, progress=lambda share, message: told.append((share, message))
    )
    assert mixed.values == pytest.approx(features, abs=1e-5)
    assert mixed.read.all()
    assert told[-1] == (1.0, "30 of 30 patches read")
    assert [share for share, _ in told] == sorted(share for share, _ in told)


def test_a_patch_with_one_feature_that_is_no_number_counts_as_not_read(features):
    """Half precision ends at 65,504: beyond that a feature is kept as infinite, whichever it is."""
    spoilt = features.copy()
    spoilt[3, -1] = np.inf
    assert predict.SlideFeatures(spoilt, {}).read.tolist() == [place != 3 for place in range(PLACES)]


def test_what_could_not_be_read_is_counted_by_reason_and_has_no_features(model, patches):
    features = embed_patches(model, [*patches[:3], (3, Unreadable()), (4, Unreadable())], PLACES)
    assert features.not_read == {"tile does not decode": 2}
    assert features.read.tolist() == [True] * 3 + [False] * (PLACES - 3)
    assert not embed_patches(model, [], PLACES).read.any()


def test_attention_is_that_of_one_bag_as_large_as_the_slide_in_chunks_too(model, features, monkeypatch):
    with torch.inference_mode():
        bag = torch.from_numpy(features)[None]
        whole = model.from_features(bag, torch.ones(1, PLACES, dtype=torch.bool)).attention["steatosis"][0].numpy()
    monkeypatch.setattr(predict, "CHUNK", 13)
    reading = predict_patches(model, features)
    assert reading.attention["steatosis"] / reading.attention["steatosis"].sum() == pytest.approx(whole, rel=1e-3)
    assert reading.probabilities["steatosis"].sum(axis=1) == pytest.approx(np.ones(PLACES), abs=1e-5)
    assert ((reading.p_ignore >= 0) & (reading.p_ignore <= 1)).all()
    assert len(reading.p_ignore) == PLACES


def test_padding_the_last_bag_changes_no_grade(model, features):
    together = grade_bags(model, features, np.repeat([0, 1], [20, 10]))["steatosis"]
    alone = grade_bags(model, features[20:], np.zeros(10, dtype=int))["steatosis"]
    assert together[1] == pytest.approx(alone[0], abs=1e-5)
