"""Whether a grade hangs on the area a map marks: the deletion test of a map.

What is marked is masked and the patch graded again, as in Petsiuk, Das, Saenko 2018 ("RISE", BMVC: deletion). A masked
patch is no tissue the network has seen, and its grade may fall for that alone; so beside it stands what is left where
the same shape is masked elsewhere on the patch, in the mean of several places.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet

MARKED_SHARE = 0.1  # of a patch at most
ELSEWHERE = 8  # places the marked shape is moved to
TRIED = 64  # places to choose them from


@dataclass(frozen=True, slots=True)
class Deletion:
    """Probability of a patch having at least some grade, 0-1: as it is, the marked area masked, the same elsewhere."""

    whole: float
    marked: float
    elsewhere: float


def marked_area(heat: np.ndarray, share: float = MARKED_SHARE) -> np.ndarray:
    """The hottest part of a patch, shape (h, w) bool: at most this share of it, and nothing where there is no heat.

    Args:
        heat: at least 0, shape (h, w).
        share: of the patch's area.
    """
    cut = np.quantile(heat, 1 - share)
    return np.asarray(heat > max(float(cut), 0.0))


def moved(area: np.ndarray, places: int, seed: int) -> np.ndarray:
    """The same shape elsewhere, shape (places, h, w) bool: moved round the patch's edges, where it meets itself least.

    Args:
        area: shape (h, w) bool.
        places: how many.
        seed: of the moves, of which the best of `TRIED` are taken.
    """
    random, (height, width) = np.random.default_rng(seed), area.shape
    steps = np.stack([random.integers(0, height, TRIED), random.integers(0, width, TRIED)], axis=1)
    tried = np.stack([np.roll(area, tuple(step), axis=(0, 1)) for step in steps.tolist()])
    return tried[np.argsort((tried & area).sum(axis=(1, 2)), kind="stable")[:places]]


def masked(image: np.ndarray, area: np.ndarray) -> np.ndarray:
    """A patch, uint8 RGB (h, w, 3), whose area, (h, w) bool, has the mean colour of what is left."""
    out = image.copy()
    if not area.all():
        out[area] = np.rint(image[~area].mean(axis=0)).astype(np.uint8)
    return out


def deletion_test(
    model: MMDNet, image: np.ndarray, task: str, grade: int, area: np.ndarray, seed: int = 0, device: str = "cpu"
) -> Deletion:
    """What is left of the probability that a patch has at least this grade when the area is masked, or one like it.

    Args:
        model: in evaluation mode on `device`.
        image: uint8 RGB, shape (px, px, 3).
        task: a feature that the model grades.
        grade: at least 1.
        area: what is masked, shape (px, px) bool; not empty.
        seed: of the places elsewhere.
        device: where the model is.
    """
    import torch

    areas = [area, *moved(area, ELSEWHERE, seed)]
    images = np.stack([image, *(masked(image, area) for area in areas)])
    with torch.inference_mode():
        pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
        chances = model.instance_probabilities(model.embed(pixels))[task][:, grade:].sum(dim=1).double().cpu().numpy()
    return Deletion(float(chances[0]), float(chances[1]), float(chances[2:].mean()))
