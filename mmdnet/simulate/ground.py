"""A coarse map of the slide: where parenchyma is, and how far from its edge a point lies."""

from dataclasses import dataclass

import cv2
import numpy as np

from mmdnet.simulate.lobules import Lobules

MAP_UM = 4.0


@dataclass(frozen=True, slots=True)
class Ground:
    """Parenchyma at 4 µm per pixel and the distance to whatever is not parenchyma.

    Attributes:
        depth_um: shape (rows, columns), distance in µm to glass, tract, septum or vein; 0 outside of the parenchyma.
        tissue: True on tissue of any kind.
    """

    depth_um: np.ndarray
    tissue: np.ndarray

    def depth_at(self, points: np.ndarray) -> np.ndarray:
        """Depth in µm at points of shape (n, 2); 0 off the slide."""
        return self._at(self.depth_um, points)

    def near_tissue(self, points: np.ndarray, within_um: float) -> np.ndarray:
        """True for points within about `within_um` of tissue."""
        reach = 2 * int(np.ceil(within_um / MAP_UM)) + 1
        wide = cv2.dilate(self.tissue.astype(np.uint8), np.ones((reach, reach), np.uint8))
        return self._at(wide, np.clip(points, 0, (np.array(wide.shape[::-1]) - 1) * MAP_UM)) > 0

    @staticmethod
    def _at(values: np.ndarray, points: np.ndarray) -> np.ndarray:
        column, row = np.floor(points / MAP_UM).astype(int).T
        height, width = values.shape
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        return np.where(inside, values[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)], 0)


def draw_ground(width_um: float, height_um: float, outlines: list[np.ndarray], lobules: Lobules) -> Ground:
    """Draw the map from the vector parts."""
    shape = (int(np.ceil(height_um / MAP_UM)), int(np.ceil(width_um / MAP_UM)))
    tissue = np.zeros(shape, np.uint8)
    for outline in outlines:
        _fill(tissue, outline, 255)
    parenchyma = tissue.copy()
    for tract in lobules.tracts:
        _fill(parenchyma, tract.outline, 0)
    for vein in lobules.veins:
        _fill(parenchyma, vein.outline(vein.wall), 0)
    for septum in lobules.septa:
        _fill(parenchyma, septum, 0)
    parenchyma[[0, -1]], parenchyma[:, [0, -1]] = 0, 0
    depth = cv2.distanceTransform(parenchyma, cv2.DIST_L2, 5) * MAP_UM
    return Ground(depth.astype(np.float32), tissue > 0)


def _fill(canvas: np.ndarray, outline: np.ndarray, value: int) -> None:
    cv2.fillPoly(canvas, [np.round(outline / MAP_UM * 16).astype(np.int32)], value, cv2.LINE_8, 4)
