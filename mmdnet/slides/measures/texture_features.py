"""What a patch looks like in twenty-one numbers, without any network: stain, holes, nuclei, texture at five scales.

Enough to tell kinds of tissue apart (fat, fibrous, cell-dense, pale, torn); not enough to grade anything.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURE_MPP = 2.0  # µm per pixel: a hepatocyte is about ten pixels wide, a nucleus four
TEXTURE_VERSION = 1  # raised when the same patch would give other numbers
SCALES_PX = (1.0, 2.0, 4.0, 8.0)
WHITE, DARK_DENSITY = 215, 0.45
COLUMNS = 21


def texture_features(patch: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Numbers of one patch at about `TEXTURE_MPP`: shape (h, w, 3) RGB in, (21,) out.

    Optical density per colour: mean and spread (6), its 10th, 50th and 90th percentile in red, where nuclei are (3);
    share of white (1) and of dark (1); strength of detail at five scales in red density and in saturation (10).
    """
    density = -np.log10(np.clip(patch.astype(np.float32), 1, 255) / 255)
    red = density[..., 0]
    colour = density.max(axis=2) - density.min(axis=2)
    numbers = [*density.mean(axis=(0, 1)), *density.std(axis=(0, 1)), *np.percentile(red, (10, 50, 90))]
    numbers += [float((patch.min(axis=2) > WHITE).mean()), float((red > DARK_DENSITY).mean())]
    for plane in (red, colour):
        finer = plane
        for scale in SCALES_PX:
            coarser = cv2.GaussianBlur(plane, (0, 0), scale)
            numbers.append(float((finer - coarser).std()))
            finer = coarser
        numbers.append(float(finer.std()))
    return np.asarray(numbers, dtype=np.float32)
