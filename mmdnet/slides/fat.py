"""Measured fat: droplets found without the network, in µm, so that a grade has a quantity beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.droplets import find_droplets
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.reader import Pixels, SlideReader, Unreadable
from mmdnet.slides.tissue import Tissue

MARGIN_UM = 32.0  # as wide as the largest droplet's radius


@dataclass(frozen=True, slots=True)
class FatMeasure:
    """Fat of an image: share of its area (0-1), droplets, and their median diameter in µm (None without any)."""

    area_share: float
    droplets: int
    median_diameter_um: float | None


def fat_mask(rgb: Pixels, mpp: float) -> NDArray[np.bool_]:
    """Fat droplets in an image, RGB (h, w, 3) at `mpp` µm/px; mask (h, w)."""
    return find_droplets(rgb, mpp) > 0


def measure_fat(rgb: Pixels, mpp: float, inside: NDArray[np.bool_] | None = None) -> FatMeasure:
    """Fat area share and droplet sizes of an image, RGB (h, w, 3) at `mpp` µm/px.

    `inside`, (h, w), limits both the droplets' area and the area they are a share of, to tissue for instance.
    """
    parts = find_droplets(rgb, mpp)
    whole = parts.size
    if inside is not None:
        parts, whole = np.where(inside, parts, 0), int(inside.sum())
    counts = np.bincount(parts.ravel())[1:]
    areas = counts[counts > 0] * mpp**2
    if not len(areas) or not whole:
        return FatMeasure(0.0, 0, None)
    diameters = 2 * np.sqrt(areas / np.pi)
    return FatMeasure(float(areas.sum() / mpp**2 / whole), len(areas), float(np.median(diameters)))


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


def read_with_fat(
    slide: SlideReader, tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid
) -> Iterator[tuple[int, Pixels | Unreadable, PatchFat | None]]:
    """Every patch with its fat, each seen with 32 µm around it, so that no droplet is judged by a cut rim.

    Yields the index in `places`, the patch's pixels cut from the wider view, and its fat; None where unreadable. Where
    only the surroundings are unreadable, the patch is measured without them.
    """
    margin = round(MARGIN_UM / grid.patch_mpp)
    wide = replace(grid, patch_px=grid.patch_px + 2 * margin)
    around_x, around_y = (margin * grid.patch_mpp / mpp for mpp in (grid.mpp_x, grid.mpp_y))
    around = [replace(p, x_px0=round(p.x_px0 - around_x), y_px0=round(p.y_px0 - around_y)) for p in places]
    inner = (slice(margin, margin + grid.patch_px),) * 2
    for index, pixels in slide.read_patches(around, wide):
        if isinstance(pixels, Unreadable):
            (_, alone), *_ = slide.read_patches([places[index]], grid, threads=1)
            if isinstance(alone, Unreadable):
                yield index, alone, None
            else:
                whole = (slice(0, grid.patch_px),) * 2
                yield index, alone, _fat_within(alone, places[index], grid, tissue, whole)
        else:
            yield index, pixels[inner], _fat_within(pixels, around[index], wide, tissue, inner)


def _fat_within(
    pixels: Pixels, place: PatchPlace, grid: PatchGrid, tissue: Tissue, inner: tuple[slice, slice]
) -> PatchFat:
    found = find_droplets(pixels, grid.patch_mpp)
    mask = tissue.window(place.x_px0, place.y_px0, *grid.side_px0, grid.patch_px, grid.patch_px)
    found[~mask] = 0
    diameters = _centred_in(found, inner) * grid.patch_mpp
    return PatchFat(int((found[inner] > 0).sum()), int(mask[inner].sum()), diameters)


def measure_slide_fat(slide: SlideReader, tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid) -> SlideFat:
    """Fat on all of a slide's patches; see `read_with_fat`.

    Raises:
        LabError: not one patch could be read.
    """
    found = {index: fat for index, _, fat in read_with_fat(slide, tissue, places, grid) if fat is not None}
    if len(places) and not found:
        raise LabError(f"{slide.facts.path.name}: no patch could be decoded. Copy or scan it again.")
    shares = np.full(len(places), np.nan)
    for index, fat in found.items():
        shares[index] = fat.area_share
    tissue_px = sum(fat.tissue_px for fat in found.values())
    sizes = np.concatenate([np.empty(0), *(found[index].diameters_um for index in sorted(found))])
    median = float(np.median(sizes)) if len(sizes) else None
    share = sum(fat.fat_px for fat in found.values()) / tissue_px if tissue_px else 0.0
    return SlideFat(share, len(sizes), median, shares, sizes)


def _centred_in(droplets: NDArray[np.int32], inner: tuple[slice, slice]) -> NDArray[np.float64]:
    """Diameters in pixels of the numbered droplets (h, w) whose centre lies in a part of the image."""
    numbers = droplets.ravel()
    areas = np.bincount(numbers)
    rows, cols = (place.ravel() for place in np.indices(droplets.shape))
    with np.errstate(invalid="ignore"):
        y, x = np.bincount(numbers, rows) / areas, np.bincount(numbers, cols) / areas
    here = (areas > 0) & (y >= inner[0].start) & (y < inner[0].stop) & (x >= inner[1].start) & (x < inner[1].stop)
    here[0] = False
    return 2 * np.sqrt(areas[here] / np.pi)
