"""A tiny random network: what it says means nothing, how it is put together does."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from mmdnet.errors import LabError
from mmdnet.nn.card import ModelCard
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring.choices import ScoringChoices
from mmdnet.scoring.predict import SlideFeatures, predict_patches
from mmdnet.scoring.slide import embed_slide, score_features, score_slide
from mmdnet.slides.geometry import PatchPlace
from tests.nas import NAMES

PX = 64


@dataclass(frozen=True)
class Grid:
    patch_px: int = PX
    patch_mpp: float = 0.5


@dataclass(frozen=True)
class Unreadable:
    reason: str


def a_card(**changes):
    facts = {
        "name": "tiny", "backbone": "small", "patch_px": PX, "bag_size": 16, "head": "corn", "projection": 16,
        "attention_hidden": 8, "dropout": 0.5, "tasks": {"ballooning": 3, "inflammation": 4, "steatosis": 4},
        "trained_tasks": NAMES, "label_set_sha256": "0" * 64, "split": {}, "weights_sha256": "f" * 64,
    }  # fmt: skip
    return ModelCard(**(facts | changes))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MMDNet(a_card().architecture).eval()


@pytest.fixture(scope="module")
def places():
    return [PatchPlace(row, col, col * PX, row * PX, 1.0) for row in range(8) for col in range(10)]


@pytest.fixture(scope="module")
def patches(places):
    random = np.random.default_rng(0)
    return [(k, random.integers(0, 256, (PX, PX, 3), dtype=np.uint8)) for k in range(len(places))]


@pytest.fixture(scope="module")
def features(model, patches, places):
    return embed_slide(model, patches, len(places))


def test_a_slide_gets_three_grades_a_nas_and_attention_that_sums_to_one(model, places, patches):
    told = []
    score = score_slide(model, a_card(), iter(patches), places, Grid(), progress=lambda *said: told.append(said))
    summary, arrays = score.summary, score.arrays
    assert list(summary.tasks) == list(NAMES)
    assert summary.nas == sum(task.grade for task in summary.tasks.values())
    assert summary.assessed_patches == 80
    assert summary.bags == math.ceil(80 / 48)
    for name in NAMES:
        assert arrays.attention[name].sum() == pytest.approx(1, abs=1e-5)
        assert arrays.patch_probabilities[name].sum(axis=1) == pytest.approx(np.ones(80), abs=1e-5)
        assert arrays.bag_probabilities[name].sum(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert told[-1] == (1.0, "80 of 80 patches read")


def test_batch_size_and_order_of_patches_change_nothing(model, places, patches):
    plain = score_slide(model, a_card(), patches, places, Grid())
    mixed = score_slide(model, a_card(), patches[::-1], places, Grid(), choices=ScoringChoices(batch=7))
    for name in NAMES:
        assert mixed.arrays.attention[name] == pytest.approx(plain.arrays.attention[name], abs=1e-6)
        assert mixed.summary.tasks[name].expected == pytest.approx(plain.summary.tasks[name].expected, abs=1e-5)


def test_patches_never_given_or_not_readable_are_left_out_and_counted(model, places, patches):
    given = [*patches[:50], (50, Unreadable("tile does not decode")), (51, Unreadable("tile does not decode"))]
    score = score_slide(model, a_card(), given, places, Grid())
    assert score.summary.assessed_patches == 50
    assert score.summary.set_aside == 30
    assert score.summary.not_read == {"tile does not decode": 2}
    assert np.isnan(score.arrays.attention["steatosis"][50:]).all()
    assert (score.arrays.bag[50:] == -1).all()
    assert any("could not be read" in warning for warning in score.summary.warnings)


def test_an_untrained_quality_gate_has_no_say(model, places, features):
    assert score_features(model, a_card(ignore_head=False), features, places, Grid()).summary.ignored_by_model == 0


def test_a_trained_quality_gate_leaves_patches_out(model, places, features):
    p_ignore = predict_patches(model, features.values).p_ignore
    middle = float(np.median(p_ignore))
    card = a_card(ignore_head=True)
    score = score_features(model, card, features, places, Grid(), choices=ScoringChoices(ignore_above=middle))
    assert score.summary.ignored_by_model == (p_ignore > middle).sum() == 40
    assert score.arrays.assessed[p_ignore <= middle].all()
    assert np.isnan(score.arrays.patch_probabilities["steatosis"][p_ignore > middle]).all()


def test_a_slide_whose_every_patch_is_left_out_is_not_assessable(model, places, features):
    with pytest.raises(LabError, match="cannot be assessed: the model's quality gate left out all 80"):
        score_features(
            model, a_card(ignore_head=True), features, places, Grid(), choices=ScoringChoices(ignore_above=0)
        )


def test_a_slide_with_nothing_to_read_is_not_assessable(model, places):
    with pytest.raises(LabError, match="all its 80 patches were set aside"):
        score_slide(model, a_card(), [], places, Grid())
    with pytest.raises(LabError, match="no patches lie on its tissue"):
        score_slide(model, a_card(), [], [], Grid())
    with pytest.raises(LabError, match="2 could not be read"):
        score_slide(model, a_card(), [(k, Unreadable("broken")) for k in range(2)], places, Grid())


def test_a_model_for_other_patches_is_refused(model, places, patches):
    with pytest.raises(LabError, match=r"64 px at 0\.5 µm/px; this slide's are 64 px at 0\.25"):
        score_slide(model, a_card(), patches, places, Grid(patch_mpp=0.25))


def test_a_task_nobody_taught_is_not_graded_and_there_is_no_nas(model, places, features):
    score = score_features(model, a_card(trained_tasks=("steatosis",)), features, places, Grid())
    assert list(score.summary.tasks) == ["steatosis"]
    assert score.summary.nas is None
    assert any("Ballooning, Lobular inflammation" in warning for warning in score.summary.warnings)


def test_little_tissue_is_flagged(model, places, features):
    assert score_features(model, a_card(), features, places, Grid()).summary.low_evidence  # 64 px patches: 0.08 mm²
    large = replace(Grid(), patch_px=299)
    assert not score_features(model, a_card(patch_px=299), features, places, large).summary.low_evidence


def test_a_calibration_on_the_card_is_used_and_named(model, places, features):
    fit = {"method": "isotonic", "quantity": [0.0, 1.0], "score": [3.0, 3.0], "residuals": [0.0], "slides": 20}
    card = a_card(calibration={"rule": "density", "bag_size": 20, "tasks": {"steatosis": fit}})
    score = score_features(model, card, features, places, Grid())
    assert score.summary.tasks["steatosis"].grade == 3
    assert score.summary.tasks["steatosis"].calibrated
    assert not score.summary.tasks["ballooning"].calibrated
    assert score.summary.bags == 4
    assert "calibrated on 20 graded slides" in score.summary.aggregator


def test_features_that_were_kept_give_the_same_score_as_patches(model, places, patches, features):
    kept = SlideFeatures(features.values.astype(np.float16).astype(np.float32), {})
    fresh = score_slide(model, a_card(), patches, places, Grid())
    assert score_features(model, a_card(), kept, places, Grid()).summary.tasks["steatosis"].expected == pytest.approx(
        fresh.summary.tasks["steatosis"].expected, abs=0.01
    )


def test_thresholds_on_the_card_are_used_to_score(model, places, features):
    card = a_card(calibration={"rule": "density", "lines": {"inflammation": 0.7}})
    task = score_features(model, card, features, places, Grid()).summary.tasks["inflammation"]
    present = 1 - predict_patches(model, features.values).probabilities["inflammation"][:, 0]
    assert (task.threshold, task.calibrated) == (0.7, False)
    assert task.positive_patch_share == pytest.approx((present > 0.7).mean(), abs=1e-4)


def test_the_rule_asked_for_is_the_rule_used_and_named(model, places, features):
    summary = score_features(model, a_card(), features, places, Grid(), choices=ScoringChoices(rule="max")).summary
    assert summary.rule == "max"
    assert summary.aggregator == "highest bag, as in the MMD-Net paper; not calibrated"
