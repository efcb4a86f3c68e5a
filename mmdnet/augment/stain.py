r"""Another stain for a whole bag: a bag stays one slide.

Stain changes in optical density, where it is additive (Beer-Lambert; Ruifrok & Johnston 2001). With light
:math:`L = (I + 1) / 256` of a byte :math:`I`, a matrix :math:`M` and a brightness :math:`s`,

.. math:: \ln L' = M \ln L + s

which is one affine map of :math:`\ln (I + 1)`; drawn once per bag, applied on bytes where the CPU computes (it is done
on the reading thread) and on the device where a GPU does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from mmdnet.slides.measures.stain import STAINS_OD

if TYPE_CHECKING:  # the app reads gate values and bytes, and never loads torch
    from torch import Tensor

STRENGTH = 0.2  # each stain's amount is scaled by 0.8-1.2
MIXING = 0.03  # standard deviation of a scanner's colour matrix
BRIGHTNESS = 0.04  # of optical density, either way


def draw_stains(bags: int, random: np.random.Generator) -> np.ndarray:
    """Random changes, one per bag: affine maps of ln(I + 1) to ln L', float32, (bags, 3, 4)."""
    return affine(*draw_jitter(bags, random))


def draw_jitter(bags: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A random matrix M, (bags, 3, 3), and brightness s, (bags, 1), for each bag."""
    basis = STAINS_OD.T  # columns: density of one unit of each stain
    factors = 1 + STRENGTH * random.uniform(-1, 1, (bags, 3))
    matrices = basis @ (factors[:, :, None] * np.linalg.inv(basis)) + MIXING * random.normal(size=(bags, 3, 3))
    return matrices, BRIGHTNESS * random.uniform(-1, 1, (bags, 1))


def affine(matrices: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Maps of ln(I + 1) to ln L', (bags, 3, 4), of matrices M, (bags, 3, 3), and brightness s, (bags, 1)."""
    shifts = brightness - math.log(256) * matrices.sum(axis=2)
    return np.concatenate([matrices, shifts[:, :, None]], axis=2).astype(np.float32)


def restain_bytes(image: np.ndarray, change: np.ndarray) -> np.ndarray:
    """A patch under another stain.

    Args:
        image: uint8 RGB, (side, side, 3).
        change: of `draw_stains`, (3, 4).
    """
    rows = cv2.add(image.reshape(len(image), -1), 1.0, dtype=cv2.CV_32F)  # type: ignore[call-overload]
    light = cv2.transform(cv2.log(rows, dst=rows).reshape(image.shape), change)
    return cv2.convertScaleAbs(cv2.exp(light, dst=light), alpha=256, beta=-1)  # saturates at white


def restain(images: Tensor, changes: Tensor) -> Tensor:
    """Patches under other stains, on their device.

    Args:
        images: uint8, (n, 3, side, side).
        changes: one per patch, (n, 3, 4).

    Returns:
        (n, 3, side, side), float32 in 0-1.
    """
    import torch

    given = images.flatten(2).float().add_(1).log_()
    light = torch.baddbmm(changes[:, :, 3:], changes[:, :, :3], given).exp_()
    return light.mul_(256 / 255).sub_(1 / 255).clamp_(0, 1).unflatten(2, images.shape[2:])
