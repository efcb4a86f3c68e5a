"""The parenchyma: hepatocytes that make room for each other, their borders, and the sinusoids between their plates."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import Voronoi, cKDTree

from mmdnet.simulate.ground import Ground
from mmdnet.simulate.lobules import Lobules

PITCH_UM = 23.0
CELL_RADIUS_UM = 10.6
LONGEST_RIDGE_UM = 45.0


@dataclass(frozen=True, slots=True)
class Cells:
    """Hepatocytes (and, outside of the parenchyma, unseen ones that only close the mesh).

    Attributes:
        xy: centres in µm, shape (n, 2).
        seen: True for a hepatocyte of the parenchyma, shape (n,).
        zone: 0 at the central vein, 1 at the tract.
        fatty: holds fat.
        macro: its fat is one large droplet.
        ballooned: enlarged, pale and wispy; a lesion.
        clear: pale with glycogen but of normal size; looks like ballooning and is not.
        radius: radius of the room the cell asks for, in µm.
        tone: density of the cytoplasm, about 1.
    """

    xy: np.ndarray
    seen: np.ndarray
    zone: np.ndarray
    fatty: np.ndarray
    macro: np.ndarray
    ballooned: np.ndarray
    clear: np.ndarray
    radius: np.ndarray
    tone: np.ndarray


def lay_cells(width_um: float, height_um: float, ground: Ground, rng: np.random.Generator) -> np.ndarray:
    """Jittered hexagonal cell centres on and shortly around the tissue, shape (n, 2)."""
    columns, rows = int(width_um / PITCH_UM) + 3, int(height_um / (PITCH_UM * np.sqrt(0.75))) + 3
    j, i = np.mgrid[0:rows, 0:columns]
    points = np.c_[((i + 0.5 * (j % 2)) * PITCH_UM).ravel(), (j * PITCH_UM * np.sqrt(0.75)).ravel()] - PITCH_UM
    points = points + rng.normal(0, 5.0, points.shape)
    return points[ground.near_tissue(points, 60)]


def lobular_zone(points: np.ndarray, lobules: Lobules) -> tuple[np.ndarray, np.ndarray]:
    """Where in the lobule points lie.

    Returns:
        Zone, 0 at the central vein to 1 at the tract, shape (n,), and the nearest vein's centre, shape (n, 2).
    """
    to_vein, vein = cKDTree(lobules.vein_centres).query(points)
    to_tract, _ = cKDTree(lobules.tract_centres).query(points)
    return to_vein / (to_vein + to_tract + 1e-6), lobules.vein_centres[vein]


def make_room(points: np.ndarray, radius: np.ndarray, rounds: int = 12) -> np.ndarray:
    """Push overlapping cells apart, small ones farther than large ones, so that a swollen cell gets its place.

    Args:
        points: centres, shape (n, 2).
        radius: the room each cell asks for in µm, shape (n,).

    Returns:
        Moved centres, shape (n, 2).
    """
    points = points.copy()
    light = 1 / radius**2
    for step in range(rounds):
        if step % 3 == 0:  # neighbours change slowly
            i, j = cKDTree(points).query_pairs(radius.max() + CELL_RADIUS_UM + 4, output_type="ndarray").T
        apart = points[j] - points[i]
        distance = np.hypot(*apart.T) + 1e-6
        push = np.maximum(radius[i] + radius[j] - distance, 0) * 0.55
        direction = apart / distance[:, None] * push[:, None]
        share = (light[i] / (light[i] + light[j]))[:, None]
        for axis in (0, 1):
            points[:, axis] -= np.bincount(i, direction[:, axis] * share[:, 0], len(points))
            points[:, axis] += np.bincount(j, direction[:, axis] * (1 - share[:, 0]), len(points))
    return points


@dataclass(frozen=True, slots=True)
class Mesh:
    """Cell outlines and what lies between the cells.

    Attributes:
        corners: all outline points, shape (c, 2); cell k owns corners[start[k]:start[k + 1]] (none: unbounded cell).
        start: shape (cells + 1,).
        borders: cell membranes, shape (b, 2, 2).
        sinusoids: smooth short pieces of the channels, shape (s, 5, 2).
        sinusoid_width: in µm, shape (s,).
    """

    corners: np.ndarray
    start: np.ndarray
    borders: np.ndarray
    sinusoids: np.ndarray
    sinusoid_width: np.ndarray


def build_mesh(points: np.ndarray, lobules: Lobules, rng: np.random.Generator) -> Mesh:
    """Outline the cells and decide which of their borders are sinusoids: those that run towards the central vein."""
    voronoi = Voronoi(points)
    ridges = np.array(voronoi.ridge_vertices)
    ends = voronoi.vertices[ridges.clip(0)]
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    good = (ridges >= 0).all(axis=1) & (length < LONGEST_RIDGE_UM)
    ridges, ends, length = ridges[good], ends[good], length[good]
    middle = ends.mean(axis=1)
    _, vein = lobular_zone(middle, lobules)
    radial = middle - vein
    along = ((ends[:, 1] - ends[:, 0]) * radial).sum(axis=1) / (length * np.hypot(*radial.T) + 1e-6)
    open_channel = rng.random(len(ridges)) < np.clip((np.abs(along) - 0.35) / 0.4, 0, 1) * 0.66
    # a few cross connections keep the network from looking combed
    open_channel |= rng.random(len(ridges)) < 0.05
    pieces = _smooth_channels(voronoi.vertices, ridges[open_channel])
    width = sinusoid_widths(pieces[:, 2], rng)
    corners, start = _outlines(voronoi)
    return Mesh(corners, start, ends, pieces, width)


def sinusoid_widths(middle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Widths in µm: most channels are nearly collapsed, in some regions they stand open.

    Args:
        middle: where the pieces lie, shape (n, 2).
    """
    wave = rng.normal(0, 1 / 60, (10, 2))
    region = np.cos(middle @ wave.T + rng.uniform(0, 6.3, 10)).sum(axis=1) / np.sqrt(5)
    return np.clip(np.exp(np.log(2.1) + 0.42 * region + rng.normal(0, 0.38, len(middle))), 0.9, 8.0)


