"""Pixels and the two things done to them everywhere: a window cut to its level, an image made smaller."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.geometry import Level, Window

Pixels = NDArray[np.uint8]
WHITE = 255


def whole_factor(cut: Window, out_w: int, out_h: int) -> int:
    """How many pixels of a window, each way, become one of (out_h, out_w): 1 where that is no one whole number."""
    factor = max(1, cut.width // out_w)
    return factor if (cut.width, cut.height) == (factor * out_w, factor * out_h) else 1


def shrink(image: Pixels, width: int, height: int) -> Pixels:
    """Resize to (height, width, 3): by area when shrinking, linearly when enlarging."""
    high, wide = image.shape[:2]
    if (high, wide) == (height, width):
        return image
    how = cv2.INTER_LINEAR if high < height or wide < width else cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), dtype=np.uint8)


def shrink_into(image: Pixels, size: tuple[int, int], out: Pixels) -> None:
    """Shrink by area to `size` (width, height), into `out` (height, width, 3), which may be a part of other memory."""
    cv2.resize(image, size, out, 0, 0, cv2.INTER_AREA)  # by position: names cost a sixth of so small a call


def blank(cut: Window, level: Level, out: Pixels | None = None) -> Pixels:
    """Memory for a window, white where the window reaches beyond its level; the rest is not yet filled."""
    if out is None:
        out = np.empty((cut.height, cut.width, 3), np.uint8)
    if cut.x < 0 or cut.y < 0 or cut.x + cut.width > level.width_px or cut.y + cut.height > level.height_px:
        out.fill(WHITE)
    return out


def clip(cut: Window, level: Level) -> tuple[int, int, int, int]:
    """The part of a window that lies inside its level: x0, y0, x1, y1 in the level's pixels; may be empty."""
    x0, y0 = max(0, cut.x), max(0, cut.y)
    x1, y1 = min(level.width_px, cut.x + cut.width), min(level.height_px, cut.y + cut.height)
    return x0, y0, max(x0, x1), max(y0, y1)
