"""The light that empty glass lets through: its colour on a slide, and how it changes slowly across it.

Glass is what is brightest, frequent and smooth at 8 µm/px; tissue, and fat above all, has walls. It may be tinted, and
lit unevenly. Opaque black is no glass but what the scanner did not take; pure white is what a file fills in.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.measures.overview import PixelRows, rows_at_once
from mmdnet.slides.pixels import Pixels

SAMPLE = 400_000  # pixels looked at, at most
BLACK = 12  # grey levels: no stain is darker in all channels, averaged over 8 µm
PADDING = 254  # and above: what a file fills in
BRIGHT = 150.0
MOST_TINTED = 0.16  # of a colour's strongest channel; eosin takes more from green
FLAT = 2.5  # grey levels of deviation around a pixel of glass
FEW = 0.005  # share of a slide that glass must have to be known by
OF_FLAT = 0.05  # share of what is flat and bright, of the brightest that is frequent
NEAR = 4.0  # grey levels around a frequent brightness
PLAIN_GLASS = 243.0  # where a picture shows none
LIKE_GLASS, DIMMEST = 0.03, 0.75  # of its colour, each channel; and of its brightness where light falls off
CELLS = 16  # a side, for the slow trend
FEWEST_CELLS, CELLS_FOR_BEND = 6, 24
OFF_TREND = 0.03


@dataclass(frozen=True)
class Glass:
    """Colour of glass, (3,), at its brightest, and coefficients of its slow trend over x and y, 0-1 each.

    `noise` is the deviation of its chroma, in grey levels.
    """

    colour: NDArray[np.float64]
    trend: NDArray[np.float64]
    noise: float
    limits: tuple[float, float]

    def gain(self, rows: tuple[int, int], shape: tuple[int, int]) -> NDArray[np.float32]:
        """What a picture of `shape` (height, width) is multiplied by so that glass is white: (rows, width or 1, 3)."""
        white = (255.0 / self.colour).astype(np.float32)
        if len(self.trend) == 1:
            return white[None, None]
        height, width = shape
        y, x = (np.arange(*rows) + 0.5) / height, (np.arange(width) + 0.5) / width
        light = np.zeros((len(y), width))
        for coefficient, (power_x, power_y) in zip(self.trend, _POWERS, strict=False):
            light += coefficient * np.outer(y**power_y, x**power_x)
        return (white / np.clip(light, *self.limits)[..., None]).astype(np.float32)


_POWERS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
_EVEN = np.ones(1)


def outside(overview: Pixels) -> NDArray[np.uint8]:
    """1 where a picture, RGB (h, w, 3), is opaque black, which no scanned light is, and right beside it; (h, w)."""
    red, green, blue = cv2.split(overview)
    black = (cv2.max(cv2.max(red, green), blue) <= BLACK).view(np.uint8)
    return np.asarray(cv2.dilate(black, np.ones((3, 3), np.uint8), iterations=2), np.uint8) if black.any() else black


def find_glass(overview: Pixels | PixelRows) -> Glass:
    """The glass of a slide, from its overview at 8 µm/px, RGB (h, w, 3)."""
    pixels, places, padded = _flat_and_bright(overview)
    if len(pixels) < max(20, FEW * padded.size):
        colour = 255.0 if padded.mean() > 0.02 else PLAIN_GLASS
        return Glass(np.full(3, colour), _EVEN, 0.0, (1.0, 1.0))
    light = pixels.mean(axis=1)
    near = np.abs(light - _brightest_frequent(light)) <= NEAR
    colour = np.median(pixels[near], axis=0).astype(np.float64)
    like = _like(pixels, colour)
    chroma = np.ptp(pixels[near] * (255.0 / colour), axis=1)
    trend, limits = _trend(light[like] / colour.mean(), places[like])
    return Glass(colour, trend, float(np.std(chroma)), limits)


def _flat_and_bright(
    overview: Pixels | PixelRows,
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.bool_]]:
    """Pixels that may be glass, (n, 3); where, as shares of width and height, (n, 2); and of a sample, what is padding.

    In bands, every n-th row and column: as floats a large overview would fill memory.
    """
    height, width = overview.shape[:2]
    step = max(1, round((height * width / SAMPLE) ** 0.5))
    pixels, places, padding = [], [], []
    band = rows_at_once(width)
    for top in range(0, height, band):
        begin, end = max(0, top - 1), min(height, top + band + 1)
        part = overview[begin:end]
        grey = cv2.transform(part, np.full((1, 3), 1 / 3, np.float32)).astype(np.float32)
        mean = cv2.blur(grey, (3, 3))
        variance = cv2.blur(grey * grey, (3, 3)) - mean * mean
        rows = np.arange(top + (-top) % step, min(height, top + band), step) - begin
        cols = np.arange(0, width, step)
        grid = np.ix_(rows, cols)
        seen = part[grid]
        padded = seen.min(axis=2) >= PADDING
        padding.append(padded.ravel())
        high = seen.max(axis=2)
        tint = (high - seen.min(axis=2)) / np.maximum(high, 1)
        chosen = (variance[grid] < FLAT**2) & (mean[grid] > BRIGHT) & (tint < MOST_TINTED) & ~padded
        row, col = np.nonzero(chosen)
        pixels.append(seen[row, col].astype(np.float32))
        places.append(np.stack([(cols[col] + 0.5) / width, (rows[row] + begin + 0.5) / height], axis=1))
    return np.concatenate(pixels), np.concatenate(places), np.concatenate(padding)


def _brightest_frequent(light: NDArray[np.float32]) -> float:
    """The brightest of the frequent values of (n,)."""
    counts = np.bincount(light.round().astype(np.int64), minlength=256).astype(np.float64)
    within = np.convolve(counts, np.ones(2 * int(NEAR) + 1), "same")
    smooth = np.convolve(counts, np.ones(3), "same")
    frequent = within >= OF_FLAT * len(light)
    peaks = frequent & (smooth >= np.roll(smooth, 1)) & (smooth >= np.roll(smooth, -1)) & (counts > 0)
    values = np.flatnonzero(peaks if peaks.any() else frequent)
    return float(values.max()) if len(values) else float(np.median(light))


def _like(pixels: NDArray[np.float32], colour: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether pixels, (n, 3), have glass's colour at any brightness that light falls to."""
    share = pixels / colour
    mean = share.mean(axis=1)
    return (np.abs(share / mean[:, None] - 1).max(axis=1) < LIKE_GLASS) & (mean > DIMMEST) & (mean < 1.1)


