"""How wide nuclei are on a slide: a scale that is wrong by two makes them so by two.

Hepatocytes' nuclei are 6 to 8 µm wide, lymphocytes' about 5 (human and mouse; polyploid ones up to 11).
"""

from collections.abc import Sequence

import cv2
import numpy as np

from mmdnet.slides.pixels import Pixels

FEWEST = 40
ROUND = 0.65  # share of the circle around a part that it fills
LEAST_DENSITY = 0.25  # of red light: eosin and collagen take hardly any
SMALLEST_PX, LARGEST_PX = 12, 4000
NARROWEST_UM, WIDEST_UM = 4.5, 11.0
OBJECTIVE_UM = 10.0  # µm/px times magnification: 0.25 at 40x, 0.5 at 20x
OBJECTIVE_SLACK = 1.6


def nuclear_diameter_um(patches: Sequence[Pixels], mpp: float) -> float | None:
    """The middle diameter of nuclei in patches, RGB (h, w, 3) at `mpp` µm/px, by area; None where too few are seen."""
    diameters: list[float] = []
    for patch in patches:
        red = cv2.GaussianBlur(patch[..., 0], (0, 0), 1.0).astype(np.float32)
        density = -np.log((red + 1) / 244)
        scaled = np.clip(density * 120, 0, 255).astype(np.uint8)
        level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        dark = (scaled > max(level, 120 * LEAST_DENSITY)).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
        area = stats[1:, cv2.CC_STAT_AREA].astype(np.float64)
        longest = np.maximum(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
        fit = (area > SMALLEST_PX) & (area < LARGEST_PX) & (area > ROUND * np.pi * (longest / 2) ** 2)
        diameters += (2 * np.sqrt(area[fit] / np.pi) * mpp).tolist()
    if len(diameters) < FEWEST:
        return None
    ordered = np.sort(diameters)
    weight = np.cumsum(ordered**2)  # by area: pieces of nuclei are many and small
    return float(ordered[np.searchsorted(weight, weight[-1] / 2)])


def scale_doubts(mpp: float, objective: float | None, nucleus_um: float | None) -> tuple[str, ...]:
    """Sentences on what contradicts a slide's µm/px: its objective, and the size of its own nuclei."""
    doubts = []
    if objective:
        usual = OBJECTIVE_UM / objective
        if not 1 / OBJECTIVE_SLACK < mpp / usual < OBJECTIVE_SLACK:
            doubts.append(
                f"Its pixels are said to be {mpp:.3g} µm wide, and its objective is {objective:g}×, usually "
                f"{usual:.3g}. Check the scale."
            )
    if nucleus_um is not None and not NARROWEST_UM <= nucleus_um <= WIDEST_UM:
        doubts.append(
            f"At {mpp:.3g} µm per pixel its nuclei would be {nucleus_um:.1f} µm wide; in liver they are 5 to 9. "
            "Check the scale."
        )
    return tuple(doubts)
