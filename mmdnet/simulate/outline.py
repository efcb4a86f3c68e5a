"""The piece of liver on the glass: a needle core or a wedge, as polygons in micrometres."""

import numpy as np

from mmdnet.simulate.recipes import SlideRecipe

POINT_EVERY_UM = 25.0


def tissue_outlines(recipe: SlideRecipe) -> list[np.ndarray]:
    """Outlines of the tissue pieces, each of shape (points, 2) in µm from the slide's upper left corner."""
    rng = recipe.rng("outline")
    if recipe.form == "wedge":
        return [_wedge(recipe.width_um, recipe.height_um, rng)]
    return _needles(recipe.width_um, recipe.height_um, rng)


def _wobble(angle: np.ndarray, rng: np.random.Generator, strength: float, lowest: int, highest: int) -> np.ndarray:
    """A smooth closed random curve around 0: a few waves, weaker the shorter they are."""
    waves = np.arange(lowest, highest + 1)
    size = rng.normal(0, strength, len(waves)) / np.sqrt(waves)
    phase = rng.uniform(0, 2 * np.pi, len(waves))
    return (size * np.sin(angle[:, None] * waves + phase)).sum(axis=1)


def _wedge(width_um: float, height_um: float, rng: np.random.Generator) -> np.ndarray:
    """A rounded, slightly uneven piece that fills most of the slide."""
    count = max(48, int(2 * (width_um + height_um) / POINT_EVERY_UM))
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    power = rng.uniform(2.6, 4.0)  # 2 is an ellipse, infinity a rectangle
    squircle = (np.abs(np.cos(angle)) ** power + np.abs(np.sin(angle)) ** power) ** (-1 / power)
    radius = squircle * (0.90 + _wobble(angle, rng, 0.022, 2, 12).clip(-0.2, 0.05) + _wobble(angle, rng, 0.006, 13, 60))
    half = np.array([width_um, height_um]) / 2
    return half + radius[:, None] * half * np.c_[np.cos(angle), np.sin(angle)]


def _needles(width_um: float, height_um: float, rng: np.random.Generator) -> list[np.ndarray]:
    """One to three cores beside each other along the longer side, bent a little."""
    long_um, short_um = max(width_um, height_um), min(width_um, height_um)
    cores = int(np.clip(short_um // 2200, 1, 3))
    pitch = short_um / cores
    outlines = []
    for core in range(cores):
        thickness = min(rng.uniform(1000, 1500), 0.6 * pitch)
        length = long_um * rng.uniform(0.88, 0.95)
        along = np.linspace(-length / 2, length / 2, max(24, int(length / POINT_EVERY_UM)))
        bend = 0.10 * pitch * np.sin(along / long_um * rng.uniform(2, 5) + rng.uniform(0, 6))
        turn = np.linspace(0, 2 * np.pi, len(along))
        half = thickness / 2 * (1 - np.abs(2 * along / length) ** 24)  # broken, not pointed, ends
        upper = bend + half * (1 + _wobble(turn, rng, 0.028, 3, 60).clip(-0.2, 0.12))
        lower = bend - half * (1 + _wobble(turn, rng, 0.028, 3, 60).clip(-0.2, 0.12))
        x = np.r_[along, along[::-1]] + long_um / 2
        y = np.r_[upper, lower[::-1]] + pitch * (core + 0.5)
        outlines.append(np.c_[x, y] if width_um >= height_um else np.c_[y, x])
    return outlines
