"""White parts of an image as candidates for fat droplets: their bodies, their features, how likely each is fat.

Steps 2 and 3 of `mmdnet.slides.measures.droplets`.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mmdnet.slides.measures.droplet_weights import BIAS, CENTRE, FAT_SHARE, SPREAD, WEIGHTS

FEATURES = (
    "log area", "log aspect", "log ellipse fill", "log width", "log mean density", "log least density",
    "log density spread", "log clearness around", "share of clear around", "open rim", "level", "log tint",
    "log disc fill", "log body share",
)  # fmt: skip
BODY = 0.6  # of the widest disc's radius: narrower discs are arms
PRIOR_UM2 = 300.0  # of white of the usual kind, taken as seen beforehand
STRONGEST_PRIOR = 3.0  # log odds
CROSS = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)
SQUARE = np.ones((3, 3), np.uint8)

Labels = NDArray[np.int32]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Parts:
    """White parts at one level: bodies numbered from 1, (h, w); areas and features, row k of body k, row 0 empty."""

    bodies: Labels
    area_um2: Floats
    features: Floats


def places_of(numbers: Labels) -> NDArray[np.intp]:
    """Where a numbered image is not 0, in reading order; several times faster asked of a mask than of the numbers."""
    return np.flatnonzero(numbers.ravel() > 0)


def largest(numbers: Labels, values: Floats, count: int) -> Floats:
    """The largest value, >= 0, within each numbered part, (count,)."""
    here = places_of(numbers)
    picked = values.ravel()[here].astype(np.float64)
    most = np.zeros(count)
    np.maximum.at(most, numbers.ravel()[here].astype(np.intp), picked)  # one type throughout: numpy's fast way
    return most


def dilatable(numbers: Labels) -> NDArray[np.uint16 | np.float32]:
    """The same numbers, (h, w), as OpenCV can dilate them: in half the memory where they are few enough."""
    return numbers.astype(np.uint16 if int(numbers.max(initial=0)) < 2**16 else np.float32)


def inside(numbers: Labels) -> NDArray[np.uint8]:
    """1 inside parts and 0 where they touch another or the outside, (h, w)."""
    within = (numbers > 0).astype(np.uint8)
    within[:, 1:][(numbers[:, 1:] != numbers[:, :-1]) & (numbers[:, :-1] > 0)] = 0
    within[1:][(numbers[1:] != numbers[:-1]) & (numbers[:-1] > 0)] = 0
    return within


def _bodies(numbers: Labels, mpp: float) -> tuple[Labels, Floats]:
    """Each part without its arms, (h, w): its discs of at least 0.6 of its widest one's radius; and that radius in px.

    Arms are what channels, slits and small droplets look like where they touch a droplet.
    """
    depth = np.asarray(cv2.distanceTransform(inside(numbers), cv2.DIST_L2, 5), np.float32)
    at = places_of(numbers)  # most of an image is not white, and nothing need be asked there
    name, deep = numbers.ravel()[at], depth.ravel()[at]
    widest = np.zeros(int(name.max(initial=0)) + 1)
    np.maximum.at(widest, name.astype(np.intp), deep.astype(np.float64))
    reach = np.where(widest * mpp < 1.2, 0, BODY * widest)
    core = deep >= reach[name]
    outside = np.ones(numbers.shape, np.uint8)
    outside.ravel()[at[core]] = 0
    away, nearest = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest_core = nearest.ravel()[at]
    owner_of = np.zeros(int(nearest_core.max(initial=0)) + 1, np.int32)
    owner_of[nearest_core[core]] = name[core]
    owner = owner_of[nearest_core]
    belongs = (owner == name) & (away.ravel()[at] <= reach[owner] + 0.5)
    bodies = np.zeros(numbers.shape, np.int32)
    bodies.ravel()[at[belongs]] = name[belongs]
    return bodies, widest


def describe(numbers: Labels, clear: Floats, tint: Floats, level: float, mpp: float) -> Parts:
    """The features of numbered white parts, (h, w), see FEATURES; `clear` and `tint` as of `clearness`."""
    bodies, widest = _bodies(numbers, mpp)
    count = len(widest)
    place = places_of(bodies)
    name = bodies.ravel()[place]
    area = np.maximum(np.bincount(name, minlength=count), 1).astype(np.float64)

    def mean(values: Floats) -> Floats:
        return np.bincount(name, values, count) / area

    rows, cols = np.divmod(place, bodies.shape[1])
    x, y = cols - mean(cols)[name], rows - mean(rows)[name]
    xx, yy, xy = mean(x * x) + 1 / 12, mean(y * y) + 1 / 12, mean(x * y)
    product = np.maximum(xx * yy - xy * xy, 1e-6)
    apart = np.sqrt(np.maximum(((xx + yy) / 2) ** 2 - product, 0))
    long, short = (xx + yy) / 2 + apart, np.maximum((xx + yy) / 2 - apart, 1e-3)  # variances along the axes
    value = clear.ravel()[place].astype(np.float64)
    inner = mean(value)
    clearest = largest(bodies, clear, count)
    spread = np.sqrt(np.maximum(mean(value * value) - inner**2, 0))
    around, clear_around = _around(bodies, clear, inner, mpp)
    whole = np.maximum(np.bincount(numbers.ravel(), minlength=count), 1)
    features = np.stack(
        [
            np.log(area * mpp**2),
            0.5 * np.log(long / short),
            np.log(np.minimum(area / (4 * np.pi * np.sqrt(product)), 1.2)),
            np.log(4 * np.sqrt(short) * mpp),
            np.log(1 - inner + 0.02),
            np.log(1 - clearest + 0.01),
            np.log(spread + 0.02),
            np.log(around + 0.05),
            clear_around,
            _open_rim(bodies, numbers, count),
            np.full(count, level),
            np.log(np.maximum(mean(tint.ravel()[place]), 0) + 0.02),
            np.log(np.pi * np.maximum(widest, 0.5) ** 2 / area),
            np.log(area / whole),
        ],
        axis=1,
    )
    return Parts(bodies, area * mpp**2, features)


def _around(bodies: Labels, clear: Floats, inner: Floats, mpp: float) -> tuple[Floats, Floats]:
    """Mean clearness of the ring 0.5-1.5 µm around each body, and the share of it nearly as clear as the body."""
    step = max(1, round(0.5 / mpp))
    near = cv2.dilate(dilatable(bodies), CROSS, iterations=step)
    far = cv2.dilate(near, SQUARE, iterations=2 * step)
    place = np.flatnonzero((far > 0) & (near == 0))
    name, value = far.ravel()[place].astype(np.int32), clear.ravel()[place]
    size = np.bincount(name, minlength=len(inner))
    some = np.maximum(size, 1)
    mean = np.bincount(name, value, len(inner)) / some
    like = np.bincount(name, value > 0.6 * inner[name], len(inner)) / some
    return np.where(size, mean, inner), np.where(size, like, 1)


def _open_rim(bodies: Labels, numbers: Labels, count: int) -> Floats:
    """Share of each body's rim that lies against more white."""
    wide = [np.asarray(cv2.copyMakeBorder(image, 1, 1, 1, 1, cv2.BORDER_REPLICATE)) for image in (bodies, numbers)]
    body, number = (image.ravel() for image in wide)
    at = places_of(bodies)
    at += 2 * (at // bodies.shape[1]) + bodies.shape[1] + 3  # the same places in the wider images
    name = body[at]
    white, dark = np.zeros(count), np.zeros(count)
    for step in (1, -1, wide[0].shape[1], -wide[0].shape[1]):
        differs = body[at + step] != name
        beside = number[at[differs] + step] > 0
        white += np.bincount(name[differs], beside, count)
        dark += np.bincount(name[differs], ~beside, count)
    return white / np.maximum(white + dark, 1)


def fat_share(features: Floats, prior: float = 0.0) -> Floats:
    """Expected share of each part that is fat, 0-1, from features, (parts, 14); `prior` is added to the log odds."""
    z = (features - CENTRE) / SPREAD
    products = [z[:, [i]] * z[:, :i] for i in range(1, z.shape[1])]
    odds = np.concatenate([z, z * z, *products], axis=1) @ WEIGHTS + BIAS + prior
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def prior_shift(parts: Parts) -> float:
    """What is to be added to the log odds, since this image's white holds more or less fat than the fitted ones' did.

    Expectation-maximisation of the share of fat, areas as weights, each part's area capped at 200 µm².
    """
    weight, share = np.minimum(parts.area_um2[1:], 200.0), FAT_SHARE
    likely, whole = fat_share(parts.features[1:]), weight.sum() + PRIOR_UM2
    for _ in range(12):
        fat = likely * share / FAT_SHARE
        certain = fat / (fat + (1 - likely) * (1 - share) / (1 - FAT_SHARE))
        share = float(((weight * certain).sum() + PRIOR_UM2 * FAT_SHARE) / whole)
    shift = np.log(share / (1 - share)) - np.log(FAT_SHARE / (1 - FAT_SHARE))
    return float(np.clip(shift, -STRONGEST_PRIOR, STRONGEST_PRIOR))
