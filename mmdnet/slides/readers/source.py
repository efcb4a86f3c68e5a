"""What a format of slides must do: one small protocol, `Source`, that `SlideReader` reads through."""

from __future__ import annotations

from typing import Protocol

from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import Pixels
from mmdnet.slides.readers.tiles.tile_pass import Tiling


class Source(Protocol):
    """Pixels of a slide that is open. Safe to call from several threads."""

    levels: tuple[Level, ...]

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        """Pixels of one window, RGB (height, width, 3), white beyond the level; in `out` where given.

        May raise LabError.
        """

    def tiling(self, level: int) -> Tiling | None:
        """How a level is cut into tiles, where tiles can be had one by one."""

    def close(self) -> None:
        """Give files back."""
