"""Which stain a slide's colours look like: a proposal with its certainty, to be confirmed by a person.

Colour is looked at as optical density, where dyes add (Beer-Lambert); what is asked is which dye's direction each pixel
of tissue lies nearest to (Ruifrok & Johnston 2001), how dense the stain is and, of a red counterstain, whether the
collagen beside it is green (Goldner) or blue (Masson).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.facts import GOLDNER, HE, MASSON, SIRIUS_RED
from mmdnet.slides.measures.colours import brightest_colour
from mmdnet.slides.pixels import Pixels

CERTAIN = 0.8  # below it nothing is proposed
STEP = 3  # every n-th pixel of every n-th row
LEAST_OD, MOST_OD = 0.2, 2.3  # mean over channels of a pixel that says something of a dye
DIMMEST_GLASS = 225.0  # grey levels: a patch without glass shows none that could be measured
FEWEST_PIXELS = 200
FEWEST_SHARE = 0.05  # of a patch, of pixels that say something
INK, MOST_INK = 1.7, 0.02  # optical density in red light that no collagen has, and the share of a patch's pixels
NO_COLLAGEN = 0.004  # share of stained pixels that decides nothing
COLLAGEN = 1.15  # red light absorbed over green: neither nuclei nor a red or pink dye do so

# Optical densities in red, green and blue light. Haematoxylin, aniline blue, picric yellow and DAB after Ruifrok &
# Johnston 2001 and ImageJ's Colour Deconvolution; eosin and the red of trichromes also after real tissue.
_DYES = {
    "haematoxylin": (0.65, 0.70, 0.29),
    "eosin": (0.15, 0.92, 0.35),
    "aniline blue": (0.80, 0.59, 0.11),
    "light green": (0.81, 0.30, 0.51),
    "fuchsin": (0.13, 0.75, 0.65),  # of Masson, Goldner and Sirius red alike
    "picric yellow": (0.03, 0.17, 0.98),
    "DAB": (0.27, 0.57, 0.78),
}
_PINK = ("haematoxylin", "eosin", "fuchsin")
STAINS_OD = np.array((_DYES["haematoxylin"], (0.07, 0.99, 0.11), _DYES["DAB"]))
"""Of haematoxylin, eosin and what is left, in red, green and blue light, to tell stains apart by their amounts (Ruifrok
& Johnston 2001). For other stains a basis like any other."""


@dataclass(frozen=True, slots=True)
class StainProposal:
    """A stain and how certain it is, 0-1; None where no stain is certain enough."""

    stain: str | None
    certainty: float


@dataclass(frozen=True, slots=True)
class _Colours:
    """What is measured on a patch: shares of its stained pixels nearest to each dye, and medians over them.

    `density` is the third quartile of the optical density in green light, `blue` the median over green's of that in
    blue light; `green_collagen` and `blue_collagen` are shares of stained pixels.
    """

    dyes: NDArray[np.float64]
    density: float
    blue: float
    green_collagen: float
    blue_collagen: float

    def of(self, dye: str) -> float:
        return float(self.dyes[list(_DYES).index(dye)])


def propose_stain(patches: Sequence[Pixels]) -> StainProposal:
    """The stain that patches on tissue look like, RGB (h, w, 3) each; pen on a few of them changes nothing.

    Of a trichrome so violet that its hues are those of H&E only the density tells, and a slide between the two is told
    to be none of them.
    """
    measured = [colours for pixels in patches if (colours := _measure(pixels)) is not None]
    if not measured:
        return StainProposal(None, 0.0)
    certainty = _certainties(_median(measured))
    stain = max(certainty, key=certainty.__getitem__)
    return StainProposal(stain if certainty[stain] >= CERTAIN else None, round(certainty[stain], 3))


def _measure(pixels: Pixels) -> _Colours | None:
    """The colours of one patch; None where it holds too little that is stained, or pen."""
    seen = pixels[::STEP, ::STEP].reshape(-1, 3).astype(np.float32)
    glass = np.maximum(brightest_colour(seen), DIMMEST_GLASS)
    density = -np.log(np.clip((seen + 1) / (glass + 1), 1 / 256, 1))
    mean = density.mean(axis=1)
    ink = (density[:, 0] > INK) & (density[:, 0] > COLLAGEN * density[:, 1])
    density = density[(mean > LEAST_OD) & (mean < MOST_OD)]
    if len(density) < max(FEWEST_PIXELS, FEWEST_SHARE * len(seen)) or ink.mean() > MOST_INK:
        return None
    dyes = np.array(list(_DYES.values()))
    nearest = (density @ (dyes / np.linalg.norm(dyes, axis=1, keepdims=True)).T).argmax(axis=1)
    red, green, blue = density.T
    collagen = red > COLLAGEN * green
    return _Colours(
        np.bincount(nearest, minlength=len(dyes)) / len(density),
        float(np.percentile(green, 75)),
        float(np.median(blue / np.maximum(green, 0.02))),
        float((collagen & (blue > green)).mean()),
        float((collagen & (blue < green)).mean()),
    )


def _median(measured: Sequence[_Colours]) -> _Colours:
    """What most patches show; of collagen, which lies in a few of them, the mean."""
    return _Colours(
        np.median([colours.dyes for colours in measured], axis=0),
        float(np.median([colours.density for colours in measured])),
        float(np.median([colours.blue for colours in measured])),
        float(np.mean([colours.green_collagen for colours in measured])),
        float(np.mean([colours.blue_collagen for colours in measured])),
    )


def _certainties(seen: _Colours) -> dict[str, float]:
    """How certain each stain is, 0-1 each. Cuts lie between real and drawn slides of each stain (see the test)."""
    yellow = _above(seen.of("picric yellow"), 0.30, 0.05)
    red = (1 - yellow) * _above(seen.of("fuchsin"), 0.30, 0.04) * _above(0.10 - seen.of("eosin"), 0.0, 0.02)
    pink = (1 - yellow) * (1 - red) * _above(sum(map(seen.of, _PINK)), 0.75, 0.05) * _above(seen.blue, 0.40, 0.03)
    dense = _above(seen.density, 1.50, 0.05)
    green = (seen.green_collagen + NO_COLLAGEN) / (seen.green_collagen + seen.blue_collagen + 2 * NO_COLLAGEN)
    return {
        HE: pink * (1 - dense),
        MASSON: max(pink * dense, red * (1 - green)),
        GOLDNER: red * green,
        SIRIUS_RED: yellow,
    }


def _above(value: float, middle: float, width: float) -> float:
    """From 0 well below a cut to 1 well above it: the logistic function."""
    return float(1 / (1 + np.exp(-np.clip((value - middle) / width, -50, 50))))
