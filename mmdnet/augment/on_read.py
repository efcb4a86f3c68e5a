"""Augmentation of single training patches as they are read: turned, mirrored, some blurred, some compressed again.

It happens on the reading thread, on bytes, where it costs a twentieth of what it would on numbers.
"""

import cv2
import numpy as np

from mmdnet.augment.stain import restain_bytes

BLURRED, COMPRESSED = 0.1, 0.05  # shares of patches
BLUR_PX = (0.3, 1.0)  # standard deviation: up to 0.5 µm at 0.5 µm/px, a scanner slightly out of focus
QUALITY = (60, 95)  # of JPEG, as scanners and archives use it
_QUARTER = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


def turn(image: np.ndarray, number: int) -> np.ndarray:
    """One of the eight ways to lay a square down: quarter turns (0-3), and from 4 on mirrored first."""
    mirrored = cv2.flip(image, 0) if number >= 4 else image
    quarter = _QUARTER[number % 4]
    return mirrored if quarter is None else cv2.rotate(mirrored, quarter)


def vary(images: np.ndarray, random: np.random.Generator, stains: np.ndarray | None = None) -> np.ndarray:
    """Turn every patch at random, blur a tenth, compress a twentieth.

    Args:
        images: uint8 RGB, (n, side, side, 3).
        random: what is drawn depends on it and on n alone, not on the pixels.
        stains: change of stain of each patch, (n, 3, 4), of `mmdnet.augment.stain`; none leaves the colours alone.
    """
    result = np.empty_like(images)
    turns = random.integers(8, size=len(images))
    blurs, jpegs = random.random(len(images)) < BLURRED, random.random(len(images)) < COMPRESSED
    sigmas, qualities = random.uniform(*BLUR_PX, len(images)), random.integers(QUALITY[0], QUALITY[1] + 1, len(images))
    for place, image in enumerate(images):
        laid = turn(image, int(turns[place]))
        laid = laid if stains is None else restain_bytes(laid, stains[place])
        if blurs[place]:
            laid = cv2.GaussianBlur(laid, (0, 0), float(sigmas[place]))
        result[place] = compressed(laid, int(qualities[place])) if jpegs[place] else laid
    return result


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """A patch as it looks after JPEG, 4:2:0, at a quality of 1-100."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)  # type: ignore[return-value]
