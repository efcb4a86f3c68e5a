"""What is kept of decoded patches: listed, verified, and kept within the size the settings allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.settings import Settings
from mmdnet.workflows.base import Desk
from mmdnet.workflows.views import StoreView

if TYPE_CHECKING:
    from mmdnet.slides.store import StoreEntry


class Store:
    """The lab's stores of patches. All of them can be made again from the slides."""

    def __init__(self, desk: Desk) -> None:
        self._settings = desk.settings

    @property
    def limit_bytes(self) -> int:
        """How much may be kept when nothing is in use: `settings.cache_gib`."""
        return limit_bytes(self._settings)

    def list(self) -> Sequence[StoreView]:
        """What is kept, the longest unused first; damage that shows without reading the pixels is named."""
        from mmdnet.slides.store import list_stores

        return [_view(entry) for entry in list_stores(store_folder(self._settings))]

    def verify(self) -> Sequence[StoreView]:
        """The same, after reading every pixel and comparing it with the checksum it was written with."""
        from mmdnet.slides.store import list_stores

        return [_view(entry) for entry in list_stores(store_folder(self._settings), verify=True)]

    def prune(self) -> Sequence[StoreView]:
        """Remove what is damaged, then the longest unused until the rest fits the limit; what went.

        What a training has open stays.
        """
        from mmdnet.slides.store import prune_stores

        return [_view(entry) for entry in prune_stores(store_folder(self._settings), self.limit_bytes, verify=True)]


def store_folder(settings: Settings) -> Path:
    """Where stores of patches lie.

    Raises:
        LabError: it cannot be made.
    """
    try:
        return settings.folder("cache") / "patches"
    except OSError as error:
        raise LabError(f"{settings.home} cannot be written: {error.strerror}. Ask for rights, or make room.") from error


def limit_bytes(settings: Settings) -> int:
    return int(settings.cache_gib * 2**30)


def _view(entry: StoreEntry) -> StoreView:
    return StoreView(**{**asdict(entry), "used_at": datetime.fromtimestamp(entry.used_at, UTC)})
