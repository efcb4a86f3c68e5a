"""Every nucleus on the slide: hepatocytes, sinusoid lining, lymphocytes, duct epithelium, fibroblasts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmdnet.simulate.cells import Cells, Mesh
from mmdnet.simulate.ground import Ground
from mmdnet.simulate.lobules import Lobules, Ring
from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.sprites import ANGLES, KIND, VARIANTS


@dataclass(frozen=True, slots=True)
class Nuclei:
    """Nuclei sorted by y. `kind` and `variant` name the picture that is stamped.

    Attributes:
        xy: shape (n, 2) in µm.
        kind: index into `sprites.KINDS`, shape (n,).
        variant: which of the kind's pictures, shape (n,).
    """

    xy: np.ndarray
    kind: np.ndarray
    variant: np.ndarray

    def where(self, kept: np.ndarray) -> Nuclei:
        """Only the nuclei that are True in `kept`."""
        return Nuclei(self.xy[kept], self.kind[kept], self.variant[kept])


class _Collector:
    """Gathers nuclei of all sources."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.rows: list[np.ndarray] = []

    def add(self, kind: str, xy: np.ndarray, angle: np.ndarray | None = None) -> None:
        """Nuclei of one kind; those with a direction get the picture nearest to `angle` (radians)."""
        xy = np.asarray(xy, float).reshape(-1, 2)
        if angle is None:
            variant = self.rng.integers(0, VARIANTS[kind], len(xy))
        else:
            turn = np.round(np.asarray(angle) / np.pi * ANGLES).astype(int) % ANGLES
            shape = self.rng.integers(0, VARIANTS[kind] // ANGLES, len(xy))
            variant = shape * ANGLES + turn
        self.rows.append(np.c_[xy, np.full(len(xy), KIND[kind]), variant])

    def sorted(self) -> Nuclei:
        rows = np.concatenate(self.rows)
        rows = rows[np.argsort(rows[:, 1], kind="stable")]
        return Nuclei(rows[:, :2], rows[:, 2].astype(np.int16), rows[:, 3].astype(np.int16))


def all_nuclei(
    recipe: SlideRecipe, lobules: Lobules, ground: Ground, cells: Cells, wide: np.ndarray, mesh: Mesh, foci: np.ndarray
) -> Nuclei:
    """Place all nuclei. `wide` is the radius of each cell's large droplet (0: none)."""
    rng = recipe.rng("nuclei")
    collector = _Collector(rng)
    _hepatocytes(collector, cells, wide)
    _sinusoid_lining(collector, mesh, ground)
    _foci(collector, foci)
    inflamed = recipe.wanted_grades()["inflammation"] > 0
    for tract in lobules.tracts:
        _tract(collector, tract.outline, (tract.vein, *tract.ducts, *tract.arteries), inflamed)
        for duct in tract.ducts:
            _duct(collector, duct)
    for vein in lobules.veins:
        _around(collector, "spindle", vein, vein.wall * 0.6, 45.0)
    for septum in lobules.septa:
        _septum(collector, septum)
    _strays(collector, recipe, ground)
    return collector.sorted()


def _hepatocytes(collector: _Collector, cells: Cells, wide: np.ndarray) -> None:
    """One nucleus in most cells, two in some; a large droplet pushes it to the cell's edge and flattens it."""
    rng = collector.rng
    cut = rng.random(len(cells.xy))  # the section misses the nucleus of some cells
    plain = np.flatnonzero(cells.seen & ~cells.macro & ~cells.ballooned & (cut > 0.13))
    centre = cells.xy[plain] + rng.normal(0, 2.2, (len(plain), 2))
    binucleate = rng.random(len(plain)) < 0.09
    turn = rng.uniform(0, 2 * np.pi, len(plain))
    beside = np.c_[np.cos(turn), np.sin(turn)] * 3.9
    centre[binucleate] -= beside[binucleate]
    draw = rng.random(len(plain))
    for kind, low, high in (
        ("hepatocyte", 0.0, 0.86),
        ("faint", 0.86, 0.94),
        ("dense", 0.94, 0.985),
        ("large", 0.985, 1.0),
    ):
        collector.add(kind, centre[(draw >= low) & (draw < high)])
    collector.add("hepatocyte", (centre + 2 * beside)[binucleate])

    pushed = np.flatnonzero(cells.seen & cells.macro & (cut > 0.22))
    turn = rng.uniform(0, 2 * np.pi, len(pushed))
    away = np.c_[np.cos(turn), np.sin(turn)]
    small = wide[pushed] < 6.0
    collector.add("hepatocyte", (cells.xy[pushed] + away * (wide[pushed] + 4.0)[:, None])[small])
    collector.add(
        "flattened", (cells.xy[pushed] + away * (wide[pushed] + 1.7)[:, None])[~small], (turn + np.pi / 2)[~small]
    )
    swollen = np.flatnonzero(cells.seen & cells.ballooned)
    collector.add("ballooned", cells.xy[swollen] + rng.normal(0, 2.2, (len(swollen), 2)))


def _sinusoid_lining(collector: _Collector, mesh: Mesh, ground: Ground) -> None:
    """Endothelial and Kupffer cell nuclei along every few pieces of sinusoid."""
    chosen = np.flatnonzero(collector.rng.random(len(mesh.sinusoids)) < 0.20)
    piece = mesh.sinusoids[chosen]
    along = piece[:, 3] - piece[:, 1]
    normal = np.c_[-along[:, 1], along[:, 0]] / (np.hypot(*along.T)[:, None] + 1e-6)
    side = np.where(collector.rng.random(len(chosen)) < 0.5, 1, -1)[:, None]
    at = piece[:, 2] + normal * side * mesh.sinusoid_width[chosen, None] * 0.38
    inside = ground.depth_at(at) > 0
    collector.add("spindle", at[inside], np.arctan2(along[:, 1], along[:, 0])[inside])


def _foci(collector: _Collector, foci: np.ndarray) -> None:
    """Lymphocytes and a few macrophages, dense in the middle of each focus."""
    rng = collector.rng
    for x, y, radius in foci:
        count = int(rng.uniform(0.055, 0.085) * radius**2) + 6
        turn, away = (
            rng.uniform(0, 2 * np.pi, count),
            radius * np.sqrt(rng.random(count)) * rng.uniform(0.75, 1.0, count),
        )
        at = _apart(np.c_[x + away * np.cos(turn), y + away * np.sin(turn)], 3.6)
        collector.add("lymphocyte", at)
        turn = rng.uniform(0, 2 * np.pi, 2)
        collector.add("dense", np.c_[x + radius * np.cos(turn), y + radius * np.sin(turn)])


def _apart(points: np.ndarray, distance: float) -> np.ndarray:
    """A few pushes so that nuclei touch rather than cover each other."""
    for _ in range(4):
        gap = points[:, None] - points[None]
        length = np.sqrt((gap**2).sum(-1)) + 1e-6
        push = np.clip(distance - length, 0, None) * (~np.eye(len(points), dtype=bool))
        points = points + 0.5 * (gap / length[..., None] * push[..., None]).sum(axis=1)
    return points


def _tract(collector: _Collector, outline: np.ndarray, rings: tuple[Ring, ...], inflamed: bool) -> None:
    """Fibroblasts and the portal infiltrate, which does not count as lobular inflammation."""
    rng = collector.rng
    centre, span = outline.mean(axis=0), outline - outline.mean(axis=0)
    area = 0.5 * abs(np.sum(span[:, 0] * np.roll(span[:, 1], 1) - span[:, 1] * np.roll(span[:, 0], 1)))

    def inside(count: int) -> np.ndarray:
        edge, between = rng.integers(0, len(span), count), rng.random(count)[:, None]
        spoke = span[edge] * (1 - between) + span[(edge + 1) % len(span)] * between
        at = centre + spoke * np.sqrt(rng.random(count))[:, None] * 0.97
        free = np.ones(count, bool)
        for ring in rings:
            free &= (
                np.hypot(at[:, 0] - ring.x, at[:, 1] - ring.y) > ring.radius * np.sqrt(ring.stretch) + ring.wall + 1.5
            )
        return at[free]

    fibroblasts = inside(int(area * 0.0035))
    collector.add("spindle", fibroblasts, rng.uniform(0, np.pi, len(fibroblasts)))
    count = int(area * rng.uniform(0.0025, 0.007) * (2.2 if inflamed else 1.0))
    if count:
        collector.add("lymphocyte", _apart(inside(count), 3.4))
    for ring in rings[1:]:
        _around(collector, "spindle", ring, ring.wall * 0.5, 14.0)
    _around(collector, "spindle", rings[0], 1.5, 24.0)


def _around(collector: _Collector, kind: str, ring: Ring, out: float, every_um: float) -> None:
    """Flat nuclei along the wall of a vessel."""
    count = max(2, int(2 * np.pi * ring.radius / every_um))
    points = ring.outline(out)
    chosen = collector.rng.choice(len(points), min(count, len(points)), replace=False)
    along = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    collector.add(kind, points[chosen], np.arctan2(along[chosen, 1], along[chosen, 0]))


def _duct(collector: _Collector, duct: Ring) -> None:
    """Cuboidal epithelium: a row of round nuclei around the lumen."""
    middle = duct.radius + 0.5 * duct.wall
    count = max(6, int(2 * np.pi * middle / 5.2))
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False) + collector.rng.normal(0, 0.06, count)
    reach = middle * (1 + 0.05 * collector.rng.normal(0, 1, count))
    collector.add("duct", np.c_[duct.x + reach * np.cos(turn), duct.y + reach * np.sin(turn)])


def _septum(collector: _Collector, outline: np.ndarray) -> None:
    half = len(outline) // 2
    middle = (outline[:half] + outline[half:][::-1]) / 2
    along = np.gradient(middle, axis=0)
    chosen = np.flatnonzero(collector.rng.random(half) < 0.75)
    at = middle[chosen] + collector.rng.normal(0, 3, (len(chosen), 2))
    collector.add("spindle", at, np.arctan2(along[chosen, 1], along[chosen, 0]))


def _strays(collector: _Collector, recipe: SlideRecipe, ground: Ground) -> None:
    """Single lymphocytes in the parenchyma: no focus, so they do not count."""
    rng = collector.rng
    count = int(rng.poisson(30 * recipe.width_um * recipe.height_um / 1e6))
    at = rng.uniform(0, 1, (count, 2)) * [recipe.width_um, recipe.height_um]
    collector.add("lymphocyte", at[ground.depth_at(at) > 8])