def _outlines(voronoi: Voronoi) -> tuple[np.ndarray, np.ndarray]:
    """Voronoi polygons as one list of corners; unbounded or huge cells get none."""
    regions = [voronoi.regions[k] for k in voronoi.point_region]
    kept: list[list[int]] = [r if r and -1 not in r else [] for r in regions]
    start = np.r_[0, np.cumsum([len(r) for r in kept])]
    flat = np.fromiter((v for r in kept for v in r), int, start[-1])
    return voronoi.vertices[flat], start


def _smooth_channels(vertices: np.ndarray, ridges: np.ndarray) -> np.ndarray:
    """Turn a zigzag of cell borders into a smooth channel.

    At every corner where two channel borders meet, a quadratic Bézier curve runs from the middle of one to the middle
    of the other with the corner as its control point: the pieces join into a quadratic B-spline. A loose end gets a
    straight half.

    Args:
        vertices: corner points, shape (v, 2).
        ridges: channel borders as pairs of corner indices, shape (r, 2).

    Returns:
        Pieces, shape (s, 5, 2).
    """
    middle = vertices[ridges].mean(axis=1)
    corner = ridges.ravel()
    ridge = np.repeat(np.arange(len(ridges)), 2)
    order = np.argsort(corner, kind="stable")
    corner, ridge = corner[order], ridge[order]
    pairs = []
    for step in (1, 2):  # a corner has at most three borders
        same = corner[step:] == corner[:-step]
        pairs.append(np.c_[ridge[:-step][same], ridge[step:][same], corner[step:][same]])
    joined = np.concatenate(pairs)
    _, first, count = np.unique(corner, return_index=True, return_counts=True)
    loose = first[count == 1]
    start = np.r_[middle[joined[:, 0]], middle[ridge[loose]]]
    control = np.r_[vertices[joined[:, 2]], (middle[ridge[loose]] + vertices[corner[loose]]) / 2]
    end = np.r_[middle[joined[:, 1]], vertices[corner[loose]]]
    t = np.linspace(0, 1, 5)[None, :, None]
    return (1 - t) ** 2 * start[:, None] + 2 * t * (1 - t) * control[:, None] + t**2 * end[:, None]
