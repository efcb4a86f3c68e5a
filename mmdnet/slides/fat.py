"""Measured fat: droplets segmented without the network, in µm, so that a grade has a quantity beside it.

A droplet is empty after processing: as bright as glass, round, with a sharp rim. What else is white is not: sinusoids
are narrow and branched, vessels large and often hold blood, tears and the glass beside tissue are not round. So:

1. white is what is nearly as bright as glass; at the end its rim is moved half way to the tissue around, where a rim
   blurred by the optics truly is;
2. touching droplets are parted at their waists, and what hangs on them is cut off;
3. a part is fat if it is round: for a part inside the image, its area beside that of its convex hull; for one cut by
   the image's edge, how well the rest of its rim follows one circle of a droplet's size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.reader import Pixels, SlideReader, Unreadable
from mmdnet.slides.tissue import Tissue

MARGIN_UM = 32.0  # as wide as the largest droplet's radius

SMALLEST_UM2 = 3.0  # a droplet of 2 µm; smaller ones are below what 0.5 µm/px shows
SMALLEST_HAZY_UM2 = 40.0
HAZE_UM = 1.2
LARGEST_UM2 = 3_000.0  # 62 µm across
LARGE_UM2 = 1_200.0  # above it, vessels: must be rounder, and empty
SMOOTH_UM = 0.35
BRIGHT = 26  # grey levels below glass that still count as empty
SPECK_UM2 = 30.0
RIM_UM = 0.8
_CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)
WAIST = 0.62  # parts are cut where the distance to the rim falls below this share of its greatest value
SOLID, SOLID_SMALL, SOLID_LARGE = 0.88, 0.9, 0.93
SMALL_UM2 = 60.0
LONGEST, LONGEST_SMALL, LONGEST_LARGE = 1.9, 1.55, 1.4  # longer side to shorter side
DEEPEST_UM = 50.0
MOST_OPEN_RIM = 0.35
WIDEST_RIM_UM = 31.0  # radius of the circle a cut droplet's rim may follow
RIM_ERROR = 0.12  # of the radius


@dataclass(frozen=True, slots=True)
class FatMeasure:
    """Fat of an image: share of its area (0-1), droplets, and their median diameter in µm (None without any)."""

    area_share: float
    droplets: int
    median_diameter_um: float | None


def fat_mask(rgb: Pixels, mpp: float) -> NDArray[np.bool_]:
    """Fat droplets in an image, RGB (h, w, 3) at `mpp` µm/px; mask (h, w)."""
    return fat_droplets(rgb, mpp) > 0


def measure_fat(rgb: Pixels, mpp: float, inside: NDArray[np.bool_] | None = None) -> FatMeasure:
    """Fat area share and droplet sizes of an image, RGB (h, w, 3) at `mpp` µm/px.

    `inside`, (h, w), limits both the droplets' area and the area they are a share of, to tissue for instance.
    """
    parts = fat_droplets(rgb, mpp)
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
    found = fat_droplets(pixels, grid.patch_mpp)
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


def white_masks(rgb: Pixels, mpp: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """What is as bright as glass; the wider area nearer to glass than to tissue; bright haze; 0 or 1, (h, w) each.

    Only the brighter tells fat from pale cytoplasm, but a droplet's rim, blurred by the optics, lies half way.
    """
    smooth = cv2.GaussianBlur(rgb, (0, 0), max(0.3, SMOOTH_UM / mpp))
    low = np.asarray(smooth, np.uint8).min(axis=2)
    glass = float(np.clip(np.percentile(low, 99.5), 215, 250))
    stained = low[low < glass - 40]
    tissue = float(np.median(stained)) if stained.size > 0.01 * low.size else glass - 90
    chroma = smooth.max(axis=2) - low
    bright = (low > glass - BRIGHT) & (chroma < 32)
    near = (low > max((glass + tissue) / 2, glass - 85)) & (chroma < 64)
    coarse = cv2.GaussianBlur(low, (0, 0), HAZE_UM / mpp).astype(np.float32)
    hazy = (coarse > tissue + 0.62 * (glass - tissue)) & near
    return _without_specks(bright.astype(np.uint8), mpp), near.astype(np.uint8), hazy.astype(np.uint8)


def _without_specks(white: NDArray[np.uint8], mpp: float) -> NDArray[np.uint8]:
    """Fill holes smaller than a nucleus: dust and overlying nuclei do not end a droplet."""
    _, parts, stats, _ = cv2.connectedComponentsWithStats(1 - white, connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] * mpp**2 < SPECK_UM2
    small[0] = False  # the white itself
    return white | small[parts].astype(np.uint8)


def fat_droplets(rgb: Pixels, mpp: float) -> NDArray[np.int32]:
    """Droplets of an image, numbered from 1; 0 is everything else; (h, w)."""
    white, near, hazy = white_masks(rgb, mpp)
    out = np.zeros(white.shape, np.int32)
    _collect(np.asarray(cv2.morphologyEx(white, cv2.MORPH_OPEN, _CROSS), np.uint8), out, mpp, SMALLEST_UM2)
    sharp = _to_rim(out, near, mpp)
    # Droplets above or below the plane of focus: hazy, and only where nothing sharp was found.
    taken = np.asarray(cv2.dilate((sharp > 0).astype(np.uint8), _disk(2)), np.uint8)
    _collect(hazy & (1 - taken), sharp, mpp, SMALLEST_HAZY_UM2)
    return sharp


def _collect(white: NDArray[np.uint8], out: NDArray[np.int32], mpp: float, smallest_um2: float) -> None:
    """Number the round bodies of a white mask (h, w) in `out`, onwards from what is there."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    found = int(out.max())
    for part in range(1, count):
        x, y, w, h, area = (int(value) for value in stats[part])
        if area * mpp**2 < smallest_um2:
            continue
        cut = (parts[y : y + h, x : x + w] == part).astype(np.uint8)
        whole = _is_droplet(cut, x, y, white.shape, mpp)
        for piece, left, top in [(cut, x, y)] if whole else _at_waists(cut, x, y, mpp):
            if piece.sum() * mpp**2 >= smallest_um2 and (whole or _is_droplet(piece, left, top, white.shape, mpp)):
                found += 1
                place = out[top : top + piece.shape[0], left : left + piece.shape[1]]
                place[(piece > 0) & (place == 0)] = found


