"""Colours of grades and of heat, the same on every map, plot and report.

Grades are ordinal: one light-to-dark ramp per task (steatosis amber, inflammation violet, ballooning teal). Heat is one
lime green that no common stain of liver has, the more opaque the higher the value: tissue without heat stays as it is.
"""

from collections.abc import Iterable

import numpy as np

GRADE_RAMPS: dict[str, tuple[str, ...]] = {
    "ballooning": ("#e1f1ef", "#6dbdb2", "#0b6b63"),
    "inflammation": ("#eee9f7", "#c3b1e4", "#8b6bc6", "#512f8c"),
    "steatosis": ("#fcf1d8", "#f3c969", "#cf860f", "#864e00"),
}
TASK_COLOURS = {"ballooning": "#1f8f84", "inflammation": "#8b6bc6", "steatosis": "#c98110"}
"""One strong colour per task, for lines and bars: of its ramp's hue, 3:1 or more on both grounds."""

HEAT = "#7ed000"
FAT = TASK_COLOURS["steatosis"]
"""Fat as it was measured, on maps."""
HEAT_OPAQUE = 0.7
"""Opacity of the highest heat: cells can still be seen through it."""


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue (0-255) of "#rrggbb"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance of a colour, 0-1 (WCAG 2)."""
    linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (v / 255 for v in rgb(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ink_on(colour: str) -> str:
    """Near-black or white, whichever reads better on that ground."""
    ground = luminance(colour)
    return "#ffffff" if 1.05 / (ground + 0.05) > (ground + 0.05) / 0.06 else "#1d2124"


def heat_rgba(share: Iterable[float] | np.ndarray) -> np.ndarray:
    """Heat of shares (0-1, clipped): the one colour, opaque by value, shape (..., 4) uint8."""
    values = np.clip(np.asarray(share, dtype=float), 0.0, 1.0)
    opacity = np.rint(255 * HEAT_OPAQUE * values)
    return np.stack([*(np.full_like(values, level) for level in rgb(HEAT)), opacity], axis=-1).astype(np.uint8)


def heat_stops() -> tuple[str, str]:
    """The ends of the heat's scale, as CSS colours for a straight gradient."""
    return stops(HEAT)


def stops(colour: str) -> tuple[str, str]:
    """The ends of a scale of one colour that is the more opaque the higher the value, as CSS colours."""
    red, green, blue = rgb(colour)
    return f"rgba({red}, {green}, {blue}, 0)", f"rgba({red}, {green}, {blue}, {HEAT_OPAQUE})"
