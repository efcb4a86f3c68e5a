"""A slide's patches as a network's backbone sees them: computed once, and read from the store the next time.

Rows are kept by what made them (slide, grid, backbone, versions), not by model: all models with the same frozen
backbone share them, and so do training and scoring. What is missing is computed, in parts that are kept as they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from db.models import Slide
from mmdnet.errors import LabError
from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.progress import Progress, silent
from mmdnet.settings import ENGINES, Settings
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.stores.features import FeatureStore, code_versions, feature_key
from mmdnet.words import count
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.slides.feature_store.feature_rows import (
    BYTES,
    RowKeeper,
    corners_of,
    kept_rows,
    known_rows,
    room_for,
)
from mmdnet.workflows.slides.stored_geometry import open_stored
from mmdnet.workflows.slides.stores import feature_stores

if TYPE_CHECKING:
    from mmdnet.scoring.predict import SlideFeatures


def kept_features(
    settings: Settings,
    extractor: Extractor,
    slide: Slide,
    places: Sequence[PatchPlace],
    usable: Sequence[int],
    grid: PatchGrid,
    progress: Progress,
    must_keep: bool = False,
) -> SlideFeatures:
    """Features of a slide's usable patches, in half precision whether they were stored before or not.

    So a slide that is scored twice gets the very same score. Patches that cannot be read are not stored: the file may
    be mended.

    Args:
        settings: of the lab.
        extractor: what makes them.
        slide: its row.
        places: of all its patches.
        usable: which of them are wanted.
        grid: of the slide.
        progress: told how far it is.
        must_keep: refuse where there is no room to keep them; otherwise they are computed all the same.

    Raises:
        LabError: the file is gone or another by now, or there is no room.
    """
    from mmdnet.scoring.predict import SlideFeatures

    store, key = feature_stores(settings)[0], _key(extractor, slide, grid)
    corners = corners_of(places)
    kept = kept_rows(store, key)
    here = np.full(len(places), -1) if kept is None else kept.at(corners)
    todo = [index for index in usable if here[index] < 0]
    values = np.full((len(places), extractor.width), np.nan, np.float32)
    done = [index for index in usable if here[index] >= 0]
    if kept is not None and done:
        values[done] = kept.features[here[done]]
    if not todo:
        progress(1.0, "features are there already")
        return SlideFeatures(values, {}, kept.engines if kept else ())
    room = room_for(settings, len(todo) * extractor.width * BYTES, slide.name)
    if room and must_keep:
        raise LabError(room)
    if kept is None and _earlier(store, slide, extractor):
        progress(0.0, f"{slide.name}: its features are of an earlier version of the program and are computed again")
    else:
        progress(0.0, f"computing features of {count(len(todo), 'patch')} for training and scoring")
    keeper = None if room else RowKeeper(settings, store, key, kept, _meta(slide, extractor))
    engine, not_read = _compute(settings, extractor, slide, places, todo, grid, values, corners, keeper, progress)
    engines = {*(kept.engines if kept and done else ()), engine} - {""}
    return SlideFeatures(values, not_read, tuple(sorted(engines)))


def known_features(
    settings: Settings, extractor: Extractor, slide: Slide, places: Sequence[PatchPlace], grid: PatchGrid
) -> np.ndarray:
    """Features of a slide's patches that are kept, shape (places, width), NaN where none are; nothing is computed."""
    return known_rows(feature_stores(settings)[0], _key(extractor, slide, grid), places, extractor.width)


def compute_features(
    settings: Settings,
    extractor: Extractor,
    slide: Slide,
    places: Sequence[PatchPlace],
    wanted: Sequence[int],
    grid: PatchGrid,
    progress: Progress = silent,
) -> np.ndarray:
    """Features of some patches computed anew, whatever is kept: (wanted, width), NaN where one cannot be read.

    Raises:
        LabError: the file is gone or another by now.
    """
    values = np.full((len(places), extractor.width), np.nan, np.float32)
    _compute(settings, extractor, slide, places, wanted, grid, values, corners_of(places), None, progress)
    return values[list(wanted)]


