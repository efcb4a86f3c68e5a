"""Children whose worth is known: light variants of a parent, and ways of being none, planted on simulated patches."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from mmdnet.augment.on_read import compressed
from mmdnet.augment.stain import affine, restain_bytes
from mmdnet.augment.stain_swap import SlideStain, swap_matrix
from mmdnet.bags.cohort import Cohort, PixelSource
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.slides.geometry import PATCH_MPP
from mmdnet.slides.measures.fat import fat_mask

Plant = Callable[["Planter", int, np.random.Generator], np.ndarray]
GLASS = 244
FAT = (248, 246, 248)  # the light inside a droplet
FAT_ADDED = 0.08  # of the area, which is beyond any grade's own spread
BENT_PX = 1.5


class Planter:
    """Plants children of a cohort's patches.

    Args:
        cohort: patches with their true grades, of two kinds of stain.
        pixels: in the cohort's order.
        stains: measured of each slide.
    """

    def __init__(self, cohort: Cohort, pixels: PixelSource, stains: list[SlideStain]) -> None:
        self.cohort, self.pixels, self.stains = cohort, pixels, stains

    def parent(self, place: int) -> np.ndarray:
        return self.pixels.read(np.array([place]))[0]

    def light_variant(self, place: int, random: np.random.Generator) -> np.ndarray:
        """Bent by up to 1.5 px, a little noise, up to 2 % paler or darker: what gentle settings do."""
        parent = self.parent(place)
        side = len(parent)
        bend = [cv2.GaussianBlur(random.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 12) for _ in range(2)]
        across, down = (BENT_PX * b / np.abs(b).max() for b in bend)
        x, y = np.meshgrid(np.arange(side, dtype=np.float32), np.arange(side, dtype=np.float32))
        moved = cv2.remap(parent, x + across, y + down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        changed = random.uniform(0.98, 1.02) * moved + random.normal(0, 2, moved.shape)
        return np.clip(changed, 0, 255).astype(np.uint8)

    def other_grade(self, place: int, random: np.random.Generator) -> np.ndarray:
        """Another patch of the site with other grades; every second time the parent itself with its fat put in, or
        taken out where it has some."""
        if random.random() < 0.5:
            lean = self.cohort.grades[place, TASK_NAMES.index("steatosis")] == 0
            return self._fattened(place, random) if lean else self._leaned(place, random)
        cohort = self.cohort
        sites = np.array([slide.site for slide in cohort.slides])[cohort.slide_index]
        other = np.flatnonzero(
            (sites == sites[place]) & ~cohort.ignored & (cohort.grades != cohort.grades[place]).any(axis=1)
        )
        return self.parent(int(random.choice(other)))

    def _fattened(self, place: int, random: np.random.Generator) -> np.ndarray:
        picture = self.light_variant(place, random)
        added = np.zeros(picture.shape[:2], np.uint8)
        while added.mean() < FAT_ADDED:
            x, y = random.integers(12, len(picture) - 12, 2)
            radius = int(random.integers(7, 14))
            cv2.circle(picture, (int(x), int(y)), radius, FAT, -1, cv2.LINE_AA)
            cv2.circle(added, (int(x), int(y)), radius, 1, -1)
        return picture

    def _leaned(self, place: int, random: np.random.Generator) -> np.ndarray:
        """Every droplet filled with the tissue around it."""
        picture = self.light_variant(place, random)
        droplets = fat_mask(picture, PATCH_MPP).astype(np.uint8)
        return cv2.inpaint(picture, cv2.dilate(droplets, np.ones((5, 5), np.uint8)), 5, cv2.INPAINT_TELEA)

    def other_stain(self, place: int, random: np.random.Generator) -> np.ndarray:
        """The parent's structure under the stain of a slide that was stained otherwise."""
        slide = self.cohort.slide_index[place]
        kind = self.cohort.slides[slide].stain
        others = [s for s, info in enumerate(self.cohort.slides) if info.stain != kind]
        matrix = swap_matrix(self.stains[slide], self.stains[int(random.choice(others))], 1.0)
        return restain_bytes(self.light_variant(place, random), affine(matrix[None], np.zeros((1, 1)))[0])

    def copy(self, place: int, random: np.random.Generator) -> np.ndarray:
        """The parent, or the parent stored as JPEG."""
        parent = self.parent(place)
        return parent if random.random() < 0.5 else compressed(parent, int(random.integers(95, 100)))

    def noise(self, place: int, random: np.random.Generator) -> np.ndarray:
        """The parent under noise, or noise alone in its mean colour."""
        parent = self.parent(place).astype(np.float32)
        if random.random() < 0.5:
            parent = np.broadcast_to(parent.mean(axis=(0, 1)), parent.shape)
        return np.clip(parent + random.normal(0, random.uniform(25, 60), parent.shape), 0, 255).astype(np.uint8)

    def blank(self, place: int, random: np.random.Generator) -> np.ndarray:
        """Glass, or the parent faded into it."""
        faded = random.uniform(0.9, 1.0)
        glass = GLASS + random.normal(0, 2, (*self.parent(place).shape,))
        return np.clip(faded * glass + (1 - faded) * self.parent(place), 0, 255).astype(np.uint8)


LIGHT = "light variant"
BAD: Mapping[str, Plant] = {
    "other grade": Planter.other_grade,
    "other stain": Planter.other_stain,
    "copy": Planter.copy,
    "noise": Planter.noise,
    "blank": Planter.blank,
}
