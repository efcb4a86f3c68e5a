"""A tiny random network: what it says means nothing, how it is put together does."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.nn.card import ModelCard
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring import predict as infer
from mmdnet.scoring.predict import SlideFeatures, grade_bags, predict_patches
from mmdnet.scoring.result import SlideScore
from mmdnet.scoring.slide import ScoringChoices, embed_slide, score_features, score_slide
from mmdnet.scoring.thresholds import fit_model_lines

PX = 64


@dataclass(frozen=True)
class Place:
    row: int
    col: int
    tissue_share: float = 1.0


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
        "trained_tasks": TASK_NAMES, "label_set_sha256": "0" * 64, "split": {}, "weights_sha256": "f" * 64,
    }  # fmt: skip
    return ModelCard(**(facts | changes))


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return MMDNet(a_card().architecture).eval()


@pytest.fixture(scope="module")
def places():
    return [Place(row, col) for row in range(8) for col in range(10)]


@pytest.fixture(scope="module")
def patches(places):
    random = np.random.default_rng(0)
    return [(k, random.integers(0, 256, (PX, PX, 3), dtype=np.uint8)) for k in range(len(places))]


@pytest.fixture(scope="module")
def features(model, patches, places):
    return embed_slide(model, patches, len(places))


def test_a_slide_gets_three_grades_a_nas_and_attention_that_sums_to_one(model, places, patches):
    told = []
    score = score_slide(model, a_card(), iter(patches), places, Grid(), on_progress=lambda *one: told.append(one))
    assert list(score.tasks) == list(TASK_NAMES)
    assert score.nas == sum(task.grade for task in score.tasks.values())
    assert score.assessed_patches == 80
    assert score.bags == math.ceil(80 / 48)
    for task in score.tasks.values():
        assert task.attention.sum() == pytest.approx(1, abs=1e-5)
        assert task.patch_probabilities.sum(axis=1) == pytest.approx(np.ones(80), abs=1e-5)
        assert task.bag_probabilities.sum(axis=1) == pytest.approx(np.ones(2), abs=1e-5)
    assert told[-1] == (1.0, "80 of 80 patches read")


def test_batch_size_and_order_of_patches_change_nothing(model, places, patches):
    plain = score_slide(model, a_card(), patches, places, Grid())
    mixed = score_slide(model, a_card(), patches[::-1], places, Grid(), choices=ScoringChoices(batch=7))
    for name in TASK_NAMES:
        assert mixed.tasks[name].attention == pytest.approx(plain.tasks[name].attention, abs=1e-6)
        assert mixed.tasks[name].expected == pytest.approx(plain.tasks[name].expected, abs=1e-5)


def test_attention_is_that_of_one_bag_as_large_as_the_slide_in_chunks_too(model, features, monkeypatch):
    with torch.inference_mode():
        h = torch.from_numpy(features.values)[None]
        whole = model.from_features(h, torch.ones(1, 80, dtype=torch.bool)).attention["steatosis"][0].numpy()
    monkeypatch.setattr(infer, "CHUNK", 13)
    reading = predict_patches(model, features.values)
    assert reading.attention["steatosis"] / reading.attention["steatosis"].sum() == pytest.approx(whole, rel=1e-3)
    assert len(reading.p_ignore) == 80


def test_padding_the_last_bag_changes_no_grade(model, features):
    bag = np.repeat([0, 1], [60, 20])
    together = grade_bags(model, features.values, bag)["steatosis"]
    alone = grade_bags(model, features.values[60:], np.zeros(20, dtype=int))["steatosis"]
    assert together[1] == pytest.approx(alone[0], abs=1e-5)


def test_patches_never_given_or_not_readable_are_left_out_and_counted(model, places, patches):
    given = [*patches[:50], (50, Unreadable("tile does not decode")), (51, Unreadable("tile does not decode"))]
    score = score_slide(model, a_card(), given, places, Grid())
    assert score.assessed_patches == 50
    assert score.set_aside == 30
    assert score.not_read == {"tile does not decode": 2}
    assert np.isnan(score.tasks["steatosis"].attention[50:]).all()
    assert (score.bag[50:] == -1).all()
    assert any("could not be read" in warning for warning in score.warnings)


def test_an_untrained_quality_gate_has_no_say(model, places, features):
    assert score_features(model, a_card(ignore_head=False), features, places, Grid()).ignored == 0


def test_a_trained_quality_gate_leaves_patches_out(model, places, features):
    p_ignore = predict_patches(model, features.values).p_ignore
    middle = float(np.median(p_ignore))
    card = a_card(ignore_head=True)
    score = score_features(model, card, features, places, Grid(), choices=ScoringChoices(ignore_above=middle))
    assert score.ignored == (p_ignore > middle).sum() == 40
    assert score.assessed[p_ignore <= middle].all()
    assert np.isnan(score.tasks["steatosis"].patch_probabilities[p_ignore > middle]).all()


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
    assert list(score.tasks) == ["steatosis"]
    assert score.nas is None
    assert any("Ballooning, Lobular inflammation" in warning for warning in score.warnings)


def test_little_tissue_is_flagged(model, places, features):
    assert score_features(model, a_card(), features, places, Grid()).low_evidence  # 64 px patches: 0.08 mm²
    large = replace(Grid(), patch_px=299)
    assert not score_features(model, a_card(patch_px=299), features, places, large).low_evidence


def test_a_calibration_on_the_card_is_used_and_named(model, places, features):
    fit = {"method": "isotonic", "quantity": [0.0, 1.0], "score": [3.0, 3.0], "residuals": [0.0], "slides": 20}
    card = a_card(calibration={"rule": "density", "bag_size": 20, "tasks": {"steatosis": fit}})
    score = score_features(model, card, features, places, Grid())
    assert score.tasks["steatosis"].grade == 3
    assert score.tasks["steatosis"].calibrated
    assert not score.tasks["ballooning"].calibrated
    assert score.bags == 4
    assert "calibrated on 20 graded slides" in score.aggregator


def test_a_saved_score_comes_back_the_same(model, places, features, tmp_path):
    score = score_features(model, a_card(), features, places, Grid())
    score.save(tmp_path / "scores" / "1.safetensors")
    back = SlideScore.load(tmp_path / "scores" / "1.safetensors")
    assert back.summary() == score.summary()
    for name, array in score.arrays().items():
        np.testing.assert_array_equal(back.arrays()[name], array)
    assert [file.name for file in (tmp_path / "scores").iterdir()] == ["1.safetensors"]


def test_a_damaged_or_missing_score_file_is_told_in_words(tmp_path):
    with pytest.raises(LabError, match="is gone"):
        SlideScore.load(tmp_path / "no.safetensors")
    (tmp_path / "bad.safetensors").write_bytes(b"not a score")
    with pytest.raises(LabError, match="damaged"):
        SlideScore.load(tmp_path / "bad.safetensors")


def test_features_that_were_kept_give_the_same_score_as_patches(model, places, patches, features):
    kept = SlideFeatures(features.values.astype(np.float16).astype(np.float32), {})
    fresh = score_slide(model, a_card(), patches, places, Grid())
    assert score_features(model, a_card(), kept, places, Grid()).tasks["steatosis"].expected == pytest.approx(
        fresh.tasks["steatosis"].expected, abs=0.01
    )


def test_a_models_lines_are_fitted_on_graded_patches_and_used_to_score(model, places, patches, features):
    read = predict_patches(model, features.values).probabilities["inflammation"]
    present = 1 - read[:, 0]
    grades = (present >= np.sort(present)[-6]).astype(int)  # the six it is surest of, among 80 and 80 more
    many = [*patches, *((80 + k, image) for k, image in patches)]
    calibration = fit_model_lines(model, many, {"inflammation": np.concatenate([grades, grades])})
    line = calibration["lines"]["inflammation"]
    score = score_features(model, a_card(calibration=calibration), features, places, Grid())
    assert score.tasks["inflammation"].line == line
    assert not score.tasks["inflammation"].calibrated
    assert 1 <= (present > line).sum() <= 8
    assert fit_model_lines(model, patches, {"inflammation": grades}) is None