def _trend(light: NDArray[np.float64], places: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """Coefficients of glass's brightness over x and y, and its range; even where too little of the slide is glass."""
    cells = (places * CELLS).astype(int).clip(0, CELLS - 1) @ np.array([1, CELLS])
    known = [cell for cell in np.unique(cells) if np.count_nonzero(cells == cell) >= 8]
    if len(known) < FEWEST_CELLS:
        return _EVEN, (1.0, 1.0)
    values = np.array([np.median(light[cells == cell]) for cell in known])
    middles = np.array([places[cells == cell].mean(axis=0) for cell in known])
    terms = len(_POWERS) if len(known) >= CELLS_FOR_BEND and np.ptp(middles, axis=0).min() > 0.5 else 3
    design = np.stack([middles[:, 0] ** x * middles[:, 1] ** y for x, y in _POWERS[:terms]], axis=1)
    kept = np.ones(len(values), bool)
    fitted = np.zeros(terms)
    for _ in range(4):  # what is darker than the trend is no glass
        fitted = np.linalg.lstsq(design[kept], values[kept], rcond=None)[0]
        off = values - design @ fitted
        kept = (off > -OFF_TREND) & (off < OFF_TREND)
        if kept.sum() < max(FEWEST_CELLS, terms):
            return _EVEN, (1.0, 1.0)
    low, high = float(values[kept].min()), float(values[kept].max())
    if high - low < 0.01:
        return _EVEN, (1.0, 1.0)
    return fitted, (low, high)
