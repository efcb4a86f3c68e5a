"""Whether pixels can be those of a stained slide at all: glass that is nearly neutral, and a stain to read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmdnet.errors import LabError
from mmdnet.slides.pixels import Pixels

BRIGHTEST = 0.01  # share of the pixels that are looked at for glass
FARTHEST_FROM_NEUTRAL = 0.25  # of its strongest channel: tinted glass lies below a tenth, wrong colours above a third
NO_STAIN = 10.0  # grey levels between the channels of the most coloured pixels: less is a picture without colours
MOST_COLOURED = 98.0  # percent
DARK = 25.0  # grey levels below glass: what is lighter is no stain either way


def check_glass(name: str, windows: Sequence[Pixels]) -> None:
    """Refuse a slide by some windows from all over it, RGB (h, w, 3) each.

    Raises:
        LabError: its brightest colour is far from neutral.
    """
    if not windows:
        return
    glass = brightest_colour(_pixels(windows))
    if (glass.max() - glass.min()) / max(float(glass.max()), 1.0) > FARTHEST_FROM_NEUTRAL:
        red, green, blue = glass.round().astype(int).tolist()
        raise LabError(
            f"{name} was not added: its brightest colour is {red}, {green}, {blue} (red, green, blue), far from the "
            "white of glass, so its colours are stored otherwise than the file says. Export it again as RGB or "
            "standard JPEG. Nothing was changed."
        )


def check_stain(name: str, patches: Sequence[Pixels]) -> None:
    """Refuse a slide by some of its patches on tissue, RGB (h, w, 3) each.

    Raises:
        LabError: they have no colours.
    """
    if patches and has_no_colours(_pixels(patches)):
        raise LabError(
            f"{name} was not added: it has no colours, so there is no stain to read. Scan it in colour. "
            "Nothing was changed."
        )


def _pixels(windows: Sequence[Pixels]) -> NDArray[np.float32]:
    return np.concatenate([window[::2, ::2].reshape(-1, 3) for window in windows]).astype(np.float32)


def brightest_colour(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle colour, (3,), of the brightest of some pixels, (n, 3)."""
    light = pixels.mean(axis=1)
    return np.asarray(np.median(pixels[light >= np.quantile(light, 1 - BRIGHTEST)], axis=0), np.float32)


def has_no_colours(pixels: NDArray[np.float32]) -> bool:
    """Whether what is darker than glass, of some pixels (n, 3), is grey; False where nothing is darker."""
    glass = brightest_colour(pixels)
    light = np.minimum(pixels * (255.0 / np.maximum(glass, 1.0)), 255.0)
    dark = light[255.0 - light.mean(axis=1) > DARK]
    if len(dark) == 0:
        return False
    chroma = dark.max(axis=1) - dark.min(axis=1)
    return float(np.percentile(chroma, MOST_COLOURED)) < NO_STAIN
