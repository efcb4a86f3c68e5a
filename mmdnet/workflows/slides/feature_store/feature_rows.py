"""Rows of a slide's patches as they are kept: by place, in parts as they are computed, within the store's limit."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence

import numpy as np

from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.slides.geometry import PatchPlace
from mmdnet.slides.stores.features import FeatureRows, FeatureStore
from mmdnet.workflows.slides.stores import features_limit, prune

KEEP_EVERY_S = 10.0  # what is computed is kept so often, so that no more than this is done twice
BYTES = 2  # of a number, in half precision
SPARE_BYTES = 256 * 2**20  # left free on the disk: the lab's databases come first


class RowKeeper:
    """Keeps rows as they are computed, together with those kept before."""

    def __init__(
        self, settings: Settings, store: FeatureStore, key: str, kept: FeatureRows | None, meta: dict[str, object]
    ) -> None:
        self.settings, self.store, self.key, self.rows, self.meta = settings, store, key, kept, meta
        self.waiting: list[FeatureRows] = []
        self.kept_at = time.monotonic()

    def add(self, features: np.ndarray, corners: np.ndarray, engine: str) -> None:
        finite = np.isfinite(features).all(axis=1)  # some networks' are too large for half precision: not kept
        self.waiting.append(FeatureRows(features[finite], corners[finite], (engine,)))
        if time.monotonic() - self.kept_at > KEEP_EVERY_S:
            self.keep()

    def keep(self) -> None:
        rows = kept_rows(self.store, self.key) or self.rows  # another job may have kept some meanwhile
        for more in self.waiting:
            rows = more if rows is None else rows.joined(more.without(rows))
        if rows is not None and self.waiting and len(rows.features):
            self.store.save_rows(self.key, rows, self.meta)
            prune(self.settings)
        self.rows, self.waiting, self.kept_at = rows, [], time.monotonic()


def corners_of(places: Sequence[PatchPlace]) -> np.ndarray:
    """What rows are kept by, level-0 pixels, shape (places, 2)."""
    return np.array([(place.x_px0, place.y_px0) for place in places], np.int64).reshape(-1, 2)


def kept_rows(store: FeatureStore, key: str) -> FeatureRows | None:
    """What is kept; None where there is nothing, or it is damaged: then it is computed again, and written over."""
    if not store.has(key):
        return None
    try:
        return store.rows(key)
    except LabError:
        return None


def known_rows(store: FeatureStore, key: str, places: Sequence[PatchPlace], width: int) -> np.ndarray:
    """What is kept of these places, shape (places, width) float16, NaN where nothing is; nothing is computed."""
    kept, values = kept_rows(store, key), np.full((len(places), width), np.nan, np.float16)
    if kept is not None:
        here = kept.at(corners_of(places))
        values[here >= 0] = kept.features[here[here >= 0]]
    return values


def room_for(settings: Settings, needed: int, slide: str) -> str:
    """Why so many bytes of features cannot be kept; empty where they can."""
    free = shutil.disk_usage(settings.folder("cache")).free - SPARE_BYTES
    if needed > free:
        return (
            f"The features of {slide} were not computed: they take {needed / 2**20:.0f} MiB, and the lab's disk is too "
            "full for them. Free some space there and start this again. Nothing was changed."
        )
    if needed > features_limit(settings):
        return (
            f"The features of {slide} were not computed: they take {needed / 2**20:.0f} MiB, and the lab keeps "
            f"{features_limit(settings) / 2**20:.0f} MiB of features at most. Give its caches more room "
            "(MMDNET_CACHE_GIB) and start this again. Nothing was changed."
        )
    return ""
