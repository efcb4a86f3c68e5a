"""What is drawn for the bags and patches of a training step: the stain and scanner of a bag, the turn of a patch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.augment.choices import StainVariation
from mmdnet.augment.on_read import draw_scales, draw_variations
from mmdnet.augment.stain import affine, draw_jitter
from mmdnet.augment.stain_swap import StainSwaps

GAMMA = (0.85, 1.18)  # of one scanner's tone curve against another's
COLOUR_MATRIX_SD = 0.04  # of an entry of a scanner's colour matrix, for optical density
SHARPNESS = (-0.6, 0.8)  # below 0 softer, above 0 sharpened as scanners do


@dataclass(frozen=True)
class Drawn:
    """One step's draws.

    Attributes:
        patches: of each patch, of `mmdnet.augment.on_read.draw_variations`, (n, 5).
        stains: change of stain of each patch, (n, 3, 4), of `mmdnet.augment.stain`; None where none is changed.
    """

    patches: np.ndarray
    stains: np.ndarray | None


@dataclass(frozen=True)
class Variation:
    """How patches are varied; turns, mirrors, blur and JPEG always are.

    Attributes:
        stain: of bags: `jitter` stretches each dye at random (HED jitter), `swap` takes the stains of another training
            slide of the same kind of stain, `both` both, `none` neither.
        scanner: another scanner's colour matrix, gamma and sharpness for each bag, another scale for each patch.
        swaps: the slides' stains, for `swap` and `both`.
    """

    stain: StainVariation = "jitter"
    scanner: bool = False
    swaps: StainSwaps | None = None

    def draw(self, slides: Sequence[int], sizes: Sequence[int], random: np.random.Generator) -> Drawn:
        """Draw for bags of these slides (as positions of `swaps`) and sizes."""
        bags = len(slides)
        matrices, shifts = np.tile(np.eye(3), (bags, 1, 1)), np.zeros((bags, 1))
        sharpness = np.zeros(bags)
        if self.stain in ("jitter", "both"):
            matrices, shifts = draw_jitter(bags, random)
        if self.stain in ("swap", "both") and self.swaps is not None:
            matrices = matrices @ self.swaps.draw(slides, random)
        if self.scanner:
            colours = np.eye(3) + COLOUR_MATRIX_SD * random.normal(size=(bags, 3, 3))
            matrices = random.uniform(*GAMMA, (bags, 1, 1)) * colours @ matrices
            sharpness = random.uniform(*SHARPNESS, bags)
        patches = draw_variations(sum(sizes), random)
        if self.scanner:
            patches[:, 3] = draw_scales(len(patches), random)
            patches[:, 4] = sharpness.repeat(sizes)
        unchanged = self.stain == "none" and not self.scanner
        return Drawn(patches, None if unchanged else affine(matrices, shifts).repeat(sizes, axis=0))
