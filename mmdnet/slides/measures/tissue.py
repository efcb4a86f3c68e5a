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
from mmdnet.slides.measures.colours import has_no_colours
from mmdnet.slides.measures.glass import Glass, find_glass, outside
from mmdnet.slides.measures.overview import PixelRows, read_overview, rows_at_once
from mmdnet.slides.readers.reader import Pixels, SlideReader

TISSUE_MPP = 8.0
CHROMA = 14  # grey levels between a pixel's strongest and weakest channel, glass taken as white
DARKNESS = 36  # grey levels darker than glass
FAINT_CHROMA, FAINT_NOISE = 5.0, 4.0  # of what is pale as fat: grey levels, and times glass's own deviation
AROUND, ROUGH = 5, 1.5  # pixels a side, and grey levels of deviation within
MARGIN = 4  # rows that a band sees beyond itself
BRIDGE_UM = 24.0  # gaps closed between stained parts: a wall torn open between fat and glass
HOLE_UM2 = 40_000.0  # a hole of 225 µm diameter: larger ones are vessels or tears, not fat or sinusoids
SPECK_UM2 = 20_000.0  # about one patch: smaller pieces are debris
MOSTLY, CRUMB = 0.9, 10  # of a picture; and a tenth of a speck is worth a word
CORE_ASPECT = 4.0
CORE_PX = 500_000  # of a mask, at most, that cores are measured on
BAND = 128  # rows of a mask that parts are numbered in at a time


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

    def shares(
        self, xs_px0: NDArray[np.float64], ys_px0: NDArray[np.float64], w_px0: float, h_px0: float
    ) -> NDArray[np.float64]:
        """`share` of many rectangles of one size, (n,): from sums of the mask, which are exact between pixels too."""
        scale_x, scale_y = self.slide_mpp[0] / self.mpp, self.slide_mpp[1] / self.mpp
        left, right = xs_px0 * scale_x, (xs_px0 + w_px0) * scale_x
        inside = np.empty(len(xs_px0))
        tops, row_of = np.unique(ys_px0, return_inverse=True)  # a row at a time: sums of the whole mask fill memory
        order = np.argsort(row_of, kind="stable")
        for top, here in zip(tops, np.split(order, np.cumsum(np.bincount(row_of))[:-1]), strict=True):
            rows, down = _overlap(top * scale_y, (top + h_px0) * scale_y, self.mask.shape[0])
            sums = np.concatenate([[0.0], np.cumsum(down @ self.mask[rows])])
            edges = np.arange(len(sums))
            inside[here] = np.interp(right[here], edges, sums) - np.interp(left[here], edges, sums)
        return np.clip(inside / (w_px0 * scale_x * h_px0 * scale_y), 0.0, 1.0)

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
    with read_overview(slide, TISSUE_MPP) as overview:
        mask = _whole_tissue(stained(overview, find_glass(overview)))
        if not mask.any():
            raise _no_tissue(slide, overview[:])
    return _measured(mask, TISSUE_MPP, slide.mpp_xy)