def _to_rim(droplets: NDArray[np.int32], near: NDArray[np.uint8], mpp: float) -> NDArray[np.int32]:
    """Widen numbered droplets (h, w) to their rims, by no more than the blur of the optics."""
    steps = max(1, round(RIM_UM / mpp))
    for _ in range(steps):
        wider = cv2.dilate(droplets.astype(np.float32), _CROSS).astype(np.int32)
        droplets = np.where((droplets == 0) & (near > 0), wider, droplets)
    return droplets


Piece = tuple[NDArray[np.uint8], int, int]  # mask, and the place of its corner in the image: x, y


def _at_waists(cut: NDArray[np.uint8], x: int, y: int, mpp: float) -> list[Piece]:
    """Part one white part (h, w), its corner at x, y, at its waists: into its round bodies."""
    padded = cv2.copyMakeBorder(cut, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    depth = np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1])
    # A pixel is core where it is deep beside the deepest within reach: bodies differ in size.
    reach = 2 * int(np.clip(depth.max() * 0.6, 1, 15)) + 1
    around = cv2.dilate(depth, _disk(reach // 2))
    cores = ((depth >= WAIST * around) & (depth * mpp > 0.9)).astype(np.uint8)
    if not cores.any():
        return []
    count, names, boxes, _ = cv2.connectedComponentsWithStats(cores, connectivity=4)
    pieces = []
    for name in range(1, count):
        left, top, w, h = (int(value) for value in boxes[name][:4])
        core = names[top : top + h, left : left + w] == name
        deepest = float(depth[top : top + h, left : left + w][core].max())
        if deepest * mpp > DEEPEST_UM:
            continue  # glass
        margin = int(deepest) + 4
        rows = slice(max(0, top - margin), top + h + margin)
        cols = slice(max(0, left - margin), left + w + margin)
        body = _body(names[rows, cols] == name, cut[rows, cols], depth[rows, cols].astype(np.float32))
        if body is not None:
            pieces.append((body, x + cols.start, y + rows.start))
    return pieces


def _body(core: NDArray[np.bool_], cut: NDArray[np.uint8], depth: NDArray[np.float32]) -> NDArray[np.uint8] | None:
    """The largest discs around a core that fit into a white part, together (h, w): a droplet without its arms.

    None where most of the rim is no rim, but more white.
    """
    away, nearest = cv2.distanceTransformWithLabels(
        1 - core.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    depth_of = np.zeros(int(nearest.max()) + 1, np.float32)
    depth_of[nearest[core]] = depth[core]
    body = ((away <= depth_of[nearest] + 0.5) & (cut > 0)).astype(np.uint8)
    beyond = cv2.dilate(body, _disk(2)) - cv2.dilate(body, _disk(1))
    return body if float(cut[beyond > 0].sum()) <= MOST_OPEN_RIM * float(beyond.sum()) else None


def _disk(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _is_droplet(cut: NDArray[np.uint8], x: int, y: int, shape: tuple[int, ...], mpp: float) -> bool:
    """Is a white part (h, w) with its corner at x, y of the image round as fat is?"""
    area = float(cut.sum())
    um2 = area * mpp**2
    if not SMALLEST_UM2 <= um2 <= LARGEST_UM2:
        return False
    outlines, _ = cv2.findContours(cut, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(outlines, key=len)
    hull = cv2.convexHull(outline)
    # An outline runs through pixels' centres: half a pixel all around is missing from its area.
    solid = area / (cv2.contourArea(hull) + cv2.arcLength(hull, True) / 2 + 1)
    height, width = shape[:2]
    points = outline[:, 0, :] + (x, y)
    at_edge = (points[:, 0] == 0) | (points[:, 1] == 0) | (points[:, 0] == width - 1) | (points[:, 1] == height - 1)
    if at_edge.mean() > 0.08:
        return solid >= SOLID and _follows_circle(points[~at_edge], mpp)
    needed = SOLID_SMALL if um2 < SMALL_UM2 else SOLID_LARGE if um2 > LARGE_UM2 else SOLID
    if solid < needed:
        return False
    (_, sides, _) = cv2.minAreaRect(outline)
    longer, shorter = max(sides) + 1, min(sides) + 1
    most = LONGEST_SMALL if um2 < SMALL_UM2 else LONGEST_LARGE if um2 > LARGE_UM2 else LONGEST
    return longer <= most * shorter


def _follows_circle(points: NDArray[np.integer], mpp: float) -> bool:
    """Do points, (n, 2), lie on one circle no larger than a droplet's? Least squares (Kasa 1976)."""
    if len(points) < 6:
        return False
    xy = points.astype(np.float64)
    design = np.c_[xy, np.ones(len(xy))]
    (a, b, c), *_ = np.linalg.lstsq(design, (xy**2).sum(axis=1), rcond=None)
    radius = float(np.sqrt(max(0.0, c + a * a / 4 + b * b / 4)))
    if not 0 < radius * mpp <= WIDEST_RIM_UM:
        return False
    off = np.hypot(xy[:, 0] - a / 2, xy[:, 1] - b / 2) - radius
    return float(np.sqrt((off**2).mean())) <= max(1.0, RIM_ERROR * radius)
