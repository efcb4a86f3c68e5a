"""Is a patch fit to be read? Measures of one patch, and the first reason to set it aside; a person may overrule.

Everything is measured at 1 µm/px on optical density (what the dyes take from the light), beside what is usual on that
slide: stains, section thickness and scanners differ more than a clean patch differs from a spoilt one.

- **Blur**: density that changes within 1 µm beside density that changes over 4 µm (a ratio of band energies, as in
  autofocus: Sun, Duthaler and Nelson 2004). Pale and fatty tissue loses both alike, a lost focus only the first.
- **Bubble**: out of focus, and either washed out or inside a dark rim that is grey, thin and long.
- **Pen**: over 13 µm not one light gap, and a colour (blue or green, red, black) this slide's stain does not have.
- **Fold**: all three channels far above the usual density of this slide's tissue: two layers. An infiltrate is darker
  in its nuclei only, so most of what is stained nearby has to be dense.
- **Edge**: off the tissue or at its border, from the tissue mask.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.geometry import PATCH_MPP, PatchGrid, PatchPlace
from mmdnet.slides.measures.tissue import Tissue
from mmdnet.slides.readers.reader import Pixels, SlideReader, Unreadable

WORK_MPP = 1.0  # measured at this scale, so that a threshold means the same on every slide
GLASS, GLASS_LIMITS = 243.0, (190.0, 252.0)
SAMPLE = 48  # patches a slide's usual values are taken from
STAINED = 0.12  # mean density of the faintest cytoplasm
PALE, GREY = 0.20, 0.09  # glass is less dense than this, and equally so in all channels
GAP_UM = 13.0  # tissue without artefacts shows a lighter spot within such a square
AROUND_UM = 24.0  # square that focus and density are averaged over
BORDER_UM = 16.0  # tissue this near its border is torn, dried or stained more
NOISE = 0.01  # of a sensor, of full light

PEN_SHARE, BLANK_SHARE, EDGE_SHARE = 0.04, 0.93, 0.60
BLUR_SHARE, BUBBLE_SHARE, FOLD_SHARE = 0.20, 0.20, 0.10
LOST_FOCUS = 0.45  # of the usual fineness ...
LEAST_FOCUS, MOST_FOCUS = 0.40, 0.62  # ... within these, should the whole slide be soft or crisp
FOLDED, FOLDED_PART = 1.4, 0.6  # times the usual density, in every channel; on that part of the tissue around
WASHED_OUT, VEIL = 0.80, 0.06  # times the usual density; density of the lightest spots
RIM_DENSITY, RIM_UM = 0.35, 80.0
BLACK_INK, DEEP_INK = 1.4, 1.5

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual on a slide: medians over its patches.

    Attributes:
        glass: its brightness in red, green and blue, 0-255: fat and gaps show it.
        fineness: of the band ratio that blur is judged by.
        density: of stained tissue in red, green and blue; None: a patch's own is taken.
        warmth: how red its densest tissue is: that of a trichrome may be red, and its collagen blue or green.
        greyness: how dark its densest tissue is in all channels.
    """

    glass: tuple[float, float, float] = (GLASS, GLASS, GLASS)
    fineness: float = 1.3
    density: tuple[float, float, float] | None = None
    warmth: float = 0.1
    greyness: float = 0.25


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of a patch, shares 0-1 of its area, and `set_aside`: None, or the first reason that holds.

    Attributes:
        focus: fineness of its tissue beside the slide's usual one, 1 is usual; None where nothing is stained.
        blur_share: of its tissue that is out of focus; 0 where that is a bubble's.
        bubble_share: of its tissue that lies out of focus under a bubble.
        pen_share: under ink.
        fold_share: where tissue lies double.
        blank_share: glass and empty holes, fat among them.
        edge_share: off the tissue or within 16 µm of its border.
        set_aside: None, "blank", "pen", "bubble", "blur", "fold" or "edge".
    """

    focus: float | None
    blur_share: float
    bubble_share: float
    pen_share: float
    fold_share: float
    blank_share: float
    edge_share: float
    set_aside: str | None

    def measures(self) -> dict[str, float | None]:
        """The numbers alone, for a table."""
        numbers = {name: value for name, value in asdict(self).items() if name != "set_aside"}
        return {name: None if value is None else round(float(value), 4) for name, value in numbers.items()}


class _View:
    """One patch at 1 µm/px as optical density, (h, w, 3), and what is averaged around every point of it."""

    def __init__(self, patch: Pixels, mpp: float, glass: Sequence[float] = (GLASS, GLASS, GLASS)) -> None:
        scale = min(1.0, mpp / WORK_MPP)
        height, width = (max(8, round(side * scale)) for side in patch.shape[:2])
        small = cv2.resize(patch, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else patch
        self.px_um = max(mpp, WORK_MPP)
        brightness = (np.arange(256)[:, None] + 1) / (np.asarray(glass) + 1)
        self.density = _map(cv2.LUT(small, np.maximum(-np.log(brightness), 0).astype(np.float32)[:, None]))
        self.mean = _map(cv2.transform(self.density, _MEAN))
        self.stained = self.mean > STAINED
        self.stained_around = self.around(self.stained)
        self.tissue = self.stained_around > 0.2

    def soft(self, image: Map, sigma_um: float) -> Map:
        """Blurred by a Gaussian."""
        return _map(cv2.GaussianBlur(image, (0, 0), sigma_um / self.px_um))

    def square(self, um: float) -> tuple[int, int]:
        """An odd square of about that side, in pixels."""
        side = 2 * round((um / self.px_um - 1) / 2) + 1
        return max(3, side), max(3, side)

    def around(self, image: NDArray[np.bool_] | Map) -> Map:
        """The mean around every point."""
        return _map(cv2.blur(_map(image), self.square(AROUND_UM)))


_MEAN = np.full((1, 3), 1 / 3, np.float32)
_PLAIN = np.array((0.23, 0.55, 0.31), np.float32)  # density of cytoplasm in a plain H&E section


def _map(image: object) -> Map:
    return np.asarray(image, np.float32)


def _least(density: Map) -> Map:
    """The least of the three channels, (h, w): how much grey there is in a colour."""
    return np.minimum(np.minimum(density[..., 0], density[..., 1]), density[..., 2])


def _most(density: Map) -> Map:
    """The most of the three channels, (h, w)."""
    return np.maximum(np.maximum(density[..., 0], density[..., 1]), density[..., 2])


def _fineness(view: _View) -> Map:
    """Change of density within 1 µm as a share of that over 4 µm, around every point: about 1.3 in focus."""
    fine = view.mean - view.soft(view.mean, 1.2)
    coarse = view.soft(view.mean, 2.5) - view.soft(view.mean, 5.0)
    fine_energy, coarse_energy = np.maximum(view.around(fine * fine), 0), np.maximum(view.around(coarse * coarse), 0)
    # The sensor's noise as density: greater where less light passes.
    noise = NOISE**2 * np.exp(2 * np.minimum(view.around(view.mean), 2.5))
    return np.sqrt(fine_energy / (coarse_energy + noise))


def _folded(view: _View, usual_density: Map) -> NDArray[np.bool_]:
    """Where most of what is stained is far denser than usual, in every channel."""
    excess = cv2.GaussianBlur(view.density, (0, 0), 1.0 / view.px_um) / np.maximum(usual_density, 0.05)
    double = (_least(_map(excess)) > FOLDED) & view.stained
    return view.around(double) > FOLDED_PART * view.stained_around


def _floor(view: _View) -> Map:
    """Density of the lightest spot around every point, (h, w, 3): next to nothing unless something covers the gaps."""
    return _map(cv2.erode(cv2.blur(view.density, (3, 3)), np.ones(view.square(GAP_UM), np.uint8)))


def _warmth(floor: Map) -> Map:
    """How red a colour is: green and blue are taken more than red."""
    return np.minimum(floor[..., 1], floor[..., 2]) - floor[..., 0]


def _ink(view: _View, usual: Usual) -> NDArray[np.bool_]:
    floor, red_tissue = _floor(view), max(usual.warmth, 0.0)
    cool = floor[..., 0] - floor[..., 1]  # blue and green: red is taken more than green
    colds = (cool > 0.12 + min(red_tissue, 0.5)) | ((cool > 0.22) & (floor[..., 0] > DEEP_INK))  # collagen may be green
    reds = _warmth(floor) > min(max(0.55, 2.2 * red_tissue), 1.25)
    blacks = _least(floor) > min(max(0.75, usual.greyness + 0.75), BLACK_INK)
    ink = (colds | reds | blacks).astype(np.uint8)
    return np.asarray(cv2.dilate(ink, np.ones(view.square(GAP_UM), np.uint8)), bool)


def _rim_um(view: _View) -> float:
    """Length of the longest thin grey line in a patch, µm: a bubble's rim is dark in all three channels."""
    grey = view.soft(_least(view.density), 1.0)
    square = np.ones(view.square(17.0), np.uint8)
    line = np.asarray(cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, square) > RIM_DENSITY, np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(line, connectivity=8)
    spans = np.hypot(stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT])
    return float(spans.max(initial=0.0)) * view.px_um


