"""Fitting a model's thresholds on patches that readers graded: what to do once a training has ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmdnet.scoring.aggregate import Calibration
from mmdnet.scoring.calibration import fit_thresholds, thresholds_only
from mmdnet.scoring.predict import embed_patches, predict_patches

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet


def fit_model_thresholds(
    model: MMDNet,
    patches: Iterable[tuple[int, Any]],
    grades: Mapping[str, np.ndarray],
    device: str = "cpu",
) -> Calibration | None:
    """What to put on the model card as `calibration`, or None where too few patches are graded.

    Args:
        model: the trained network.
        patches: pairs of number and patch (uint8 RGB) of validation patients, drawn at random; ones that could not be
            read are passed over.
        grades: readers' grades by task, shape (patches,), -1 where unknown, in the order of the numbers.
        device: where to compute.
    """
    model.to(device).eval()
    features = embed_patches(model, patches, len(next(iter(grades.values()))), device)
    if not features.read.any():
        return None
    reading = predict_patches(model, features.values[features.read], device)
    thresholds = fit_thresholds(reading.probabilities, {name: known[features.read] for name, known in grades.items()})
    return thresholds_only(thresholds) if thresholds else None
