"""What a synthetic patch must be like to be learnt from: as its parent in all that its grades rest on, yet no copy.

Each measure is compared with the parent and with the parent's site; limits that depend on the tissue are fitted on real
training patches (`fit_reference`), and every limit is kept with the values it was applied to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from mmdnet.augment.on_read import compressed
from mmdnet.augment.stain_vectors import degrees_between, optical_density, stain_vectors
from mmdnet.labels.grading import STEATOSIS_CUTS
from mmdnet.slides.measures.fat import fat_mask

Embed = Callable[[np.ndarray], np.ndarray]
"""Features, (n, width), of patches, uint8 (n, side, side, 3), by a pretrained backbone."""

REASONS: Mapping[str, str] = {
    "blank": "hardly any tissue is left",
    "focus": "it is much sharper, noisier or more blurred than its parent",
    "colour": "its colours are not those of its parent's site",
    "stain": "its stains are not those of its parent's site",
    "structure": "its structure is not that of its parent",
    "fat": "its measured fat is not that of its parent's grade",
    "copy": "it hardly differs from its parent",
    "drift": "it differs from its parent as another patch would",
    "sibling": "it hardly differs from another child of its parent",
    "grade": "the model grades it otherwise than its parent",
    "enough": "enough children of its parent are taken already",
}
"""Why a child is refused, in the order they are looked at."""


class GateLimits(BaseModel):
    """The limits of a gate.

    Attributes:
        colour_sd: most standard deviations of the site's patches that a channel's density may lie off.
        density_change: most change of a channel's mean optical density from the parent's.
        stain_degrees: most angle between its stains and the parent's.
        focus: most factor between its sharpness and its parent's, either way.
        structure: least SSIM with the parent, both smoothed.
        same: SSIM, not smoothed, from which two patches are one.
        fat_change: most change of the share of fat, absolute, or of the parent's share if that is more.
        fat_change_of_parent: the latter.
        fat_kept: least share of the parent's fat that is left, where the parent has steatosis.
        grade_change: most change of a task's expected grade by the model.
        most_of_a_parent: children of one parent that are taken at most.
    """

    model_config = ConfigDict(frozen=True)

    colour_sd: float = 4.0
    density_change: float = 0.1
    stain_degrees: float = 6.0
    focus: float = 3.0
    structure: float = 0.8
    same: float = 0.99
    fat_change: float = 0.02
    fat_change_of_parent: float = 0.25
    fat_kept: float = 0.5
    grade_change: float = 0.4
    most_of_a_parent: int = 4


class GateValues(BaseModel):
    """What was measured of a child against its parent.

    Attributes:
        colour_sd: standard deviations of its site's patches, the channel that is farthest off.
        stain_degrees: angle between its stains and the parent's; None where there is too little tissue.
        focus: its sharpness by the parent's.
        structure: SSIM of the two, smoothed; `similarity`: not smoothed.
        fat: share of its area; `parent_fat`: of the parent's.
        distance: cosine distance of the features; `nearest_sibling`: to the nearest child taken so far.
        grade_change: of the expected grade by the model, the task that changes most; None where no model was asked.
    """

    model_config = ConfigDict(frozen=True)

    tissue: float
    colour_sd: float
    density_change: float
    stain_degrees: float | None
    focus: float
    structure: float
    similarity: float
    fat: float
    parent_fat: float
    distance: float
    nearest_sibling: float | None = None
    grade_change: float | None = None


class GateReference(BaseModel):
    """What real patches of one site are like.

    Attributes:
        colour_mean, colour_sd: of the mean and the spread of each channel's optical density, (6,).
        least_distance: what storing a patch as JPEG changes in its features, in 19 of 20 patches: less is no change.
        most_distance: half of pairs of different patches are farther apart than this: more is another patch.
    """

    model_config = ConfigDict(frozen=True)

    patches: int
    colour_mean: tuple[float, ...]
    colour_sd: tuple[float, ...]
    least_distance: float
    most_distance: float


@dataclass(frozen=True, slots=True)
class Look:
    """What a patch looks like to the gate; `expected_grades` by the model, (tasks,), None without one."""

    pixels: np.ndarray
    colour: np.ndarray
    tissue: float
    stains: np.ndarray | None
    sharpness: float
    fat: float
    features: np.ndarray
    expected_grades: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refused`: a name of `REASONS`, None where the child may be learnt from."""

    refused: str | None
    values: GateValues


LEAST_SD = 0.02  # of optical density, where a site's patches are all alike
WHITE_OD = 0.1  # mean density below which a pixel is no tissue
LEAST_TISSUE = 0.3  # of the parent's
SMOOTHED_PX = 2.0
FINE_PX = 1.0  # sharpness is looked at on details wider than a camera's noise
SSIM_SIGMA_PX = 1.5
_C1, _C2 = 0.01**2, 0.03**2
STORED_QUALITY = 95
NO_CHANGE_PERCENTILE = 95


