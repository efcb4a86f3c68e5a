"""Fat droplets in an image, found without the network; every length in µm.

A droplet is empty after processing: as clear as glass, round, with a rim. Sinusoids, slits and pale cytoplasm are white
too, and touch droplets. So:

1. clearness: 1 where an image absorbs as little as glass, 0 where it absorbs as much as the tissue around (optical
   density, Beer-Lambert), so that pale and strong stains, H&E and trichrome, are read on one scale;
2. parts: what is clearer than a level, for levels from half clear upwards, and at last what is left, cut at its waists
   (tops of the distance to the rim, Vincent 1993). Of each part the body alone is judged: the discs
   nearly as wide as its widest one, without arms;
3. judgement: a logistic regression on 14 features says which share of a part is fat (`droplet_weights`), corrected
   for how much of this image's white is fat at all (Saerens, Latinne & Decaestecker 2002): where there is hardly any, a
   piece of sinusoid needs better evidence;
4. an accepted body grows to its rim, and touching droplets are parted for counting.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.measures.droplet_parts import (
    CROSS,
    SQUARE,
    Floats,
    Labels,
    Parts,
    describe,
    dilatable,
    fat_share,
    inside,
    largest,
    places_of,
    prior_shift,
)
from mmdnet.slides.measures.uneven_light import evened
from mmdnet.slides.readers.reader import Pixels

LEVELS = (0.5, 0.7, 0.85, 0.95)
WAIST_LEVELS = (0.5, 0.85)
NEEDED, NEEDED_CUT = 0.7, 0.5  # share of fat: of a whole part, which may still be taken apart, and of a cut one
RIM = 0.4  # clearness at a rim: the cytoplasm pushed aside by a droplet is denser than the tissue around
SMALLEST_UM2 = 1.0
LARGEST_UM2 = 3_000.0  # 62 µm across
LONGEST = 5.0  # times as long as wide: no cluster taken whole is longer, most channels are
THINNEST = 0.06  # share of a part that its widest disc covers
CHANNEL_UM = 3.0  # half the width of an open sinusoid
DEEPEST_UM = 31.0  # radius of the largest droplet; what is deeper is glass or a vessel
FARTHEST_TOP_PX = 30  # a body's top is spread at most so far
PARTS_OF_PX = 256
BLUR_UM = 0.3
AROUND_UM = 20.0
MIRROR_UM = 8.0  # beyond the edges, so that a droplet cut by one is round

Judge = Callable[[Parts, bool], NDArray[np.bool_]]


def find_droplets(rgb: Pixels, mpp: float) -> Labels:
    """Droplets of an image, RGB (h, w, 3) at `mpp` µm/px, numbered from 1; 0 is everything else; (h, w)."""
    prior: list[float] = []

    def judge(parts: Parts, cut: bool) -> NDArray[np.bool_]:
        if not prior:
            prior.append(prior_shift(parts))
        return fat_share(parts.features, prior[0]) > (NEEDED_CUT if cut else NEEDED)

    return search(rgb, mpp, judge)


def search(rgb: Pixels, mpp: float, judge: Judge) -> Labels:
    """Go through the parts of an image, level by level, and number those the judge accepts, (h, w)."""
    pad = round(MIRROR_UM / mpp)
    clear, tint = clearness(np.asarray(cv2.copyMakeBorder(evened(rgb), pad, pad, pad, pad, cv2.BORDER_REFLECT)), mpp)
    droplets = np.zeros(clear.shape, np.int32)
    allowed = ~_glass(clear > LEVELS[0], mpp)
    for level, cut in [(level, False) for level in LEVELS] + [(level, True) for level in WAIST_LEVELS]:
        white = ((clear > level) & (droplets == 0) & allowed).astype(np.uint8)
        if cut:
            white = _without_channels(white, mpp)
        numbers = _at_waists(white, mpp) if cut else np.asarray(cv2.connectedComponents(white, connectivity=4)[1])
        numbers = _large_enough(numbers, mpp)
        if not numbers.any():
            continue
        parts = describe(numbers, clear, tint, level, mpp)
        accepted = judge(parts, cut) & (parts.area_um2 >= SMALLEST_UM2) & (parts.area_um2 <= LARGEST_UM2)
        accepted &= (parts.features[:, 1] < np.log(LONGEST)) & (parts.features[:, 12] > np.log(THINNEST))
        accepted[0] = False
        new = np.where(accepted, int(droplets.max()) + np.cumsum(accepted), 0).astype(np.int32)
        droplets += new[parts.bodies]  # white is looked for only where nothing was found
        steps = max(1, round((0.35 + 0.6 * (level - LEVELS[0])) / mpp))
        droplets = _grow(droplets, (clear > RIM) & allowed, steps)
    return np.ascontiguousarray(_parted(droplets, mpp)[pad:-pad, pad:-pad])


def clearness(rgb: Pixels, mpp: float) -> tuple[Floats, Floats]:
    """How clear each pixel is, from 0 (as the tissue within 20 µm) to 1 (as glass), and its tint; (h, w) each."""
    light = cv2.GaussianBlur(rgb, (0, 0), max(0.3, BLUR_UM / mpp))
    red, green, blue = cv2.split(rgb)
    low = np.asarray(cv2.min(cv2.min(red, green), blue), np.uint8)
    known = low < 255  # what lies beyond the slide is read as pure white, which no glass is
    brightest = float(np.percentile(low[known], 99.5)) if known.any() else 255.0
    glass = np.full(3, np.clip(brightest, 215, 250))
    like_glass = rgb[known & (low >= glass[0] - 4)]
    if brightest >= 215 and len(like_glass) > 50:
        glass = np.median(like_glass, axis=0)
    first, second, third = (
        np.asarray(cv2.LUT(plane, -np.log(np.maximum(np.arange(256), 1) / glass[k]).astype(np.float32)))
        for k, plane in enumerate(cv2.split(light))
    )
    darkest = np.maximum(np.maximum(first, second), third)
    tint = darkest - np.minimum(np.minimum(first, second), third)
    np.maximum(darkest, 0, out=darkest)
    stained = darkest > 0.18
    usual = float(np.median(darkest[stained])) if stained.mean() > 0.01 else 0.6
    weight = stained.astype(np.float32)

    def around(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        small = cv2.resize(plane, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), AROUND_UM / mpp / 4), np.float32)

    local = (around(np.minimum(darkest, 1.6 * usual) * weight) + 0.05 * usual) / (around(weight) + 0.05)
    local = np.maximum(cv2.resize(local, rgb.shape[1::-1]), 0.15)
    clear = np.clip(1 - darkest / local, 0, 1).astype(np.float32)
    return clear, (tint / local).astype(np.float32)


def _glass(white: NDArray[np.bool_], mpp: float) -> NDArray[np.bool_]:
    """What is white and too wide for a droplet, (h, w)."""
    depth = np.asarray(cv2.distanceTransform(white.astype(np.uint8), cv2.DIST_L2, 5))
    deep = depth * mpp > DEEPEST_UM
    if not deep.any():
        return deep
    away = cv2.distanceTransform((~deep).astype(np.uint8), cv2.DIST_L2, 5)
    return white & (away * mpp < DEEPEST_UM + 2)


def _without_channels(white: NDArray[np.uint8], mpp: float) -> NDArray[np.uint8]:
    """A white mask, (h, w), without parts that are long and nowhere as wide as a droplet worth cutting out."""
    count, numbers = cv2.connectedComponents(white, connectivity=4)
    size = np.bincount(np.asarray(numbers).ravel(), minlength=count)
    widest = largest(
        np.asarray(numbers, np.int32), np.asarray(cv2.distanceTransform(white, cv2.DIST_L2, 5), np.float32), count
    )
    thin = np.pi * widest**2 < THINNEST * size
    return np.where((thin & (widest * mpp < CHANNEL_UM))[numbers], 0, white).astype(np.uint8)


def _large_enough(numbers: Labels, mpp: float) -> Labels:
    """Numbered parts without the smallest, numbered anew from 1; (h, w)."""
    at = places_of(numbers)
    name = numbers.ravel()[at]
    keep = np.bincount(name, minlength=1) * mpp**2 >= SMALLEST_UM2
    anew = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    out = np.zeros(numbers.shape, np.int32)
    out.ravel()[at] = anew[name]
    return out


def _grow(droplets: Labels, white: NDArray[np.bool_], steps: int) -> Labels:
    """Widen numbered droplets within a white mask, (h, w) each, by a pixel a step."""
    for _ in range(steps):
        wider = cv2.dilate(dilatable(droplets), CROSS).astype(np.int32)
        droplets = np.where((droplets == 0) & white, wider, droplets)
    return droplets


def _tops(white: NDArray[np.uint8], mpp: float) -> tuple[int, Labels, Floats]:
    """The middles of a white mask's bodies: their count, numbered from 1 (h, w), and the smoothed distance to the rim.

    A body is a top of that distance that stands out by 12 % of its height (h-maxima, by morphological reconstruction).
    """
    depth = np.asarray(cv2.GaussianBlur(cv2.distanceTransform(white, cv2.DIST_L2, 5), (0, 0), 0.35 / mpp), np.float32)
    rim = (np.minimum(depth, 255) * PARTS_OF_PX).astype(
        np.uint16
    )  # whole numbers of half the size: the steps below move memory only
    dip = np.maximum(np.float32(0.18 / mpp * PARTS_OF_PX), 0.12 * rim)
    level = np.maximum(rim - dip, 0).astype(np.uint16)
    wider = np.empty_like(level)
    for _ in range(FARTHEST_TOP_PX):  # large white areas take all of them, so whether it is over is not asked
        cv2.min(cv2.dilate(level, SQUARE, wider), rim, level)
    peaks = ((rim - level) >= 0.7 * dip) & (white > 0)
    count, tops = cv2.connectedComponents(peaks.astype(np.uint8), connectivity=8)
    return count - 1, np.asarray(tops, np.int32), depth


def _at_waists(white: NDArray[np.uint8], mpp: float) -> Labels:
    """The inner parts of a white mask's bodies, cut at their waists and away from the rim, numbered from 1, (h, w)."""
    if not white.any():
        return np.zeros(white.shape, np.int32)
    count, seeds, depth = _tops(white, mpp)
    seeds[white == 0] = count + 1
    relief = (255 - np.minimum(depth * 10, 255)).astype(np.uint8)
    numbers = np.asarray(cv2.watershed(cv2.merge([relief] * 3), seeds), np.int32)
    numbers[(numbers == count + 1) | (numbers < 0)] = 0
    return _grow(numbers, white > 0, 1)


def _parted(droplets: Labels, mpp: float) -> Labels:
    """Droplets taken together, parted for counting: each pixel, (h, w), goes to the nearest body's middle."""
    white = inside(droplets)
    count, tops, _ = _tops(white, mpp)
    if not count:
        return droplets
    _, nearest = cv2.distanceTransformWithLabels(
        (tops == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    name_of = np.zeros(int(nearest.max()) + 1, np.int32)
    name_of[nearest[tops > 0]] = tops[tops > 0]
    return np.where(droplets > 0, name_of[nearest], 0).astype(np.int32)
