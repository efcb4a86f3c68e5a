from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from mmdnet.bags.cohort import Cohort, SlideInfo
from tests.nas import columns


class Pixels:
    """Patches in memory; counts what is read."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def read(self, indices: np.ndarray) -> np.ndarray:
        return self.images[indices]


@dataclass(frozen=True)
class Crafted:
    cohort: Cohort
    pixels: Pixels


def textures(slides: int = 6, patches: int = 8, side: int = 48, seed: int = 0, ignored: float = 0.1) -> Crafted:
    """Patches with drawn lesions: pale discs (ballooning), dark dots (inflammation), white discs (steatosis)."""
    random = np.random.default_rng(seed)
    n = slides * patches
    grades = np.stack([random.integers(0, high + 1, n) for high in (2, 3, 3)], axis=1)
    images = random.normal(0, 5, (n, side, side, 3)) + np.array([215, 160, 195])
    for image, (pale, dots, white) in zip(images, grades, strict=True):
        for count, radius, colour in (
            (pale, 8, (250, 225, 240)),
            (3 * dots, 2, (60, 30, 110)),
            (4 * white, 3, (255,) * 3),
        ):
            for _ in range(count):
                x, y = random.integers(4, side - 4, 2)
                cv2.circle(image, (int(x), int(y)), radius, colour, -1)
    infos = tuple(
        SlideInfo(s + 1, f"p{s}", f"site {s % 2}", f"scanner {s % 2}", "H&E", simulated=True, patch_px=side)
        for s in range(slides)
    )
    owner = np.repeat(np.arange(slides), patches)
    cohort = Cohort(infos, np.arange(n), owner, columns(grades.astype(np.int8)), random.random(n) < ignored)
    return Crafted(cohort, Pixels(images.clip(0, 255).astype(np.uint8)))


@pytest.fixture(scope="session")
def crafted() -> Crafted:
    return textures()


@pytest.fixture(scope="session")
def craft():
    return textures
