"""Scanners: each sees the same light in its own way."""

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.texture import Window, texture


@dataclass(frozen=True, slots=True)
class Scanner:
    """One model of scanner.

    Attributes:
        colour: what each output channel takes from red, green and blue, shape (3, 3), rows sum to 1.
        white: what clear glass looks like, 0-1 per channel.
        contrast: exponent on the light; above 1 is darker.
        blur_um: standard deviation of its point spread.
        noise: standard deviation, 0-1 scale.
        quality: of its JPEG.
    """

    name: str
    colour: np.ndarray
    white: np.ndarray
    contrast: float
    blur_um: float
    noise: float
    quality: int


def scanner_named(name: str) -> Scanner:
    """The scanner of that name; any name has one, always the same."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), 5])
    colour = np.eye(3) + rng.normal(0, 0.045, (3, 3))
    colour /= colour.sum(axis=1, keepdims=True)
    return Scanner(
        name=name,
        colour=colour.astype(np.float32),
        white=(rng.uniform(0.945, 0.975) + rng.uniform(-0.006, 0.006, 3)).astype(np.float32),
        contrast=float(rng.uniform(0.90, 1.12)),
        blur_um=float(rng.uniform(0.20, 0.36)),
        noise=float(rng.uniform(0.006, 0.012)),
        quality=int(rng.integers(80, 92)),
    )


def scan(light: np.ndarray, scanner: Scanner, window: Window, recipe: SlideRecipe) -> np.ndarray:
    """What the scanner makes of the light.

    Args:
        light: share of light that passes, shape (h, w, 3), 0-1, already raised to the scanner's contrast.

    Returns:
        uint8 RGB, shape (h, w, 3).
    """
    seen = cv2.GaussianBlur(light, (0, 0), scanner.blur_um / window.mpp)
    seen = cv2.transform(seen, scanner.colour * scanner.white[:, None] * 255)
    for channel in range(3):
        noise = texture("sensor", window, recipe.seed + 31 * channel)
        seen[..., channel] = seen[..., channel] + np.float32(255 * scanner.noise) * noise
    return cv2.convertScaleAbs(np.maximum(seen, 0))
