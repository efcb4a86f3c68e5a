"""After a training: from where on each task's patches count, and what tissue the model knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.labels.grading import TASK_NAMES
from mmdnet.progress import Progress, silent
from mmdnet.scoring.calibration.guard import Guard, enough_for_guard, fit_guard, mean_feature
from mmdnet.scoring.calibration.thresholds import fit_thresholds
from mmdnet.scoring.calibration_record import Calibration, ThresholdFit
from mmdnet.scoring.predict import embed_patches, predict_patches

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.bags.splits import Split
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet

AT_ONCE = 64
OF_A_SLIDE = 48  # patches of a training slide that its mean feature is taken of


def calibrate(
    folder: Path, cohort: Cohort, pixels: PixelSource, split: Split, device: str = "cpu", progress: Progress = silent
) -> ModelCard:
    """Fit thresholds on the labelled validation patches, and write how that went into the card of a model folder.

    Validation patches are taken as they come. Without graded ones the card stays as it is. The guard beside the weights
    (`mmdnet.scoring.calibration.guard`) is made of the training slides.
    """
    from mmdnet.nn.io import load_model, save_model

    model, card = load_model(folder)
    guard = fit_model_guard(model, cohort, pixels, split, device, progress=progress)
    if guard:
        guard.save(folder)
    progress(1.0, "Fitting the thresholds")
    fits = fit_model_thresholds(model, cohort, pixels, split, device)
    if not fits:
        return card
    used = {name: fit.threshold for name, fit in fits.items() if fit.used}
    calibration = Calibration(thresholds=used, threshold_fits=fits)
    return save_model(model.cpu(), folder, card.model_copy(update={"calibration": calibration.to_json()}))


def fit_model_guard(
    model: MMDNet,
    cohort: Cohort,
    pixels: PixelSource,
    split: Split,
    device: str = "cpu",
    seed: int = 0,
    progress: Progress = silent,
) -> Guard | None:
    """The guard of the training slides, of some patches of each; None where they are too few, which no patch is read
    to find out."""
    if not enough_for_guard([cohort.slides[s].patient for s in split.train]):
        return None
    model.to(device).eval()
    random, means, patients = np.random.default_rng(seed), [], []
    for number, s in enumerate(split.train, start=1):
        progress(1.0, f"Noting what tissue the model knows: slide {number} of {len(split.train)}")
        mine = np.flatnonzero((cohort.slide_index == s) & ~cohort.ignored & ~cohort.synthetic)
        shown = np.sort(random.permutation(mine)[:OF_A_SLIDE])
        if not len(shown):
            continue
        features = embed_patches(model, enumerate(pixels.read(shown)), len(shown), device)
        if features.read.any():
            means.append(mean_feature(features.values[features.read]))
            patients.append(cohort.slides[s].patient)
    return fit_guard(means, patients)


def fit_model_thresholds(
    model: MMDNet, cohort: Cohort, pixels: PixelSource, split: Split, device: str = "cpu"
) -> dict[str, ThresholdFit]:
    """The thresholds of the tasks that have enough graded validation patches (`fit_thresholds`)."""
    graded = np.flatnonzero(np.isin(cohort.slide_index, split.validation) & cohort.known())
    if not len(graded):
        return {}

    def patches() -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, len(graded), AT_ONCE):
            yield from enumerate(pixels.read(graded[start : start + AT_ONCE]), start)

    model.to(device).eval()
    features = embed_patches(model, patches(), len(graded), device)
    read = features.read
    if not read.any():
        return {}
    reading = predict_patches(model, features.values[read], device)
    grades = {name: cohort.grades[graded, t].astype(int)[read] for t, name in enumerate(TASK_NAMES)}
    names = sorted({slide.patient for slide in cohort.slides})
    patients = np.array([names.index(cohort.slides[s].patient) for s in cohort.slide_index[graded]])[read]
    return fit_thresholds(reading.probabilities, grades, patients)
