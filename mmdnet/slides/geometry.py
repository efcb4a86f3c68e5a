"""Where patches lie and which pixels they are: exact arithmetic, nothing here reads a slide.

One rule for rounding: lengths stay floats until a window of whole pixels of one level is cut, and that happens in one
place, `window`. One rule for the edge: a grid lays only whole patches inside the slide (or inside its bounds, where
the file states them); a window that a caller asks for beyond the slide's edge reads as white there.
"""

from dataclasses import dataclass
from typing import Protocol

PATCH_PX = 299  # side of a patch in its own pixels (MMD-Net 2025; Heinemann 2022)
QUARTER_PX = 150  # side of a quarter of a patch, for many trainings on a processor
PATCH_MPP = 0.5  # µm per pixel of a patch
MPP_TOLERANCE = 0.02  # of a patch's own; more is another magnification
LEVEL_SLACK = 1.01  # a level at most 1 % coarser than wanted is still taken: pyramids are rounded (4001 -> 2000)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a pyramid; its downsamples are exact ratios to level 0, and may differ between x and y."""

    width_px: int
    height_px: int
    downsample_x: float
    downsample_y: float


@dataclass(frozen=True, slots=True)
class Window:
    """Whole pixels of one level: corner and size. It may reach beyond the level."""

    level: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """A regular grid of squares of one physical size, `patch_px` pixels at `patch_mpp` µm/px, on a slide.

    `origin_px0` is the corner of row 0, column 0; `mpp_x` and `mpp_y` are the slide's own µm per level-0 pixel.
    """

    origin_px0: tuple[int, int]
    patch_px: int
    patch_mpp: float
    mpp_x: float
    mpp_y: float

    @property
    def side_um(self) -> float:
        """Side of a patch in µm."""
        return self.patch_px * self.patch_mpp

    @property
    def side_px0(self) -> tuple[float, float]:
        """Width and height of a patch in level-0 pixels: exact, so not rounded."""
        return self.side_um / self.mpp_x, self.side_um / self.mpp_y

    @property
    def size_px0(self) -> tuple[int, int]:
        """Width and height of a patch in whole level-0 pixels, for drawing it; never to be added up along the grid."""
        width, height = self.side_px0
        return round(width), round(height)

    @property
    def area_mm2(self) -> float:
        """Area of a patch in mm²."""
        return (self.side_um / 1000) ** 2

    def corner_px0(self, row: int, col: int) -> tuple[int, int]:
        """Corner of a patch, rounded once, so that the error never grows along the grid."""
        width, height = self.side_px0
        return self.origin_px0[0] + round(col * width), self.origin_px0[1] + round(row * height)

    def shape_in(self, width_px0: int, height_px0: int) -> tuple[int, int]:
        """Rows and columns of whole patches that fit into an area of that size beginning at the origin."""
        width, height = self.side_px0
        slack = 0.5  # a last patch that lacks less than half a level-0 pixel is whole
        return int((height_px0 + slack) // height), int((width_px0 + slack) // width)

    def window(self, row: int, col: int, levels: tuple[Level, ...]) -> Window:
        """The pixels of one patch, on the level that suits best."""
        x, y = self.corner_px0(row, col)
        width, height = self.side_px0
        level = choose_level(levels, width / self.patch_px, height / self.patch_px)
        return window(levels, level, x, y, width, height)


@dataclass(frozen=True, slots=True)
class PatchPlace:
    """One patch of a grid: its cell, its corner in level-0 pixels and how much of it is tissue (0-1)."""

    row: int
    col: int
    x_px0: int
    y_px0: int
    tissue_share: float


class GridPosition(Protocol):
    """Where a patch lies on its grid, and how much of it is tissue (0-1): a `PatchPlace`, or a row of the database."""

    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...
    @property
    def tissue_share(self) -> float: ...


class PatchPosition(Protocol):
    """Where a patch lies on its grid and its corner in level-0 pixels: a `PatchPlace`, or a row of the database."""

    @property
    def row(self) -> int: ...
    @property
    def col(self) -> int: ...
    @property
    def x_px0(self) -> int: ...
    @property
    def y_px0(self) -> int: ...


def levels_of(sizes: list[tuple[int, int]]) -> tuple[Level, ...]:
    """Levels from their sizes in pixels, the finest first."""
    width0, height0 = sizes[0]
    return tuple(Level(w, h, width0 / w, height0 / h) for w, h in sizes)


def choose_level(levels: tuple[Level, ...], downsample_x: float, downsample_y: float) -> int:
    """Index of the coarsest level that is still as fine as wanted in both directions; else 0."""
    best = 0
    for index, level in enumerate(levels):
        fine_enough = (
            level.downsample_x <= downsample_x * LEVEL_SLACK and level.downsample_y <= downsample_y * LEVEL_SLACK
        )
        if fine_enough and level.downsample_x >= levels[best].downsample_x:
            best = index
    return best


def window(
    levels: tuple[Level, ...], level: int, x_px0: float, y_px0: float, width_px0: float, height_px0: float
) -> Window:
    """Cut whole pixels of a level for a level-0 rectangle: the one place where lengths are rounded.

    The size is rounded by itself, not as a difference of rounded corners, so that every patch of a grid has the same
    scale.
    """
    across, down = levels[level].downsample_x, levels[level].downsample_y
    return Window(
        level,
        round(x_px0 / across),
        round(y_px0 / down),
        max(1, round(width_px0 / across)),
        max(1, round(height_px0 / down)),
    )