def usual_of(patches: Sequence[Pixels], mpp: float) -> Usual:
    """What is usual on a slide, from some of its patches, RGB (h, w, 3) at `mpp` µm/px. Their order does not matter."""
    glass = _glass_of(patches)
    fineness, density, warmth, greyness = [], [], [], []
    for patch in patches:
        view = _View(patch, mpp, glass)
        if view.tissue.mean() < 0.3 or not view.stained.any():
            continue
        floor = _floor(view)
        fineness.append(np.median(_fineness(view)[view.tissue]))
        density.append(np.median(view.density[view.stained], axis=0))
        warmth.append(np.percentile(_warmth(floor), 99))
        greyness.append(np.percentile(_least(floor), 99))
    if not fineness:
        return Usual(glass)
    red, green, blue = np.median(density, axis=0).tolist()
    middle = (float(np.median(values)) for values in (fineness, warmth, greyness))
    usual_fineness, usual_warmth, usual_greyness = middle
    return Usual(glass, usual_fineness, (red, green, blue), usual_warmth, usual_greyness)


def _glass_of(patches: Sequence[Pixels]) -> tuple[float, float, float]:
    """Brightness of glass: of the lightest spots in patches that have light ones."""
    if len(patches) == 0:
        return GLASS, GLASS, GLASS
    lightest = [np.percentile(patch[::3, ::3].reshape(-1, 3), 99, axis=0) for patch in patches]
    red, green, blue = np.clip(np.percentile(lightest, 90, axis=0), *GLASS_LIMITS).tolist()
    return red, green, blue


