"""Where tissue is, at a fixed 8 µm/px on every machine and stain.

Steatotic liver is pale and full of white holes that are tissue: fat, sinusoids, small veins. So what is stained is
found by colour against the glass of the same slide, and then holes are closed by their area in µm².
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.readers.reader import Pixels, SlideReader

TISSUE_MPP = 8.0
BLOCK = 256  # mask pixels a side, read at a time
GLASS_SAMPLE = 500_000  # pixels looked at for the colour of glass
CHROMA = 14  # grey levels between a pixel's strongest and weakest channel, glass taken as white
DARKNESS = 36  # grey levels darker than glass
BRIDGE_UM = 24.0  # gaps closed between stained parts: a wall torn open between fat and glass
HOLE_UM2 = 40_000.0  # a hole of 225 µm diameter: larger ones are vessels or tears, not fat or sinusoids
SPECK_UM2 = 20_000.0  # about one patch: smaller pieces are debris
CORE_ASPECT = 4.0
CORE_PX = 2_500_000  # of a mask, at most, that cores are measured on
BAND = 512  # rows of a mask that parts are numbered in at a time


class NoTissueError(LabError):
    """No tissue on a slide; `mask` (height, width) at 8 µm/px and `overview` (height, width, 3) show what was seen."""

    def __init__(self, text: str, mask: NDArray[np.bool_], overview: Pixels) -> None:
        super().__init__(text)
        self.mask = mask
        self.overview = overview


@dataclass(frozen=True)
class Tissue:
    """Tissue of a slide as a mask, shape (height, width), of `mpp` µm/px; its corner is the slide's."""

    mask: NDArray[np.bool_]
    mpp: float
    slide_mpp: tuple[float, float]
    area_mm2: float
    core_length_mm: float | None

    def share(self, x_px0: float, y_px0: float, w_px0: float, h_px0: float) -> float:
        """Share of a level-0 rectangle that is tissue, 0-1; what lies beyond the slide is none."""
        scale_x, scale_y = self.slide_mpp[0] / self.mpp, self.slide_mpp[1] / self.mpp
        x0, x1 = x_px0 * scale_x, (x_px0 + w_px0) * scale_x
        y0, y1 = y_px0 * scale_y, (y_px0 + h_px0) * scale_y
        rows, down = _overlap(y0, y1, self.mask.shape[0])
        cols, across = _overlap(x0, x1, self.mask.shape[1])
        inside = float(down @ self.mask[rows, cols] @ across)
        return min(1.0, max(0.0, inside / ((x1 - x0) * (y1 - y0))))

    def window(
        self, x_px0: float, y_px0: float, w_px0: float, h_px0: float, width: int, height: int
    ) -> NDArray[np.bool_]:
        """The mask of a level-0 rectangle as (height, width), for pixels of any size; False beyond the slide."""
        cols = (x_px0 + (np.arange(width) + 0.5) * w_px0 / width) * self.slide_mpp[0] / self.mpp
        rows = (y_px0 + (np.arange(height) + 0.5) * h_px0 / height) * self.slide_mpp[1] / self.mpp
        col, row = np.floor(cols).astype(int), np.floor(rows).astype(int)
        known = np.outer((row >= 0) & (row < self.mask.shape[0]), (col >= 0) & (col < self.mask.shape[1]))
        taken = self.mask[np.ix_(row.clip(0, self.mask.shape[0] - 1), col.clip(0, self.mask.shape[1] - 1))]
        return taken & known


def _overlap(low: float, high: float, size: int) -> tuple[slice, NDArray[np.float64]]:
    """Pixels of a row of `size` that a stretch meets, and how much of each."""
    low, high = min(max(low, 0.0), size), min(max(high, 0.0), size)
    at = np.arange(int(low), max(int(low), math.ceil(high)))
    return slice(int(low), int(low) + len(at)), np.minimum(at + 1, high) - np.maximum(at, low)


