"""Measured fat: droplets segmented without the network, in µm, so that a grade has a quantity beside it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.reader import Pixels

FINEST_WORK_MPP = 0.5
SMALLEST_UM2 = 12.0  # a droplet of 4 µm
LARGEST_UM2 = 8_000.0  # 100 µm across
ROUND_ENOUGH = 0.7


@dataclass(frozen=True, slots=True)
class FatMeasure:
    """Fat of an image: share of its area (0-1), droplets, and their median diameter in µm (None without any)."""

    area_share: float
    droplets: int
    median_diameter_um: float | None


def fat_mask(rgb: Pixels, mpp: float) -> NDArray[np.bool_]:
    """Fat droplets in an image, RGB (h, w, 3) at `mpp` µm/px; mask (h, w)."""
    parts, kept = _droplets(rgb, mpp)
    return kept[parts]


def measure_fat(rgb: Pixels, mpp: float) -> FatMeasure:
    """Fat area share and droplet sizes of an image, RGB (h, w, 3) at `mpp` µm/px."""
    parts, kept = _droplets(rgb, mpp)
    areas = np.bincount(parts.ravel(), minlength=len(kept))[kept] * mpp**2
    if not len(areas):
        return FatMeasure(0.0, 0, None)
    diameters = 2 * np.sqrt(areas / np.pi)
    return FatMeasure(float(kept[parts].mean()), len(areas), float(np.median(diameters)))


def _droplets(rgb: Pixels, mpp: float) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Parts of the image that are white, labelled, and which of the labels are droplets."""
    smooth = cv2.GaussianBlur(rgb, (0, 0), max(0.4, 0.5 / mpp * 0.8))
    low = smooth.min(axis=2)
    chroma = smooth.max(axis=2) - low
    white = ((low > 205) & (chroma < 30)).astype(np.uint8)
    white = cv2.morphologyEx(white, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(white, connectivity=4)
    kept = np.zeros(count, bool)
    for part in range(1, count):
        x, y, w, h, area = stats[part]
        if not SMALLEST_UM2 <= area * mpp**2 <= LARGEST_UM2:
            continue
        cut = (parts[y : y + h, x : x + w] == part).astype(np.uint8)
        outline, _ = cv2.findContours(cut, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        hull = cv2.contourArea(cv2.convexHull(outline[0])) + 0.5 * cv2.arcLength(cv2.convexHull(outline[0]), True) + 1
        kept[part] = area / hull >= ROUND_ENOUGH and max(w, h) <= 3 * min(w, h)
    return np.asarray(parts, dtype=np.int32), kept
