"""What was computed once for a picture is remembered for all tests of a process that show the same picture again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from mmdnet.slides.measures.droplet_parts import Labels
from mmdnet.slides.readers.reader import Pixels


def remembering_droplets(find: Callable[[Pixels, float], Labels]) -> Callable[[Pixels, float], Labels]:
    """`find_droplets`, which asks each picture once; of a mask (h, w), only the pixels that are not 0 are kept."""
    kept: dict[tuple[bytes, tuple[int, ...], float], tuple[np.ndarray, np.ndarray]] = {}

    def remember(rgb: Pixels, mpp: float) -> Labels:
        key = (hashlib.blake2b(np.ascontiguousarray(rgb)).digest(), rgb.shape, mpp)
        if key not in kept:
            droplets = find(rgb, mpp)
            places = np.flatnonzero(droplets)
            kept[key] = places, droplets.ravel()[places]
        places, numbers = kept[key]
        droplets = np.zeros(rgb.shape[:2], np.int32)
        np.put(droplets, places, numbers)
        return droplets

    return remember
