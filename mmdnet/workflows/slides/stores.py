"""What is kept of slides (reduced levels, patches, features): listed, verified, within the size the settings allow."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.views import StoreView

if TYPE_CHECKING:
    from mmdnet.slides.readers.reader import SlideReader
    from mmdnet.slides.stores.features import FeatureStore
    from mmdnet.slides.stores.patches import PatchStore, StoreEntry
    from mmdnet.slides.stores.reduced import ReducedStore

FEATURES = ("features", "looks")  # folders of the cache


class Store:
    """The lab's stores of reduced levels, patches and features. All of them can be made again from the slides."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings

    @property
    def limit_bytes(self) -> int:
        """How much may be kept when nothing is in use: `settings.cache_gib`."""
        return limit_bytes(self._settings)

    def list(self) -> Sequence[StoreView]:
        """What is kept, the longest unused first; damage that shows without reading all of it is named."""
        return self._entries(verify=False)

    def verify(self) -> Sequence[StoreView]:
        """The same, after reading all of it and comparing it with the checksums it was written with."""
        return self._entries(verify=True)

    def prune(self) -> Sequence[StoreView]:
        """Remove what is damaged, then the longest unused until the rest fits the limit; what went.

        What a training has open stays.
        """
        return [_view(entry) for entry in prune(self._settings, verify=True)]

    def _entries(self, verify: bool) -> Sequence[StoreView]:
        entries = patch_store(self._settings).list(verify) + reduced_store(self._settings).list(verify)
        for store in feature_stores(self._settings):
            entries += store.list(verify)
        return [_view(entry) for entry in sorted(entries, key=lambda entry: (entry.used_at, entry.key))]


def prune(settings: Settings, verify: bool = False) -> builtins.list[StoreEntry]:
    """Keep what is kept within the limit: features in a quarter of it at most and reduced levels in an eighth, decoded
    patches in what they leave."""
    reduced, left = reduced_store(settings), limit_bytes(settings)
    gone = reduced.prune(reduced_limit(settings), verify)
    left -= sum(entry.bytes for entry in reduced.list())
    for store in feature_stores(settings):
        gone += store.prune(features_limit(settings), verify)
        left -= sum(entry.bytes for entry in store.list())
    return gone + patch_store(settings).prune(left, verify)


def patch_store(settings: Settings) -> PatchStore:
    """Where decoded patches lie."""
    from mmdnet.slides.stores.patches import PatchStore

    return PatchStore(store_folder(settings))


def feature_stores(settings: Settings) -> builtins.list[FeatureStore]:
    """Where features lie: of networks, and of the tissue map."""
    from mmdnet.slides.stores.features import FeatureStore

    return [FeatureStore(_cache(settings) / name) for name in FEATURES]


def reduced_store(settings: Settings) -> ReducedStore:
    """Where reduced levels of slides lie."""
    from mmdnet.slides.stores.reduced import ReducedStore

    return ReducedStore(_cache(settings) / "reduced")


def with_reduced(slide: SlideReader, settings: Settings) -> SlideReader:
    """An open slide, for overviews and tissue: with its reduced level, made where it needs one and has none yet."""
    return reduced_store(settings).widened(slide, reduced_limit(settings))


def store_folder(settings: Settings) -> Path:
    """Where stores of patches lie.

    Raises:
        LabError: it cannot be made.
    """
    return _cache(settings) / "patches"


def _cache(settings: Settings) -> Path:
    try:
        return settings.folder("cache")
    except OSError as error:
        raise LabError(f"{settings.home} cannot be written: {error.strerror}. Ask for rights, or make room.") from error


def limit_bytes(settings: Settings) -> int:
    return int(settings.cache_gib * 2**30)


def features_limit(settings: Settings) -> int:
    """How many bytes of one kind of features are kept."""
    return limit_bytes(settings) // (4 * len(FEATURES))


def reduced_limit(settings: Settings) -> int:
    """How many bytes of reduced levels are kept."""
    return limit_bytes(settings) // 8


def _view(entry: StoreEntry) -> StoreView:
    return StoreView(**{**asdict(entry), "used_at": datetime.fromtimestamp(entry.used_at, UTC)})