def find_tissue(slide: SlideReader) -> Tissue:
    """Find the tissue of a slide.

    Raises:
        LabError: µm/px unknown; or `NoTissueError` with the mask, where there is none.
    """
    overview = read_overview(slide)
    coloured = stained(overview, glass_colour(overview))
    del overview  # the largest thing here, and wanted again only where there is no tissue
    mask = _whole_tissue(coloured)
    if not mask.any():
        raise NoTissueError(
            f"No tissue was found on {slide.facts.path.name}: it looks like empty glass. "
            "Look at the overview, and scan it again if there should be tissue.",
            coloured,
            read_overview(slide),
        )
    return _measured(mask, TISSUE_MPP, slide.mpp_xy)


def read_overview(slide: SlideReader, mpp: float = TISSUE_MPP) -> Pixels:
    """The whole slide at a scale, RGB, read block by block. Parts that cannot be decoded are glass-white."""
    mpp_x, mpp_y = slide.mpp_xy
    step_x, step_y = mpp / mpp_x, mpp / mpp_y
    width = max(1, round(slide.facts.width_px0 / step_x))
    height = max(1, round(slide.facts.height_px0 / step_y))
    out = np.full((height, width, 3), 255, np.uint8)
    failures, blocks = 0, 0
    for top in range(0, height, BLOCK):
        for left in range(0, width, BLOCK):
            h, w = min(BLOCK, height - top), min(BLOCK, width - left)
            blocks += 1
            try:
                out[top : top + h, left : left + w] = slide.read_region_px0(
                    left * step_x, top * step_y, w * step_x, h * step_y, w, h
                )
            except LabError:
                failures += 1
    if failures == blocks:
        raise LabError(f"{slide.facts.path.name}: its pixels cannot be decoded. Copy or scan it again.")
    return out


def glass_colour(overview: Pixels) -> NDArray[np.float64]:
    """Colour of empty glass: the most frequent bright grey of the slide, or near white where there is none."""
    step = max(1, round((overview.size / 3 / GLASS_SAMPLE) ** 0.5))
    pixels = np.ascontiguousarray(overview[::step, ::step]).reshape(-1, 3)
    low, high = pixels.min(axis=1), pixels.max(axis=1)
    bright = pixels[(low > 200) & (high - low < 16)]
    if len(bright) < 0.02 * len(pixels):
        return np.full(3, 243.0)
    values = bright.mean(axis=1).round().astype(np.int64)
    common = np.bincount(values, minlength=256).argmax()
    return bright[np.abs(values - common) <= 3].mean(axis=0)


