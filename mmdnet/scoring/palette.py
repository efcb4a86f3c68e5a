"""Colours of grades and of heat, the same on every map, plot and report.

Grades are ordinal: one light-to-dark ramp per task (steatosis amber, inflammation violet, ballooning teal). Heat is
viridis (van der Walt and Smith 2015): even in lightness, readable without colour vision, and its dark end does not look
like eosin.
"""

from collections.abc import Iterable

import numpy as np

GRADE_RAMPS: dict[str, tuple[str, ...]] = {
    "ballooning": ("#e1f1ef", "#6dbdb2", "#0b6b63"),
    "inflammation": ("#eee9f7", "#c3b1e4", "#8b6bc6", "#512f8c"),
    "steatosis": ("#fcf1d8", "#f3c969", "#cf860f", "#864e00"),
}
TASK_COLOURS = {"ballooning": "#1f8f84", "inflammation": "#8b6bc6", "steatosis": "#cf860f"}
"""One strong colour per task, for lines and bars: of its ramp's hue, 3:1 or more on both grounds."""

# every second of 33 even steps of viridis; straight lines between them stay within 2/255 of the original
HEAT_STOPS: tuple[str, ...] = (
    "#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e", "#21918c",
    "#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219", "#fde725",
)  # fmt: skip


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue (0-255) of "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def ink_on(colour: str) -> str:
    """Near-black or white, whichever reads better on that ground (WCAG relative luminance)."""
    linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (v / 255 for v in rgb(colour))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.06 else "#1d2124"


def heat_rgb(share: Iterable[float] | np.ndarray) -> np.ndarray:
    """Heat colours of shares (0-1, clipped), shape (..., 3) uint8."""
    values = np.clip(np.asarray(share, dtype=float), 0.0, 1.0)
    table = np.array([rgb(stop) for stop in HEAT_STOPS], dtype=float)
    at = np.linspace(0.0, 1.0, len(table))
    return np.stack([np.interp(values, at, table[:, c]) for c in range(3)], axis=-1).round().astype(np.uint8)
