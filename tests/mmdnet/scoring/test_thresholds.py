import numpy as np
import torch

from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.scoring.predict import embed_patches, predict_patches
from mmdnet.scoring.thresholds import fit_model_thresholds

PX, PATCHES = 64, 160


def test_a_models_thresholds_are_fitted_on_graded_patches_and_need_enough_of_them():
    torch.manual_seed(0)
    model = MMDNet(Architecture(backbone="small", patch_px=PX, head="corn", projection=16, attention_hidden=8)).eval()
    random = np.random.default_rng(0)
    patches = [(k, random.integers(0, 256, (PX, PX, 3), dtype=np.uint8)) for k in range(PATCHES)]
    features = embed_patches(model, patches, PATCHES).values
    present = 1 - predict_patches(model, features).probabilities["inflammation"][:, 0]
    grades = (present >= np.sort(present)[-12]).astype(int)  # the twelve it is surest of

    calibration = fit_model_thresholds(model, patches, {"inflammation": grades})
    threshold = calibration.thresholds["inflammation"]
    assert 2 <= (present > threshold).sum() <= 16
    assert (calibration.rule, calibration.tasks) == ("density", {})
    assert fit_model_thresholds(model, patches[:80], {"inflammation": grades}) is None
    assert fit_model_thresholds(model, [], {"inflammation": grades}) is None
