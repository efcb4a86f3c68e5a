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

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.reader import Pixels, SlideReader, Unreadable
from mmdnet.slides.tissue import Tissue

WORK_MPP = 1.0  # measured at this scale, so that a threshold means the same on every slide
GLASS = 243.0
SAMPLE = 48  # patches a slide's usual values are taken from
STAINED = 0.12  # mean density of the faintest cytoplasm
GAP_UM = 13.0  # tissue without artefacts shows a lighter spot within such a square
AROUND_UM = 24.0  # square that focus and density are averaged over
BORDER_UM = 16.0  # tissue this near its border is torn, dried or stained more

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
        fineness: of the band ratio that blur is judged by.
        density: of stained tissue in red, green and blue; None: a patch's own is taken.
        warmth: how red its tissue is, so that the red of a trichrome is no ink.
    """

    fineness: float = 1.3
    density: tuple[float, float, float] | None = None
    warmth: float = 0.1


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
        found = {name: value for name, value in asdict(self).items() if name != "set_aside"}
        return {name: None if value is None else round(float(value), 4) for name, value in found.items()}


class _View:
    """One patch at 1 µm/px as optical density, (h, w, 3), and what is averaged around every point of it."""

    def __init__(self, patch: Pixels, mpp: float) -> None:
        scale = min(1.0, mpp / WORK_MPP)
        height, width = (max(8, round(side * scale)) for side in patch.shape[:2])
        small = cv2.resize(patch, (width, height), interpolation=cv2.INTER_AREA) if scale < 1 else patch
        self.px_um = max(mpp, WORK_MPP)
        self.rgb: Pixels = np.asarray(small, np.uint8)
        self.density = _map(cv2.LUT(self.rgb, _DENSITY))
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


_DENSITY = np.maximum(-np.log((np.arange(256) + 1) / (GLASS + 1)), 0).astype(np.float32)
_PLAIN = _DENSITY[[193, 140, 178]]  # of cytoplasm in a plain H&E section
_MEAN = np.full((1, 3), 1 / 3, np.float32)


def _map(image: object) -> Map:
    return np.asarray(image, np.float32)


def _least(density: Map) -> Map:
    """The least of the three channels, (h, w): how much grey there is in a colour."""
    red, green, blue = cv2.split(density)
    return _map(cv2.min(cv2.min(red, green), blue))


def _fineness(view: _View) -> Map:
    """Change of density within 1 µm as a share of that over 4 µm, around every point: about 1.3 in focus."""
    fine = view.mean - view.soft(view.mean, 1.2)
    coarse = view.soft(view.mean, 2.5) - view.soft(view.mean, 5.0)
    fine_energy, coarse_energy = np.maximum(view.around(fine * fine), 0), np.maximum(view.around(coarse * coarse), 0)
    return np.sqrt(fine_energy / (coarse_energy + np.float32(1e-4)))


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
    red, green, blue = cv2.split(floor)
    return _map(cv2.min(green, blue)) - _map(red)


def _ink(view: _View, usual: Usual) -> NDArray[np.bool_]:
    floor = _floor(view)
    cool = floor[..., 0] - floor[..., 1]  # blue and green: red is taken more than green
    collagen = 0.30 + 0.8 * min(max(usual.warmth, 0.0), 0.5)  # may be blue or green where cytoplasm is red
    colds = (cool > collagen) | ((cool > 0.22) & (floor[..., 0] > DEEP_INK))
    reds = _warmth(floor) > min(max(0.55, 2.2 * usual.warmth), 1.25)
    blacks = _least(floor) > BLACK_INK
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


def usual_of(patches: Iterable[Pixels], mpp: float) -> Usual:
    """What is usual on a slide, from some of its patches, RGB (h, w, 3) at `mpp` µm/px. Their order does not matter."""
    fineness, density, warmth = [], [], []
    for patch in patches:
        view = _View(patch, mpp)
        if view.tissue.mean() < 0.3 or not view.stained.any():
            continue
        fineness.append(float(np.median(_fineness(view)[view.tissue])))
        density.append(np.median(view.density[view.stained], axis=0))
        warmth.append(float(np.percentile(_warmth(_floor(view)), 99)))
    if not fineness:
        return Usual()
    red, green, blue = np.median(density, axis=0).tolist()
    return Usual(float(np.median(fineness)), (red, green, blue), float(np.median(warmth)))


def usual_on(slide: SlideReader, places: Sequence[PatchPlace], grid: PatchGrid) -> Usual:
    """What is usual on a slide, from at most `SAMPLE` of its patches, evenly among them."""
    chosen = np.unique(np.linspace(0, len(places) - 1, min(SAMPLE, len(places))).round().astype(int))

    def readable() -> Iterator[Pixels]:
        for _, pixels in slide.read_patches([places[i] for i in chosen], grid):
            if not isinstance(pixels, Unreadable):
                yield pixels

    return usual_of(readable(), grid.patch_mpp)


def edge_shares(tissue: Tissue, places: Sequence[PatchPlace], grid: PatchGrid) -> list[float]:
    """Share of each patch that is off the tissue or within 16 µm of its border, 0-1; the scan's end is no border."""
    reach = 2 * round(BORDER_UM / tissue.mpp) + 1
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    inner = replace(tissue, mask=np.asarray(cv2.erode(tissue.mask.astype(np.uint8), disk), bool))
    return [1.0 - inner.share(place.x_px0, place.y_px0, *grid.side_px0) for place in places]


def assess(patch: Pixels, mpp: float = 0.5, usual: Usual | None = None, edge_share: float = 0.0) -> Quality:
    """Measure one patch.

    Args:
        patch: RGB, shape (h, w, 3).
        mpp: its µm/px.
        usual: what is usual on its slide; without it, of well-stained tissue in focus.
        edge_share: see `Quality`; what lies around the patch is not seen here.
    """
    usual = usual or Usual()
    view = _View(patch, mpp)
    hsv = np.asarray(cv2.cvtColor(view.rgb, cv2.COLOR_RGB2HSV), np.uint8)
    blank = float(((hsv[..., 1] < 22) & (hsv[..., 2] > 205)).mean())
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
    limits = {
        "pen": (pen, PEN_SHARE),
        "blank": (blank, BLANK_SHARE),
        "bubble": (bubble, BUBBLE_SHARE),
        "blur": (blur, BLUR_SHARE),
        "fold": (fold, FOLD_SHARE),
        "edge": (edge, EDGE_SHARE),
    }
    reason = next((kind for kind, (share, most) in limits.items() if share > most), None)
    return Quality(focus, blur, bubble, pen, fold, blank, edge, reason)
