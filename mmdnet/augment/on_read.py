"""Augmentation of single training patches as they are read: turned, mirrored, some blurred, some compressed again.

It happens on the reading thread, on bytes, where it costs a twentieth of what it would on numbers.
"""

import cv2
import numpy as np

from mmdnet.augment.stain import restain_bytes

BLURRED, COMPRESSED = 0.1, 0.05  # shares of patches
BLUR_PX = (0.3, 1.0)  # standard deviation: up to 0.5 µm at 0.5 µm/px, a scanner slightly out of focus
QUALITY = (60, 95)  # of JPEG, as scanners and archives use it
SCALE = (0.9, 1.1)
_QUARTER = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


def turn(image: np.ndarray, number: int) -> np.ndarray:
    """One of the eight ways to lay a square down: quarter turns (0-3), and from 4 on mirrored first."""
    mirrored = cv2.flip(image, 0) if number >= 4 else image
    quarter = _QUARTER[number % 4]
    return mirrored if quarter is None else cv2.rotate(mirrored, quarter)


def draw_variations(count: int, random: np.random.Generator) -> np.ndarray:
    """What happens to each of some patches, (count, 5).

    Its turn (0-7), its blur in px and its quality (0: neither); scale 1 and sharpness 0, which are another scanner's
    (`mmdnet.augment.variation`).
    """
    turns = random.integers(8, size=count)
    blurs = np.where(random.random(count) < BLURRED, random.uniform(*BLUR_PX, count), 0)
    qualities = np.where(random.random(count) < COMPRESSED, random.integers(QUALITY[0], QUALITY[1] + 1, count), 0)
    return np.stack([turns, blurs, qualities, np.ones(count), np.zeros(count)], axis=1)


def draw_scales(count: int, random: np.random.Generator) -> np.ndarray:
    """How much larger each patch is seen, (count,): scanners' µm per pixel are not what they state."""
    return random.uniform(*SCALE, count)


def vary(images: np.ndarray, variations: np.ndarray, stains: np.ndarray | None = None) -> np.ndarray:
    """Turn every patch, blur a tenth, compress a twentieth; scale and sharpen where that was drawn.

    Args:
        images: uint8 RGB, (n, side, side, 3).
        variations: of `draw_variations`, (n, 5).
        stains: change of stain of each patch, (n, 3, 4), of `mmdnet.augment.stain`; none leaves the colours alone.
    """
    result = np.empty_like(images)
    for place, (image, (number, blur_px, quality, scale, sharpness)) in enumerate(zip(images, variations, strict=True)):
        laid = scaled(turn(image, int(number)), float(scale))
        laid = laid if stains is None else restain_bytes(laid, stains[place])
        laid = cv2.GaussianBlur(laid, (0, 0), float(blur_px)) if blur_px else laid
        laid = sharpened(laid, float(sharpness)) if sharpness else laid
        result[place] = compressed(laid, int(quality)) if quality else laid
    return result


def scaled(image: np.ndarray, scale: float) -> np.ndarray:
    """A patch seen so many times as large around its middle, at its own side; what lies beyond its edge is mirrored."""
    side = len(image)
    margin = round(abs(side - (side / scale if scale > 1 else side * scale)) / 2)
    if not margin:
        return image
    if scale > 1:
        return cv2.resize(image[margin:-margin, margin:-margin], (side, side))
    smaller = cv2.resize(image, (side - 2 * margin, side - 2 * margin))
    return cv2.copyMakeBorder(smaller, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)


def sharpened(image: np.ndarray, amount: float) -> np.ndarray:
    """A patch with its details stretched by 1 + `amount` (unsharp mask); below 0 they are softened."""
    soft = cv2.GaussianBlur(image, (3, 3), 0)
    return cv2.addWeighted(image, 1 + amount, soft, -amount, 0)


def compressed(image: np.ndarray, quality: int) -> np.ndarray:
    """A patch as it looks after JPEG, 4:2:0, at a quality of 1-100."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)  # type: ignore[return-value]