def keep_features(
    settings: Settings,
    extractor: Extractor,
    slide: Slide,
    places: Sequence[PatchPlace],
    wanted: Sequence[int],
    values: np.ndarray,
    grid: PatchGrid,
    made_by: str,
) -> None:
    """Keep features that were made elsewhere as if they had been computed here; what is kept already stays.

    Args:
        settings: of the lab.
        extractor: what made them, by its weights.
        slide: its row.
        places: of all its patches.
        wanted: which of them, and `values` (wanted, width) their features.
        grid: of the slide.
        made_by: who made them; stands with the rows, and in a score that uses them.

    Raises:
        LabError: there is no room.
    """
    store, key = feature_stores(settings)[0], _key(extractor, slide, grid)
    if room := room_for(settings, values.size * BYTES, slide.name):
        raise LabError(room)
    kept, corners = kept_rows(store, key), corners_of(places)[np.asarray(wanted, int)]
    new = np.ones(len(corners), bool) if kept is None else kept.at(corners) < 0
    if new.any():
        keeper = RowKeeper(settings, store, key, kept, _meta(slide, extractor))
        keeper.add(values[new].astype(np.float16), corners[new], made_by)
        keeper.keep()


def _compute(
    settings: Settings,
    extractor: Extractor,
    slide: Slide,
    places: Sequence[PatchPlace],
    todo: Sequence[int],
    grid: PatchGrid,
    values: np.ndarray,
    corners: np.ndarray,
    keeper: RowKeeper | None,
    progress: Progress,
) -> tuple[str, dict[str, int]]:
    """Fill in the features of the places to do; the engine, and how many could not be read, by reason."""
    from mmdnet.nn.engines import Embedder, embedder_for

    records = settings.home.resolve() / ENGINES
    embedder: Embedder | None = None
    waiting: list[tuple[int, np.ndarray]] = []
    not_read: dict[str, int] = {}

    def flush() -> None:
        nonlocal embedder
        if not waiting:
            return
        images = np.stack([image for _, image in waiting])
        embedder = embedder or embedder_for(extractor.net, extractor.device, len(todo), images, records)
        indices = [index for index, _ in waiting]
        half = embedder.embed(images).astype(np.float16)
        values[indices] = half.astype(np.float32)
        waiting.clear()
        if keeper:
            keeper.add(half, corners[indices], embedder.engine)

    with open_stored(slide, settings, progress) as reader:
        for number, (position, patch) in enumerate(reader.read_patches([places[index] for index in todo], grid), 1):
            if isinstance(patch, np.ndarray):
                waiting.append((todo[position], patch))
            else:
                reason = str(getattr(patch, "reason", "unreadable"))
                not_read[reason] = not_read.get(reason, 0) + 1
            if len(waiting) == PATCHES_AT_ONCE:
                flush()
                progress(number / len(todo), f"features of {number} of {count(len(todo), 'patch')}")
    flush()
    if keeper:
        keeper.keep()
    engine = embedder.engine if embedder else ""
    progress(1.0, f"features of {count(len(todo), 'patch')}" + (f" by {engine}" if engine else ""))
    return engine, not_read


def _key(extractor: Extractor, slide: Slide, grid: PatchGrid) -> str:
    return feature_key(
        slide=slide.fingerprint,
        grid=asdict(grid),
        weights=extractor.sha256,
        code=code_versions(),
        device=extractor.device.partition(":")[0],
    )


def _meta(slide: Slide, extractor: Extractor) -> dict[str, object]:
    return {
        "slide": slide.name,
        "backbone": extractor.backbone,
        "place_pooling": extractor.place_pooling,
        "weights": extractor.sha256,
        "code": code_versions(),
    }


def _earlier(store: FeatureStore, slide: Slide, extractor: Extractor) -> bool:
    """Whether features of this slide by the same weights were kept by a version that computed otherwise."""
    return any(
        said.get("slide") == slide.name
        and said.get("weights") == extractor.sha256
        and said.get("code") != code_versions()
        for said in store.said()
    )