def look_at(images: np.ndarray, mpp: float, embed: Embed, expected: np.ndarray | None = None) -> list[Look]:
    """Measure patches.

    Args:
        images: uint8 RGB, (n, side, side, 3).
        mpp: their µm per pixel.
        embed: of the pretrained backbone.
        expected: each one's expected grades by the model, (n, tasks).
    """
    features = embed(images)
    looks = []
    for place, pixels in enumerate(images):
        density = optical_density(pixels)
        grey = cv2.GaussianBlur(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (0, 0), FINE_PX)
        looks.append(
            Look(
                pixels=pixels,
                colour=np.concatenate([density.mean(axis=(0, 1)), density.std(axis=(0, 1))]),
                tissue=float((density.mean(axis=2) > WHITE_OD).mean()),
                stains=stain_vectors(pixels),
                sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
                fat=float(fat_mask(pixels, mpp).mean()),
                features=features[place],
                expected_grades=None if expected is None else expected[place],
            )
        )
    return looks


def fit_reference(images: np.ndarray, embed: Embed) -> GateReference:
    """What the real patches of a site are like.

    Args:
        images: uint8 RGB, (n, side, side, 3), of the training side only.
        embed: of the pretrained backbone.
    """
    density = [optical_density(pixels) for pixels in images]
    colours = np.array([np.concatenate([d.mean(axis=(0, 1)), d.std(axis=(0, 1))]) for d in density])
    features = embed(images)
    stored = embed(np.stack([compressed(pixels, STORED_QUALITY) for pixels in images]))
    changes = [cosine_distance(first, second) for first, second in zip(features, stored, strict=True)]
    apart = [cosine_distance(first, second) for i, first in enumerate(features) for second in features[:i]]
    return GateReference(
        patches=len(images),
        colour_mean=tuple(colours.mean(axis=0).tolist()),
        colour_sd=tuple(np.maximum(colours.std(axis=0), LEAST_SD).tolist()),
        least_distance=float(np.percentile(changes, NO_CHANGE_PERCENTILE)),
        most_distance=float(np.median(apart)) if apart else 1.0,
    )


def judge(
    child: Look,
    parent: Look,
    siblings: Sequence[Look],
    site: GateReference,
    steatosis: int | None = None,
    limits: GateLimits | None = None,
) -> Verdict:
    """Whether a child may be learnt from, and what was measured.

    Args:
        child: its look.
        parent: that of the patch it was made of.
        siblings: of the children of that parent that were taken before.
        site: what patches of the parent's site are like.
        steatosis: the parent's grade, None where unknown.
        limits: of the gate.
    """
    limits = limits or GateLimits()
    values = _measure(child, parent, siblings, site)
    allowed_fat = max(limits.fat_change, limits.fat_change_of_parent * parent.fat)
    too_fat = steatosis == 0 and child.fat > max(STEATOSIS_CUTS[0], parent.fat)
    too_lean = bool(steatosis) and child.fat < limits.fat_kept * parent.fat
    broken = {
        "blank": child.tissue < LEAST_TISSUE * parent.tissue,
        "colour": values.colour_sd > limits.colour_sd or values.density_change > limits.density_change,
        "stain": values.stain_degrees is not None and values.stain_degrees > limits.stain_degrees,
        "focus": not 1 / limits.focus <= values.focus <= limits.focus,
        "structure": values.structure < limits.structure,
        "fat": abs(child.fat - parent.fat) > allowed_fat or too_fat or too_lean,
        "copy": values.similarity > limits.same or values.distance < site.least_distance,
        "drift": values.distance > site.most_distance,
        "sibling": any(ssim(child.pixels, sibling.pixels) > limits.same for sibling in siblings)
        or (values.nearest_sibling is not None and values.nearest_sibling < site.least_distance),
        "grade": values.grade_change is not None and values.grade_change > limits.grade_change,
        "enough": len(siblings) >= limits.most_of_a_parent,
    }
    return Verdict(next((reason for reason in REASONS if broken[reason]), None), values)


def _measure(child: Look, parent: Look, siblings: Sequence[Look], site: GateReference) -> GateValues:
    off = np.abs(child.colour - np.array(site.colour_mean)) / np.array(site.colour_sd)
    stains = None
    if child.stains is not None and parent.stains is not None:
        stains = degrees_between(child.stains, parent.stains)
    smooth = [cv2.GaussianBlur(look.pixels, (0, 0), SMOOTHED_PX) for look in (child, parent)]
    grades = None
    if child.expected_grades is not None and parent.expected_grades is not None:
        grades = float(np.abs(child.expected_grades - parent.expected_grades).max())
    near = [cosine_distance(child.features, sibling.features) for sibling in siblings]
    return GateValues(
        tissue=child.tissue,
        colour_sd=float(off.max()),
        density_change=float(np.abs(child.colour - parent.colour)[:3].max()),
        stain_degrees=stains,
        focus=(child.sharpness + 1) / (parent.sharpness + 1),
        structure=ssim(smooth[0], smooth[1]),
        similarity=ssim(child.pixels, parent.pixels),
        fat=child.fat,
        parent_fat=parent.fat,
        distance=cosine_distance(child.features, parent.features),
        nearest_sibling=min(near) if near else None,
        grade_change=grades,
    )


def cosine_distance(first: np.ndarray, second: np.ndarray) -> float:
    """1 - cosine of two features, 0-2."""
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return 1 - float(first @ second) / norms if norms else 1.0


def ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Structural similarity of two pictures in grey, uint8 RGB (side, side, 3); 1 for the same (Wang et al. 2004)."""
    x, y = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255 for picture in (first, second))

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(values, (0, 0), SSIM_SIGMA_PX)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    alike = (2 * mx * my + _C1) * (2 * both + _C2) / ((mx * mx + my * my + _C1) * (vx + vy + _C2))
    return float(alike.mean())
