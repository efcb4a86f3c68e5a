"""Features that a training on a frozen backbone reads in place of pixels: those that were kept when slides came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from db.slides import patches_of, patches_with_ids
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.training.config import TrainingConfig
from mmdnet.words import count
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.feature_store.embedding import slide_features

if TYPE_CHECKING:
    from mmdnet.training.evaluate import FeatureSource
    from mmdnet.workflows.slides.feature_store.extractor import Extractor


def kept_source(
    services: Services, patch_id: np.ndarray, patch_px: int, config: TrainingConfig, progress: Progress
) -> FeatureSource | None:
    """Where a training reads its backbone's features from; None where it does not freeze one that starts from weights.

    What is not kept yet is computed and kept when it is first read, of these patches alone.

    Args:
        services: of the lab.
        patch_id: the cohort's patches, (N,).
        patch_px: their side.
        config: how it is trained.
        progress: told how far the reading is.
    """
    from mmdnet.nn.device import best_device
    from mmdnet.nn.packaged import packaged_weights
    from mmdnet.training.evaluate import FeatureSource
    from mmdnet.workflows.slides.feature_store.extractor import Extractor

    weights = config.weights or packaged_weights(config.backbone)
    if weights is None or config.warm_up or config.mode_on(best_device(config.device)) != "fast":
        return None
    extractor = Extractor.frozen(config.backbone, patch_px, weights, config.place_pooling)

    def read(positions: np.ndarray) -> np.ndarray:
        return _features(services, extractor, patch_id[positions], progress)

    return FeatureSource(extractor.sha256, read)


def _features(services: Services, extractor: Extractor, patch_ids: np.ndarray, progress: Progress) -> np.ndarray:
    """Features of these patches, (n, width) float32.

    Raises:
        LabError: one of them can no longer be read.
    """
    with services.db() as session:
        of_slide = {patch.id: patch.slide_id for patch in patches_with_ids(session, patch_ids.tolist())}
        slides = list(dict.fromkeys(of_slide.values()))
        rows = {slide: [patch.id for patch in patches_of(session, slide)] for slide in slides}
    features: dict[int, np.ndarray] = {}
    for slide_id in slides:
        wanted = [index for index, patch in enumerate(rows[slide_id]) if of_slide.get(patch) == slide_id]
        values = slide_features(services, slide_id, progress, extractor, must_keep=False, only=wanted).values
        features |= {rows[slide_id][index]: values[index] for index in wanted}
    table = np.stack([features[int(patch)] for patch in patch_ids])
    if lost := int((~np.isfinite(table).all(axis=1)).sum()):
        raise LabError(
            f"{count(lost, 'labelled patch')} can no longer be read. Put the slides' whole files back and start again."
        )
    return table