def usual_on(slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> Usual:
    """What is usual on a slide, from at most `SAMPLE` of its patches, evenly among them."""
    chosen = np.unique(np.linspace(0, len(places) - 1, min(SAMPLE, len(places))).round().astype(int))
    read = [pixels for _, pixels in slide.read_patches([places[i] for i in chosen], grid)]
    return usual_of([pixels for pixels in read if not isinstance(pixels, Unreadable)], grid.patch_mpp)


def edge_shares(tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid) -> list[float]:
    """Share of each patch that is off the tissue or within 16 µm of its border, 0-1; the scan's end is no border."""
    reach = 2 * round(BORDER_UM / tissue.mpp) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    inner = replace(tissue, mask=np.asarray(cv2.erode(tissue.mask.astype(np.uint8), disk), bool))
    corners = np.array([(place.x_px0, place.y_px0) for place in places], float).reshape(-1, 2)
    return (1.0 - inner.shares(corners[:, 0], corners[:, 1], *grid.side_px0)).tolist()


def set_aside_at_edge(edge_share: float) -> str | None:
    """The reason that the tissue mask alone gives, before a patch is read."""
    return "edge" if edge_share > EDGE_SHARE else None


def assess(patch: Pixels, mpp: float = PATCH_MPP, usual: Usual | None = None, edge_share: float = 0.0) -> Quality:
    """Measure one patch.

    Args:
        patch: RGB, shape (h, w, 3).
        mpp: its µm/px.
        usual: what is usual on its slide; without it, of well-stained tissue in focus.
        edge_share: see `Quality`; what lies around the patch is not seen here.
    """
    usual = usual or Usual()
    view = _View(patch, mpp, usual.glass)
    most, least = _most(view.density), _least(view.density)
    blank = float(((most < PALE) & (most - least < GREY)).mean())
    ink = _ink(view, usual)
    tissue = view.tissue & ~ink
    if not tissue.any():
        return _quality(None, 0.0, 0.0, float(ink.mean()), 0.0, blank, edge_share)
    fineness = _fineness(view)
    base = _map(usual.density or np.maximum(np.median(view.density[view.stained], axis=0), _PLAIN))
    soft = (fineness < np.clip(LOST_FOCUS * usual.fineness, LEAST_FOCUS, MOST_FOCUS)) & tissue
    whole = tissue.sum()
    blurred, folded = float(soft.sum() / whole), float((_folded(view, base) & tissue).sum() / whole)
    bubble = blurred > 0.05 and (_washed_out(view, soft, base) or _rim_um(view) > RIM_UM)
    focus = float(np.median(fineness[tissue])) / usual.fineness
    blur_share, bubble_share = (0.0, blurred) if bubble else (blurred, 0.0)
    return _quality(focus, blur_share, bubble_share, float(ink.mean()), folded, blank, edge_share)


def _washed_out(view: _View, soft: NDArray[np.bool_], usual_density: Map) -> bool:
    """Whether what is out of focus is paler than usual and yet shows no clear glass: seen through something."""
    stained = soft & view.stained
    if not stained.any():
        return False
    pale = float(view.mean[stained].mean()) < WASHED_OUT * float(usual_density.mean())
    return pale and float(np.percentile(_least(view.density)[soft], 5)) > VEIL


def _quality(
    focus: float | None, blur: float, bubble: float, pen: float, fold: float, blank: float, edge: float
) -> Quality:
    most_pen = max(PEN_SHARE, fold) if fold > FOLD_SHARE else PEN_SHARE  # the darkest spots of a fold are no ink
    limits = {
        "pen": (pen, most_pen),
        "blank": (blank, BLANK_SHARE),
        "bubble": (bubble, BUBBLE_SHARE),
        "blur": (blur, BLUR_SHARE),
        "fold": (fold, FOLD_SHARE),
        "edge": (edge, EDGE_SHARE),
    }
    reason = next((kind for kind, (share, most) in limits.items() if share > most), None)
    return Quality(focus, blur, bubble, pen, fold, blank, edge, reason)