def stained(overview: Pixels, glass: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels that differ from glass in colour or clearly in darkness."""
    coloured = np.empty(overview.shape[:2], bool)
    gain = (255.0 / glass).astype(np.float32)
    for top in range(0, len(overview), BLOCK):  # in bands: as floats a large slide's overview would fill memory
        light = np.minimum(overview[top : top + BLOCK] * gain, np.float32(255))
        chroma = light.max(axis=2) - light.min(axis=2)
        coloured[top : top + BLOCK] = (chroma > CHROMA) | (255 - light.mean(axis=2) > DARKNESS)
    return coloured


def tissue_mask(overview: Pixels) -> NDArray[np.bool_]:
    """Tissue in an overview at 8 µm/px, RGB (h, w, 3); mask (h, w). Nothing raises: it may be empty."""
    return _whole_tissue(stained(overview, glass_colour(overview)))


def _whole_tissue(coloured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is stained, without specks and with its holes closed, (h, w)."""
    closed = _bridged(drop_small(coloured.view(np.uint8), SPECK_UM2 / 4))
    if not closed.any():  # a small picture of nothing but glass is no hole in tissue
        return closed.astype(bool)
    closed ^= 1
    closed = drop_small(closed, HOLE_UM2)
    closed ^= 1
    return drop_small(closed, SPECK_UM2).view(bool)


def _bridged(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A mask, (h, w), with narrow gaps closed; in bands that see twice the radius beyond themselves."""
    radius = round(BRIDGE_UM / TISSUE_MPP)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    out = np.empty_like(mask)
    for top in range(0, len(mask), BAND):
        begin = max(0, top - 2 * radius)
        seen = mask[begin : top + BAND + 2 * radius]
        padded = cv2.copyMakeBorder(seen, radius, radius, radius, radius, cv2.BORDER_CONSTANT, value=0)
        closed = np.asarray(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disk), np.uint8)
        here = closed[radius + top - begin : radius + top - begin + BAND, radius:-radius]
        out[top : top + BAND] = here[: len(mask) - top]
    return out


def drop_small(mask: NDArray[np.uint8], below_um2: float) -> NDArray[np.uint8]:
    """Remove connected parts smaller than an area; mask (h, w) of 0 and 1 at 8 µm/px.

    In bands, for the numbers of parts take four times a mask's memory: parts are numbered through all bands, and those
    that meet at a band's edge have their areas put together.
    """
    areas, first = [np.zeros(1, np.int64)], [1]
    pairs: set[tuple[int, int]] = set()
    above: NDArray[np.int64] | None = None
    for band in _bands(mask):
        _, parts, stats, _ = cv2.connectedComponentsWithStats(band, connectivity=4)
        areas.append(stats[1:, cv2.CC_STAT_AREA].astype(np.int64))
        edges = np.where(parts[[0, -1]] > 0, parts[[0, -1]] + np.int64(first[-1] - 1), 0)
        if above is not None:
            meet = (above > 0) & (edges[0] > 0)
            pairs.update(zip(above[meet].tolist(), edges[0][meet].tolist(), strict=True))
        above = edges[1]
        first.append(first[-1] + len(stats) - 1)
    area = np.concatenate(areas)
    whole = _joined(len(area), pairs)
    keep = np.bincount(whole, area)[whole] * TISSUE_MPP**2 >= below_um2
    keep[0] = False
    out = np.empty_like(mask)
    for number, band in enumerate(_bands(mask)):
        parts = np.asarray(cv2.connectedComponents(band, connectivity=4)[1])
        kept = np.concatenate([keep[:1], keep[first[number] : first[number + 1]]])
        out[number * BAND : (number + 1) * BAND] = kept[parts]
    return out


def _joined(count: int, pairs: set[tuple[int, int]]) -> NDArray[np.int64]:
    """For each of `count` parts the least of all those it hangs together with (union-find)."""
    parent = list(range(count))

    def root(part: int) -> int:
        while parent[part] != part:
            parent[part] = part = parent[parent[part]]
        return part

    for above, below in pairs:
        low, high = sorted((root(above), root(below)))
        parent[high] = low
    return np.asarray([root(part) for part in range(count)])


def _bands(mask: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(mask[top : top + BAND]) for top in range(0, len(mask), BAND)]


def _measured(mask: NDArray[np.bool_], mpp: float, slide_mpp: tuple[float, float]) -> Tissue:
    return Tissue(mask, mpp, slide_mpp, float(mask.sum()) * mpp**2 / 1e6, core_length_mm(mask, mpp))


def core_length_mm(mask: NDArray[np.bool_], mpp: float) -> float | None:
    """Summed length of needle cores; None where no piece is at least four times as long as wide.

    A strip of width w has a mean distance to its edge of w / 4, straight or bent, so its length is area / (4 · mean).
    """
    step = math.ceil(math.sqrt(mask.size / CORE_PX))  # a core is a hundred pixels wide: on large slides fewer will do
    mask, mpp = mask[::step, ::step], mpp * step
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    padded = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    # The distance runs to the centre of the first pixel outside: half a pixel too far.
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1] - 0.5
    total = 0.0
    for part in range(1, count):
        inside = parts == part
        width = 4 * float(depth[inside].mean())
        length = float(stats[part, cv2.CC_STAT_AREA]) / width
        if length >= CORE_ASPECT * width:
            total += length * mpp / 1000
    return total or None
