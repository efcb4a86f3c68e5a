"""Pixels and the two things done to them everywhere: a window cut to its level, an image made smaller."""

import math
import threading
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.geometry import Level, Window

Pixels = NDArray[np.uint8]
WHITE = 255
MOST_ENLARGED = 2.5  # times as many pixels: beyond it, shrinking at once costs less
_scratch = threading.local()


def whole_factor(cut: Window, out_w: int, out_h: int) -> int:
    """How many pixels of a window, each way, become one of (out_h, out_w): 1 where that is no one whole number."""
    factor = max(1, cut.width // out_w)
    return factor if (cut.width, cut.height) == (factor * out_w, factor * out_h) else 1


def shrink(image: Pixels, width: int, height: int) -> Pixels:
    """Resize to (height, width, 3): by area when shrinking, linearly when enlarging.

    Where no whole number of pixels becomes one, the image is first enlarged by area to the next whole multiple: every
    pixel then lies across two of the image's at most, each way, which OpenCV does three times as fast as the whole.
    That rounds twice, at first with weights of 1/2048 as well, and stays within 9/8 grey levels of the exact mean.
    """
    high, wide = image.shape[:2]
    if (high, wide) == (height, width):
        return image
    if high < height or wide < width:
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
    across, down = -(-wide // width), -(-high // height)
    whole = (across * width, down * height)
    if (
        whole != (wide, high)
        and min(across, down) > 1
        and whole[0] * whole[1] < MOST_ENLARGED * wide * high
        and _enlarges_truly(wide, whole[0])
        and _enlarges_truly(high, whole[1])
    ):
        image = _enlarged(image, whole)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


@lru_cache(1024)
def _enlarges_truly(few: int, many: int) -> bool:
    """Whether OpenCV, enlarging by area, begins each of `many` pixels in the right one of `few`.

    It multiplies by a rounded factor: where two edges meet, the product may fall just below the whole number, and the
    pixel before is taken (54 to 98: the 50th).
    """
    factor = 1 / (many / few)
    return all(math.floor(place * factor) == place * few // many for place in range(many))


def _enlarged(image: Pixels, size: tuple[int, int]) -> Pixels:
    """An image at a slightly larger `size` (width, height), by area, in this thread's memory: used at once."""
    kept: Pixels | None = getattr(_scratch, "pixels", None)
    if kept is None or kept.shape[1::-1] != size:
        kept = _scratch.pixels = np.empty((size[1], size[0], 3), np.uint8)
    return np.asarray(cv2.resize(image, size, kept, 0, 0, cv2.INTER_AREA), np.uint8)


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
