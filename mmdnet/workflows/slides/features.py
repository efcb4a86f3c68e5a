"""A slide's patches as a model's backbone sees them: computed once, and read from the store the next time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.slides.stores import feature_stores, prune

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.scoring.predict import SlideFeatures

FEATURE_VERSION = 1  # raised whenever the same pixels and weights would give other features


def kept_features(
    settings: Settings,
    model: MMDNet,
    card: ModelCard,
    slide: Slide,
    places: Sequence[PatchPlace],
    usable: Sequence[int],
    grid: PatchGrid,
    device: str,
    progress: Progress,
) -> SlideFeatures:
    """Features of a slide's usable patches, in half precision whether they were stored before or not.

    So a slide that is scored twice gets the very same score. Slides with patches that cannot be read are not stored:
    the file may be mended.
    """
    from mmdnet.scoring.predict import SlideFeatures
    from mmdnet.scoring.slide import embed_slide

    store = feature_stores(settings)[0]
    key = _key(card, slide, [places[index] for index in usable], grid, device)
    if store.has(key):
        try:
            table, _ = store.load(key)
        except LabError:
            pass  # damaged: computed again, and written over
        else:
            progress(1.0, "features of an earlier scoring")
            return SlideFeatures(_on_places(table, usable, len(places)), {})

    def pixels() -> Iterator[tuple[int, Any]]:
        with open_stored(slide) as reader:
            for position, patch in reader.read_patches([places[index] for index in usable], grid):
                yield usable[position], patch

    features = embed_slide(model, pixels(), len(places), device, progress=progress)
    half = features.values.astype(np.float16)
    if not np.isfinite(half[features.read]).all():
        return features  # too large for half precision
    if usable and not features.not_read:
        store.save(key, half[list(usable)], {"slide": slide.name, "weights": card.weights_sha256})
        prune(settings)
    return SlideFeatures(half.astype(np.float32), features.not_read)


def _key(card: ModelCard, slide: Slide, places: Sequence[PatchPlace], grid: PatchGrid, device: str) -> str:
    import torch

    from mmdnet.slides.stores.features import feature_key
    from mmdnet.slides.stores.patches import PIXEL_VERSION

    return feature_key(
        slide=slide.fingerprint,
        grid=asdict(grid),
        places=[(place.x_px0, place.y_px0) for place in places],
        weights=card.weights_sha256,
        code=[FEATURE_VERSION, PIXEL_VERSION, torch.__version__],
        device=device.partition(":")[0],
    )


def _on_places(table: np.ndarray, usable: Sequence[int], places: int) -> np.ndarray:
    values = np.full((places, table.shape[1]), np.nan, np.float32)
    values[list(usable)] = table
    return values
