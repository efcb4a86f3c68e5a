"""After a training: where each task's patches begin to count, fitted on the validation patients' labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.labels.grading import TASK_NAMES

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.bags.splits import Split
    from mmdnet.nn.card import ModelCard

AT_ONCE = 64


def calibrate(folder: Path, cohort: Cohort, pixels: PixelSource, split: Split, device: str = "cpu") -> ModelCard:
    """Fit the thresholds of `mmdnet.scoring.thresholds` and write them into the card of a model folder.

    Training bags hold more positives than tissue does, so a patch's probabilities lean high; validation patches are
    drawn as they come. Without graded validation patches the card stays as it is, and scores say "not calibrated".
    """
    from mmdnet.nn.io import load_model, save_model
    from mmdnet.scoring.thresholds import fit_model_thresholds

    model, card = load_model(folder)
    graded = np.flatnonzero(np.isin(cohort.slide_index, split.validation) & cohort.known())
    if not len(graded):
        return card

    def patches() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(graded), AT_ONCE):
            yield from enumerate(pixels.read(graded[start : start + AT_ONCE]), start)

    grades = {name: cohort.grades[graded, t].astype(int) for t, name in enumerate(TASK_NAMES)}
    calibration = fit_model_thresholds(model, patches(), grades, device)
    if calibration is None:
        return card
    return save_model(model.cpu(), folder, card.model_copy(update={"calibration": calibration.to_json()}))