def _no_tissue(slide: SlideReader, overview: Pixels) -> NoTissueError:
    """Why there is none: it is too small, has no colours, or the glass is empty."""
    name, coloured = slide.facts.path.name, stained(overview, find_glass(overview))
    if outside(overview).mean() > MOSTLY:
        why = "it is black: its pixels were not scanned, or are stored otherwise than the file says"
    elif has_no_colours(overview.reshape(-1, 3)[:: 1 + overview.size // 3_000_000].astype(np.float32)):
        why = "it has no colours, so there is no stain to read"
    elif float(coloured.sum()) * TISSUE_MPP**2 > SPECK_UM2 / CRUMB:
        why = "what differs from glass there is smaller than one patch"
    else:
        why = "it looks like empty glass"
    return NoTissueError(
        f"No tissue was found on {name}: {why}. Look at the overview, and scan it again if there should be tissue.",
        coloured,
        overview,
    )


def stained(overview: Pixels | PixelRows, glass: Glass) -> NDArray[np.bool_]:
    """Pixels that differ from glass in colour or clearly in darkness, or a little and not smoothly, as fat's walls do.

    What is opaque black is outside the scan.
    """
    height, width = overview.shape[:2]
    coloured = np.empty((height, width), bool)
    faint = max(FAINT_CHROMA, FAINT_NOISE * glass.noise)
    rows = rows_at_once(width)  # as floats a large slide's overview would fill memory
    for top in range(0, height, rows):
        begin, end = max(0, top - MARGIN), min(height, top + rows + MARGIN)
        light = np.minimum(overview[begin:end] * glass.gain((begin, end), (height, width)), np.float32(255))
        red, green, blue = cv2.split(light)  # plane by plane: NumPy's own along so short an axis take ten times as long
        mean = (red + green + blue) * np.float32(1 / 3)
        chroma = cv2.max(cv2.max(red, green), blue) - cv2.min(cv2.min(red, green), blue)
        around = cv2.blur(mean, (AROUND, AROUND))
        rough = cv2.blur(mean * mean, (AROUND, AROUND)) - around * around > ROUGH**2
        pale = ((cv2.blur(chroma, (AROUND, AROUND)) > faint) & rough).view(np.uint8)
        inner = cv2.erode(pale, np.ones((AROUND, AROUND), np.uint8)) > 0  # what is around reaches beyond the tissue
        differs = (chroma > CHROMA) | (255 - mean > DARKNESS) | inner
        differs &= outside(overview[begin:end]) == 0
        coloured[top : top + rows] = differs[top - begin : top - begin + rows]
    return coloured


def tissue_mask(overview: Pixels) -> NDArray[np.bool_]:
    """Tissue in an overview at 8 µm/px, RGB (h, w, 3); mask (h, w). Nothing raises: it may be empty."""
    return _whole_tissue(stained(overview, find_glass(overview)))


def _whole_tissue(coloured: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is stained, without specks and with its holes closed, (h, w); in the memory of what came in."""
    mask = coloured.view(np.uint8)
    drop_small(mask, SPECK_UM2 / 4)
    _bridge(mask)
    if mask.any():  # a small picture of nothing but glass is no hole in tissue
        mask ^= 1
        drop_small(mask, HOLE_UM2)
        mask ^= 1
        drop_small(mask, SPECK_UM2)
    return mask.view(bool)


def _bridge(mask: NDArray[np.uint8]) -> None:
    """Close narrow gaps of a mask, (h, w), in place; in bands that see twice the radius beyond themselves."""
    radius = round(BRIDGE_UM / TISSUE_MPP)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    above = mask[:0].copy()  # the rows above a band as they were
    for top in range(0, len(mask), BAND):
        seen = np.concatenate([above, mask[top : top + BAND + 2 * radius]])
        padded = cv2.copyMakeBorder(seen, radius, radius, radius, radius, cv2.BORDER_CONSTANT, value=0)
        closed = np.asarray(cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disk), np.uint8)
        here = closed[radius + len(above) : radius + len(above) + BAND, radius:-radius]
        above = mask[max(0, top + BAND - 2 * radius) : top + BAND].copy()
        mask[top : top + BAND] = here[: len(mask) - top]


def drop_small(mask: NDArray[np.uint8], below_um2: float) -> None:
    """Remove connected parts smaller than an area, in place; mask (h, w) of 0 and 1 at 8 µm/px.

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
    for number, band in enumerate(_bands(mask)):
        parts = np.asarray(cv2.connectedComponents(band, connectivity=4)[1])
        kept = np.concatenate([keep[:1], keep[first[number] : first[number + 1]]])
        mask[number * BAND : (number + 1) * BAND] = kept[parts]


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
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]
    total = 0.0
    for part in range(1, count):
        inside = parts == part
        width = 4 * float(depth[inside].mean() - 0.5)
        length = float(stats[part, cv2.CC_STAT_AREA]) / width
        if length >= CORE_ASPECT * width:
            total += length * mpp / 1000
    return total or None
