"""Measured fat: droplets found without the network, in µm, so that a grade has a quantity beside it."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.measures.droplets import find_droplets
from mmdnet.slides.measures.tissue import Tissue
from mmdnet.slides.readers.reader import THREADS, Pixels, SlideReader, Unreadable

MARGIN_UM = 32.0  # as wide as the largest droplet's radius
BLOCK = 4  # patches a side that are segmented together


def fat_mask(rgb: Pixels, mpp: float) -> NDArray[np.bool_]:
    """Fat droplets in an image, RGB (h, w, 3) at `mpp` µm/px; mask (h, w)."""
    return find_droplets(rgb, mpp) > 0


@dataclass(frozen=True)
class SlideFat:
    """Fat on a slide's patches. Shares are of tissue, 0-1; droplets are counted where their centre lies.

    `patch_shares`, (n,), is NaN where a patch is unreadable; `diameters_um` holds every droplet's.
    """

    area_share: float
    droplets: int
    median_diameter_um: float | None
    patch_shares: NDArray[np.float64]
    diameters_um: NDArray[np.float64]


@dataclass(frozen=True)
class PatchFat:
    """Fat of one patch: pixels of fat and of tissue, and the diameters in µm of droplets whose centre it holds."""

    fat_px: int
    tissue_px: int
    diameters_um: NDArray[np.float64]

    @property
    def area_share(self) -> float:
        """Share of the patch's tissue that is fat, 0-1."""
        return self.fat_px / self.tissue_px if self.tissue_px else 0.0


@dataclass(frozen=True)
class _Block:
    """Patches seen together: a rectangle of the slide, (x, y, width, height) in level-0 px and (width, height) in
    patch pixels, and where each patch begins in it, (x, y) in patch pixels."""

    px0: tuple[float, float, float, float]
    size: tuple[int, int]
    corners: list[tuple[int, int]]

    @staticmethod
    def around(places: Sequence[PatchPlace], grid: PatchGrid, margin_um: float = MARGIN_UM) -> "_Block":
        """The smallest view of some patches with a margin around them."""
        margin = round(margin_um / grid.patch_mpp)
        across, down = (side / grid.patch_px for side in grid.side_px0)
        left, top = min(place.x_px0 for place in places), min(place.y_px0 for place in places)
        corners = [
            (round((place.x_px0 - left) / across) + margin, round((place.y_px0 - top) / down) + margin)
            for place in places
        ]
        width, height = (max(corner[axis] for corner in corners) + grid.patch_px + margin for axis in (0, 1))
        px0 = (left - margin * across, top - margin * down, width * across, height * down)
        return _Block(px0, (width, height), corners)


def read_with_fat(
    slide: SlideReader, tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid
) -> Iterator[tuple[int, Pixels | Unreadable, PatchFat | None]]:
    """Every patch with its fat: neighbours are seen together with 32 µm around, so that no edge cuts a rim.

    Blocks of at most 4 by 4 patches are read and segmented at once, row by row, as many at a time as there are
    processors for it, so memory does not follow the slide. Yields the index in `places`, the patch's pixels cut from
    the block, and its fat; None where unreadable. In a block that is unreadable somewhere, each patch is measured
    alone; where only its surroundings are unreadable, without them.
    """
    order = sorted(range(len(places)), key=lambda i: (_block_of(places[i]), places[i].row, places[i].col, i))
    blocks = [list(block) for _, block in groupby(order, key=lambda i: _block_of(places[i]))]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        waiting: deque[Future[list[tuple[Pixels | Unreadable, PatchFat | None]]]] = deque()
        for number, block in enumerate(blocks):
            for later in blocks[number + len(waiting) : number + THREADS + 1]:
                waiting.append(pool.submit(_measured, slide, tissue, [places[i] for i in later], grid))
            for index, (patch, fat) in zip(block, waiting.popleft().result(), strict=True):
                yield index, patch, fat


def _measured(
    slide: SlideReader, tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid
) -> list[tuple[Pixels | Unreadable, PatchFat | None]]:
    """The patches of a block and the fat of each."""
    view = _Block.around(places, grid)
    pixels = _read(slide, view)
    if isinstance(pixels, Unreadable):
        return [_alone(slide, tissue, place, grid) for place in places]
    return list(_cut(pixels, view, grid, tissue))


def _block_of(place: PatchPlace) -> tuple[int, int]:
    return place.row // BLOCK, place.col // BLOCK


def _read(slide: SlideReader, view: _Block) -> Pixels | Unreadable:
    try:
        return slide.read_region_px0(*view.px0, *view.size)
    except LabError as error:
        return Unreadable(str(error))


def _alone(
    slide: SlideReader, tissue: Tissue, place: PatchPlace, grid: PatchGrid
) -> tuple[Pixels | Unreadable, PatchFat | None]:
    """One patch with its surroundings, or without them where they are unreadable."""
    pixels: Pixels | Unreadable = Unreadable("")
    for margin_um in (MARGIN_UM, 0.0):
        view = _Block.around([place], grid, margin_um)
        pixels = _read(slide, view)
        if not isinstance(pixels, Unreadable):
            return next(_cut(pixels, view, grid, tissue))
    return pixels, None


def _cut(pixels: Pixels, view: _Block, grid: PatchGrid, tissue: Tissue) -> Iterator[tuple[Pixels, PatchFat]]:
    """The patches of a view and the fat of each."""
    mask = tissue.window(*view.px0, *view.size)
    droplets = find_droplets(pixels, grid.patch_mpp)
    droplets[~mask] = 0
    x, y, diameters = _centres(droplets)
    side = grid.patch_px
    for left, top in view.corners:
        inner = np.s_[top : top + side, left : left + side]
        here = (x >= left) & (x < left + side) & (y >= top) & (y < top + side)
        fat_px, tissue_px = int(np.count_nonzero(droplets[inner])), int(np.count_nonzero(mask[inner]))
        yield pixels[inner].copy(), PatchFat(fat_px, tissue_px, diameters[here] * grid.patch_mpp)


def measure_slide_fat(slide: SlideReader, tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid) -> SlideFat:
    """Fat on all of a slide's patches; see `read_with_fat`.

    Raises:
        LabError: not one patch could be read.
    """
    measured = {index: fat for index, _, fat in read_with_fat(slide, tissue, places, grid) if fat is not None}
    if len(places) and not measured:
        raise LabError(f"{slide.facts.path.name}: no patch could be decoded. Copy or scan it again.")
    shares = np.full(len(places), np.nan)
    for index, fat in measured.items():
        shares[index] = fat.area_share
    tissue_px = sum(fat.tissue_px for fat in measured.values())
    sizes = np.concatenate([np.empty(0), *(measured[index].diameters_um for index in sorted(measured))])
    median = float(np.median(sizes)) if len(sizes) else None
    share = sum(fat.fat_px for fat in measured.values()) / tissue_px if tissue_px else 0.0
    return SlideFat(share, len(sizes), median, shares, sizes)


def _centres(droplets: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Centres, x and y, and diameters of numbered droplets (h, w), all in pixels."""
    at = np.flatnonzero(droplets)
    names = droplets.ravel()[at]
    areas = np.bincount(names)
    some = np.flatnonzero(areas)
    rows, cols = np.divmod(at, droplets.shape[1])
    x, y = (np.bincount(names, values)[some] / areas[some] for values in (cols, rows))
    return x, y, 2 * np.sqrt(areas[some] / np.pi)
