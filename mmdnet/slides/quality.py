"""Is a patch fit to be read? Measures of one patch, and the first reason to set it aside; a person may overrule."""

from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.reader import Pixels

WORK_MPP = 1.0  # measured at this scale, so that a threshold means the same on every slide


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of a patch, shares 0-1 of its area, and `set_aside`: None, "blank", "pen", "blur" or "fold"."""

    sharpness: float
    blank_share: float
    pen_share: float
    fold_share: float
    set_aside: str | None

    def measures(self) -> dict[str, float]:
        """The numbers alone, for a table."""
        return {name: round(float(value), 4) for name, value in asdict(self).items() if name != "set_aside"}


def assess(patch: Pixels, mpp: float = 0.5) -> Quality:
    """Measure one patch, RGB (h, w, 3), at `mpp` µm/px."""
    scale = mpp / WORK_MPP
    height, width = (max(8, round(side * scale)) for side in patch.shape[:2])
    small = cv2.resize(patch, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else patch
    small = np.asarray(small, np.uint8)
    hsv = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2HSV), np.uint8)
    ink = pen_mask(small, hsv)
    pale = (hsv[..., 1] < 22) & (hsv[..., 2] > 205)
    dark = (hsv[..., 2] < 90) & (hsv[..., 1] > 80) & ~ink
    gray = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    stained = ~pale
    edges = np.abs(cv2.Laplacian(gray, cv2.CV_32F, ksize=3))
    sharpness = float(np.percentile(edges[stained], 95)) if stained.mean() > 0.02 else 0.0
    shares = float(pale.mean()), float(ink.mean()), float(dark.mean())
    return Quality(sharpness, *shares, _reason(sharpness, *shares))


def _reason(sharpness: float, blank: float, pen: float, fold: float) -> str | None:
    if pen > 0.05:
        return "pen"
    if blank > 0.93:
        return "blank"
    if sharpness < 12:
        return "blur"
    if fold > 0.6:
        return "fold"
    return None


def pen_mask(rgb: Pixels, hsv: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Ink of a marker: strong colour no stain has (green, bright red, blue), in patches without fine structure."""
    hue, saturation, value = hsv[..., 0].astype(int), hsv[..., 1], hsv[..., 2]
    green = (hue > 35) & (hue < 100) & (saturation > 60)
    red = ((hue < 5) | (hue > 173)) & (saturation > 170) & (value > 60)
    ink = (green | red).astype(np.uint8)
    return cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)).astype(bool)
