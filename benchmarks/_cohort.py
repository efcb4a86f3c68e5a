"""Cohorts to train on: simulated slides, kept between runs, and crafted patches that cost nothing to make."""

import cv2
import numpy as np

from benchmarks._kept import kept
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.experiments.simulated_cohorts import draw_cohort
from mmdnet.training.simulated import StoredSource


def simulated(slides: int, seed: int) -> tuple[Cohort, StoredSource]:
    """Simulated slides with their truth as labels; the same ones are used again in the next run."""
    _, cohort, pixels = draw_cohort(slides, seed, kept("benchmarks") / f"simulated-{seed}")
    return cohort, pixels


class Pixels:
    """Patches held in memory."""

    def __init__(self, images: np.ndarray) -> None:
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Patches, uint8, (n, side, side, 3)."""
        return self._images[indices]


def crafted(slides: int, patches: int, side: int, seed: int = 0) -> tuple[Cohort, Pixels]:
    """Pink patches with as many drawn discs as their grades say, from as many patients as slides and two scanners."""
    random = np.random.default_rng(seed)
    n = slides * patches
    grades = np.stack([random.integers(0, highest + 1, n) for highest in (2, 3, 3)], axis=1)
    images = np.full((n, side, side, 3), (215, 160, 195), np.uint8)
    for image, counts in zip(images, grades, strict=True):
        for count, radius, colour in zip(counts, (8, 2, 4), ((250, 225, 240), (60, 30, 110), (255,) * 3), strict=True):
            for x, y in random.integers(0, side, (3 * count, 2)).tolist():
                cv2.circle(image, (x, y), radius, colour, -1)
    infos = tuple(
        SlideInfo(s, f"p{s}", "", f"scanner {s % 2}", "H&E", simulated=True, patch_px=side) for s in range(slides)
    )
    owner = np.repeat(np.arange(slides), patches)
    return Cohort(infos, np.arange(n), owner, grades.astype(np.int8), np.zeros(n, bool)), Pixels(images)
