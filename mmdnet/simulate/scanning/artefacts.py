"""What goes wrong between the scalpel and the scanner: folds, pen, bubbles, blur."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmdnet.simulate.recipes import SlideRecipe

KINDS = ("fold", "pen", "bubble", "blur")
PEN_INKS = ((0.10, 0.18, 0.55), (0.06, 0.06, 0.07), (0.08, 0.45, 0.20), (0.62, 0.08, 0.10))


@dataclass(frozen=True, slots=True)
class ArtefactPlace:
    """One artefact: its kind, its outline in µm, and what its looks depend on (0-1)."""

    kind: str
    polygon: np.ndarray
    look: float


def place_artefacts(recipe: SlideRecipe, outlines: list[np.ndarray]) -> tuple[ArtefactPlace, ...]:
    """Artefacts on the tissue; their mean number is the recipe's."""
    rng = recipe.rng("artefacts")
    size = min(recipe.width_um, recipe.height_um)
    makers = {"fold": _fold, "pen": _pen, "bubble": _bubble, "blur": _blur}
    places = []
    for _ in range(int(rng.poisson(recipe.artefacts))):
        kind = KINDS[int(rng.integers(len(KINDS)))]
        outline = outlines[int(rng.integers(len(outlines)))]
        low, high = outline.min(axis=0), outline.max(axis=0)
        centre = rng.uniform(low + 0.1 * (high - low), high - 0.1 * (high - low))
        places.append(ArtefactPlace(kind, makers[kind](centre, size, rng), float(rng.random())))
    return tuple(places)


def _stroke(path: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Outline of a stroke along a path of shape (n, 2) with half widths of shape (n,)."""
    along = np.gradient(path, axis=0)
    normal = np.c_[-along[:, 1], along[:, 0]] / (np.hypot(*along.T)[:, None] + 1e-6)
    return np.r_[path + half[:, None] * normal, (path - half[:, None] * normal)[::-1]]


def _path(centre: np.ndarray, length: float, bend: float, rng: np.random.Generator) -> np.ndarray:
    t = np.linspace(-0.5, 0.5, 48)
    turn = rng.uniform(0, np.pi)
    side = bend * length * (np.sin(rng.uniform(2, 6) * t + rng.uniform(0, 6)) - 0.5)
    u, v = t * length, side
    return centre + np.c_[u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)]


def _fold(centre: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    path = _path(centre, size * rng.uniform(0.25, 0.6), 0.12, rng)
    t = np.linspace(0, 1, len(path))
    half = rng.uniform(18, 45) * np.sin(np.pi * t) ** 0.5 * (1 + 0.2 * np.sin(20 * t))
    return _stroke(path, half)


def _pen(centre: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    path = _path(centre, size * rng.uniform(0.25, 0.6), 0.25, rng)
    return _stroke(path, np.full(len(path), rng.uniform(60, 120)))


def _round(centre: np.ndarray, radius: float, uneven: float, rng: np.random.Generator) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    radius_at = radius * (
        1 + uneven * np.sin(2 * turn + rng.uniform(0, 6)) + uneven * np.sin(3 * turn + rng.uniform(0, 6))
    )
    return centre + radius_at[:, None] * np.c_[np.cos(turn), np.sin(turn)]


def _bubble(centre: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    return _round(centre, min(rng.uniform(90, 220), 0.2 * size), 0.03, rng)


def _blur(centre: np.ndarray, size: float, rng: np.random.Generator) -> np.ndarray:
    return _round(centre, min(rng.uniform(150, 380), 0.25 * size), 0.15, rng)


def mask_of(
    place: ArtefactPlace, origin_um: tuple[float, float], shape: tuple[int, int], mpp: float
) -> np.ndarray | None:
    """The artefact's mask in a window, uint8 of that shape, or None where it does not reach into it."""
    points = (place.polygon - origin_um) / mpp
    height, width = shape
    low, high = points.min(axis=0), points.max(axis=0)
    if high[0] < -40 or high[1] < -40 or low[0] > width + 40 or low[1] > height + 40:
        return None
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask


def thicken(density: np.ndarray, place: ArtefactPlace, mask: np.ndarray, mpp: float) -> None:
    """A fold: two layers of tissue, so more dye, in place. `density` has shape (dyes, h, w)."""
    soft = cv2.GaussianBlur(mask, (0, 0), 2.0 / mpp).astype(np.float32) / 255
    density *= 1 + (0.8 + 0.7 * place.look) * soft


def cover(light: np.ndarray, place: ArtefactPlace, mask: np.ndarray, mpp: float) -> np.ndarray:
    """Pen, bubble or blur on the light that passes, shape (h, w, 3), 0-1."""
    weight = cv2.GaussianBlur(mask, (0, 0), 2.0 / mpp).astype(np.float32)[..., None] / 255
    if place.kind == "pen":
        ink = np.array(PEN_INKS[int(place.look * 3.999)], np.float32)
        return light * (1 - weight * (1 - ink * 0.9)) + weight * ink * 0.12
    sigma = (2.6 + 1.4 * place.look) / mpp
    smooth = cv2.GaussianBlur(light, (0, 0), sigma)
    if place.kind == "blur":
        soft = cv2.GaussianBlur(mask, (0, 0), 5.0 / mpp).astype(np.float32)[..., None] / 255
        return light + soft * (smooth - light)
    rim = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((int(5 / mpp) | 1,) * 2, np.uint8))
    rim = cv2.GaussianBlur(rim, (0, 0), 1.5 / mpp).astype(np.float32)[..., None] / 255
    inside = 0.30 + 0.62 * smooth
    return (light + weight * (inside - light)) * (1 - 0.7 * rim)
