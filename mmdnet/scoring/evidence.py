"""What the network said about a slide, in plain arrays: all that the step to a slide's grade needs."""

from dataclasses import dataclass

import numpy as np

from mmdnet.labels.grading import FIELD_MM2
from mmdnet.scoring.fields import resampling_blocks, spatial_groups


@dataclass(frozen=True)
class SlideEvidence:
    """The assessed patches of one slide, in the order of their places.

    Attributes:
        rows, cols: place on the grid, shape (patches,).
        tissue_share: tissue on the patch, 0-1, shape (patches,).
        patch_mm2: area of a whole patch.
        bag: bag of each patch, shape (patches,).
        block: resampling block of each patch, shape (patches,); a block lies within one bag.
        patch_probabilities: per task, shape (patches, grades).
        bag_probabilities: per task, shape (bags, grades).
        attention: per task, of one bag as large as the slide, up to a factor, shape (patches,).
        patch_logits: per task, of the grade head on single patches, shape (patches, outputs).
    """

    rows: np.ndarray
    cols: np.ndarray
    tissue_share: np.ndarray
    patch_mm2: float
    bag: np.ndarray
    block: np.ndarray
    patch_probabilities: dict[str, np.ndarray]
    bag_probabilities: dict[str, np.ndarray]
    attention: dict[str, np.ndarray]
    patch_logits: dict[str, np.ndarray]

    @property
    def blocks(self) -> int:
        return int(self.block.max()) + 1

    @property
    def area_mm2(self) -> float:
        """Tissue that was assessed."""
        return float(self.tissue_share.sum() * self.patch_mm2)

    @property
    def fields(self) -> float:
        """Tissue that was assessed, in 200x fields."""
        return self.area_mm2 / FIELD_MM2

    def once(self) -> np.ndarray:
        """The slide as it is, as one row of block counts, shape (1, blocks)."""
        return np.ones((1, self.blocks), dtype=np.int64)


@dataclass(frozen=True)
class Layout:
    """Bags and resampling blocks of a slide's assessed patches, each of shape (patches,)."""

    bag: np.ndarray
    block: np.ndarray


def lay_out(rows: np.ndarray, cols: np.ndarray, bag_size: int) -> Layout:
    """Bags and blocks for patches at these grid places (each of shape (patches,))."""
    bag = spatial_groups(rows, cols, bag_size)
    return Layout(bag, resampling_blocks(rows, cols, bag, bag_size))
