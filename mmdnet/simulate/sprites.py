"""Pictures of nuclei, drawn once per resolution and stamped many times: envelope, chromatin, nucleolus."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

ANGLES = 24  # directions of long nuclei over half a turn


@dataclass(frozen=True, slots=True)
class _Look:
    """How a kind of nucleus looks. Radii in µm, densities 0-1."""

    radius: tuple[float, float]
    ratio: tuple[float, float]  # short over long axis
    body: float
    rim: float
    clumps: float
    nucleoli: tuple[int, int]
    turned: bool = False


_LOOKS = {
    "hepatocyte": _Look((3.0, 4.3), (0.84, 1.0), 0.52, 0.20, 0.20, (1, 2)),
    "faint": _Look((2.6, 3.6), (0.85, 1.0), 0.24, 0.08, 0.10, (0, 1)),
    "dense": _Look((2.9, 3.9), (0.80, 1.0), 0.66, 0.10, 0.18, (0, 1)),
    "large": _Look((4.8, 6.2), (0.80, 1.0), 0.52, 0.26, 0.26, (1, 3)),
    "ballooned": _Look((4.0, 5.2), (0.86, 1.0), 0.42, 0.34, 0.20, (1, 2)),
    "lymphocyte": _Look((2.1, 2.8), (0.84, 1.0), 0.74, 0.06, 0.26, (0, 0)),
    "duct": _Look((2.3, 2.8), (0.72, 0.92), 0.52, 0.20, 0.18, (0, 1)),
    "flattened": _Look((3.6, 5.0), (0.34, 0.55), 0.74, 0.06, 0.12, (0, 0), turned=True),
    "spindle": _Look((3.4, 5.6), (0.24, 0.44), 0.70, 0.06, 0.12, (0, 0), turned=True),
}
KINDS = tuple(_LOOKS)
KIND = {kind: index for index, kind in enumerate(KINDS)}
VARIANTS = {kind: (4 * ANGLES if look.turned else 64) for kind, look in _LOOKS.items()}
SHARPER = 3  # nuclei are drawn larger and shrunk, so that fine parts are smooth


@lru_cache(maxsize=4)
def nucleus_sprites(mpp: float) -> list[list[np.ndarray]]:
    """For every kind its variants: uint8 density pictures with odd sides, at `mpp` µm per pixel."""
    rng = np.random.default_rng(20)
    sprites = []
    for kind, look in _LOOKS.items():
        pictures = []
        for variant in range(VARIANTS[kind]):
            angle = (variant % ANGLES) * np.pi / ANGLES if look.turned else rng.uniform(0, np.pi)
            pictures.append(_draw(look, angle, mpp, rng))
        sprites.append(pictures)
    return sprites


def _draw(look: _Look, angle: float, mpp: float, rng: np.random.Generator) -> np.ndarray:
    fine = mpp / SHARPER
    long = rng.uniform(*look.radius)
    short = long * rng.uniform(*look.ratio)
    half = int(np.ceil((long + 1.0) / mpp))
    side = (2 * half + 1) * SHARPER
    grid = (np.arange(side) - (side - 1) / 2) * fine
    x, y = np.meshgrid(grid, grid)
    u, v = x * np.cos(angle) + y * np.sin(angle), -x * np.sin(angle) + y * np.cos(angle)
    if look.turned:  # long nuclei are slightly bent
        v = v + rng.normal(0, 0.25) * (u / long) ** 2 * short
    turn = np.arctan2(v / short, u / long)
    uneven = 1 + 0.05 * np.sin(2 * turn + rng.uniform(0, 6)) + 0.04 * np.sin(3 * turn + rng.uniform(0, 6))
    reach = np.hypot(u / long, v / short) / uneven  # 1 on the envelope
    depth = (1 - reach) * short  # µm below the envelope, about
    inside = 1 / (1 + np.exp(-depth / 0.12))
    density = look.body + look.rim * np.exp(-((depth - 0.25) ** 2) / (2 * 0.30**2))
    density += look.clumps * _chromatin(side, 0.55 / fine, rng) * np.clip(depth / 0.5, 0, 1)
    for _ in range(int(rng.integers(look.nucleoli[0], look.nucleoli[1] + 1))):
        turned, away = rng.uniform(0, 6.3), short * 0.5 * rng.random()
        spot = np.hypot(u - away * np.cos(turned), v - away * np.sin(turned))
        density += 0.45 / (1 + np.exp((spot - rng.uniform(0.55, 0.95)) / 0.12))
    picture = np.clip(density, 0, 1) * inside
    small = cv2.resize(picture.astype(np.float32), (2 * half + 1,) * 2, interpolation=cv2.INTER_AREA)
    return np.round(small * 255).astype(np.uint8)


def _chromatin(side: int, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Soft clumps with mean 0 and unit deviation."""
    noise = cv2.GaussianBlur(rng.standard_normal((side, side)), (0, 0), sigma)
    return np.clip((noise - noise.mean()) / (noise.std() + 1e-6), -1.5, 2)
