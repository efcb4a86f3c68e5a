"""How dense the stain is around the places of a patch: what a cluster of nuclei differs in, and a patch's mean loses.

Features of a network that learnt from photographs hardly tell a focus of inflammation from hepatocytes' nuclei; the
haematoxylin around a place does. Everything is measured against the patch's own tissue, so that a strong or weak stain
changes little.
"""

import cv2
import numpy as np

from mmdnet.slides.measures.stain import STAINS_OD
from mmdnet.slides.pixels import Pixels

LOCAL_DENSITY_VERSION = 1  # raised whenever the same pixels would give other numbers
SPACING_UM = 1.5  # between two places
WINDOWS_UM = (7.5, 16.5, 28.5)  # around a place: a nucleus, a small and a large focus
CUTS = (0.12, 0.35, 0.65, 1.0, 1.5, 2.2)  # of optical density, as a share of the tissue's middle: from fat to nuclei
DEVIATIONS = (1.0, 2.0, 3.5)  # of haematoxylin above the tissue's middle
DARK, DENSE = 2.0, 1.3  # so much haematoxylin, and so dense beside the middle
HIGHEST = (0.0001, 0.001, 0.005, 0.02, 0.1)  # shares of all places: of the highest so many, the least is told
LEAST_OD = 0.06  # mean over channels, below which a place is glass or fat
FEWEST_TISSUE = 0.02  # share of a patch
LEAST_MIDDLE = 0.02  # optical density
MAPS = len(CUTS) + 1 + len(DEVIATIONS) + 1
WIDTH = MAPS * (len(WINDOWS_UM) * len(HIGHEST) + 1)
"""How many numbers a patch has."""

_HAEMATOXYLIN = np.linalg.inv(STAINS_OD / np.linalg.norm(STAINS_OD, axis=1, keepdims=True))[:, 0].astype(np.float32)
_OD = -np.log((np.arange(256, dtype=np.float32) + 1) / 256)  # of a byte


def local_density(patch: Pixels, mpp: float) -> np.ndarray:
    r"""Square roots of the share of places of a kind around the places where it is highest, and in the whole patch.

    Kinds of places are ranges of optical density beside the tissue's median, and places with much haematoxylin:
    :math:`(h - \tilde h) / s` above a number, with the median :math:`\tilde h` over the patch's tissue and :math:`s`
    1.48 times the median distance from it. Haematoxylin is told apart as Ruifrok & Johnston (2001) do.

    Args:
        patch: RGB (h, w, 3).
        mpp: µm a pixel.

    Returns:
        Shape (`WIDTH`,) float32, 0 to 1.
    """
    maps = _kinds_of_places(patch, mpp)
    sides = [2 * int(window / SPACING_UM / 2) + 1 for window in WINDOWS_UM]
    told = [share for side in sides for kind in maps for share in _highest(kind, side)]
    return np.sqrt(np.array(told + [kind.mean() for kind in maps], np.float32))


def _kinds_of_places(patch: Pixels, mpp: float) -> list[np.ndarray]:
    """Where places are of each kind, shape (rows, columns) bool each."""
    rows, columns = (max(8, round(side * mpp / SPACING_UM)) for side in patch.shape[:2])
    od = cv2.resize(_OD[patch], (columns, rows), interpolation=cv2.INTER_AREA)
    whole, haematoxylin = od.mean(axis=2), od @ _HAEMATOXYLIN
    tissue = whole > LEAST_OD
    if tissue.mean() < FEWEST_TISSUE:
        tissue[:] = True
    beside = whole / max(float(np.median(whole[tissue])), LEAST_MIDDLE)
    middle = np.median(haematoxylin[tissue])
    spread = 1.4826 * np.median(np.abs(haematoxylin[tissue] - middle)) + LEAST_MIDDLE
    darkness = (haematoxylin - middle) / spread
    ranges = np.digitize(beside, CUTS)
    return [
        *(ranges == number for number in range(len(CUTS) + 1)),
        *(darkness > deviation for deviation in DEVIATIONS),
        (darkness > DARK) & (beside > DENSE),
    ]


def _highest(kind: np.ndarray, side: int) -> list[float]:
    """The share of a kind in windows of `side` by `side` places around the places where it is highest, by `HIGHEST`."""
    inside = cv2.boxFilter(
        kind.view(np.uint8), cv2.CV_32F, (side, side), normalize=False, borderType=cv2.BORDER_REFLECT
    )
    places_with_as_many = np.bincount(inside.astype(np.int64).ravel(), minlength=side**2 + 1)[::-1].cumsum()
    fewer = np.searchsorted(places_with_as_many, [max(1, round(share * kind.size)) for share in HIGHEST])
    return ((side**2 - fewer) / side**2).tolist()
