"""Light that falls off across a field: the slope of what is white in it, evened out before anything is measured."""

import itertools

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.pixels import Pixels

CELLS = 12  # a side; the whitest spot of each is compared
SAMPLE_PX = 400  # a side, at most, that white is looked for in
DIMMEST = 0.75  # of the whitest
NEUTRAL = 0.06  # between the channels of what counts as white, of its brightness
ON_SLOPE = 0.02  # how far from the slope a white cell may lie
FEWEST, SPREAD = 0.35, 0.6  # share of the cells that are white, and of the field they span both ways
LEAST_SLOPE, STEEPEST = 0.025, 0.25  # across the field; less is not worth a change of pixels


def evened(rgb: Pixels) -> Pixels:
    """A field, RGB (h, w, 3), as under even light; itself where no slope is seen for certain."""
    slope = _slope(rgb)
    if slope is None:
        return rgb
    height, width = rgb.shape[:2]
    y, x = np.linspace(0, 1, height, dtype=np.float32), np.linspace(0, 1, width, dtype=np.float32)
    light = slope[0] + slope[1] * x[None] + slope[2] * y[:, None]
    gain = (float(light.max()) / light).astype(np.float32)
    known = rgb.min(axis=2) < 255  # what lies beyond the slide is pure white, and stays it
    out = np.minimum(rgb * gain[..., None] + np.float32(0.5), 254).astype(np.uint8)
    return np.where(known[..., None], out, rgb)


def _slope(rgb: Pixels) -> tuple[float, float, float] | None:
    """Brightness of white over x and y, 0 to 1 each: (at the corner, across, down); None where even or unclear."""
    places, values = _whitest(rgb)
    if len(values) < FEWEST * CELLS**2:
        return None
    design = np.column_stack([np.ones(len(values)), places])
    kept = values > DIMMEST * values.max()
    fitted = np.zeros(3)
    for _ in range(6):  # cells without white are darker than the slope
        fitted = np.linalg.lstsq(design[kept], values[kept], rcond=None)[0]
        off = (values - design @ fitted) / values.max()
        narrower = (off > -ON_SLOPE) & (off < 2 * ON_SLOPE)
        if narrower.sum() < FEWEST * CELLS**2:
            return None
        if (narrower == kept).all():
            break
        kept = narrower
    if np.ptp(places[kept], axis=0).min() < SPREAD:
        return None
    corners = [fitted @ (1, x, y) for x in (0, 1) for y in (0, 1)]
    fall = 1 - min(corners) / max(corners)
    if not LEAST_SLOPE < fall < STEEPEST:
        return None
    return float(fitted[0]), float(fitted[1]), float(fitted[2])


def _whitest(rgb: Pixels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the cells lie that hold white, (n, 2) as shares of width and height, and how bright it is, (n,)."""
    step = max(1, max(rgb.shape[:2]) // SAMPLE_PX)
    size = (max(1, rgb.shape[1] // step), max(1, rgb.shape[0] // step))
    soft = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    red, green, blue = cv2.split(soft)
    low, high = cv2.min(cv2.min(red, green), blue), cv2.max(cv2.max(red, green), blue)
    rows, cols = (
        np.linspace(0, low.shape[0], CELLS + 1).astype(int),
        np.linspace(0, low.shape[1], CELLS + 1).astype(int),
    )
    places, values = [], []
    for top, bottom in itertools.pairwise(rows):
        for left, right in itertools.pairwise(cols):
            cell = low[top:bottom, left:right]
            cell = cell[(high[top:bottom, left:right] - cell < NEUTRAL * 255) & (cell < 255)]
            if len(cell) >= 8:
                places.append(((left + right) / 2 / low.shape[1], (top + bottom) / 2 / low.shape[0]))
                values.append(_percentile(np.asarray(cell), 97))
    return np.asarray(places).reshape(-1, 2), np.asarray(values)


def _percentile(values: NDArray[np.generic], q: float) -> float:
    """As `numpy.percentile`, which takes ten times as long over a few hundred bytes."""
    at = q / 100 * (len(values) - 1)
    near = np.sort(values)[int(at) : int(at) + 2].astype(float)
    return float(near[0] + (at - int(at)) * (near[-1] - near[0]))
