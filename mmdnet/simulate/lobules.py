"""The architecture of the liver: central veins, portal tracts with their vessels and ducts, and thin septa.

A lobule is about 0.9 mm wide, its central vein in the middle, portal tracts at its corners (MacSween's Pathology of the
Liver). All lengths in µm.
"""

from dataclasses import dataclass

import numpy as np

from mmdnet.simulate.recipes import SlideRecipe

LOBULE_UM = 900.0


@dataclass(frozen=True, slots=True)
class Ring:
    """A vessel or duct cut across: an ellipse with a wall."""

    x: float
    y: float
    radius: float  # of the lumen
    wall: float
    stretch: float  # long axis over short axis
    angle: float

    def outline(self, grow: float = 0.0, points: int = 40) -> np.ndarray:
        """Points on the lumen's edge, moved outwards by `grow`, shape (points, 2)."""
        turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
        long, short = self.radius * np.sqrt(self.stretch) + grow, self.radius / np.sqrt(self.stretch) + grow
        uneven = 1 + 0.06 * np.sin(2 * turn + self.x) + 0.04 * np.sin(3 * turn + self.y)
        u, v = long * np.cos(turn) * uneven, short * np.sin(turn) * uneven
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.c_[self.x + u * cos - v * sin, self.y + u * sin + v * cos]


@dataclass(frozen=True, slots=True)
class Tract:
    """A portal tract: its outline and the portal vein, bile ducts and arteries in it."""

    x: float
    y: float
    radius: float
    outline: np.ndarray
    vein: Ring
    ducts: tuple[Ring, ...]
    arteries: tuple[Ring, ...]


@dataclass(frozen=True, slots=True)
class Lobules:
    """All that is not parenchyma, and what tells where in its lobule a cell lies."""

    veins: tuple[Ring, ...]
    tracts: tuple[Tract, ...]
    septa: tuple[np.ndarray, ...]

    @property
    def vein_centres(self) -> np.ndarray:
        return np.array([(v.x, v.y) for v in self.veins])

    @property
    def tract_centres(self) -> np.ndarray:
        return np.array([(t.x, t.y) for t in self.tracts])


def build_lobules(recipe: SlideRecipe) -> Lobules:
    """Lay lobules over the whole slide, turned and shifted by the seed."""
    rng = recipe.rng("lobules")
    centres, corners = _lattice(recipe.width_um, recipe.height_um, rng)
    veins = tuple(
        Ring(
            x,
            y,
            float(rng.uniform(16, 42)),
            float(rng.uniform(2, 4)),
            float(rng.uniform(1, 1.9)),
            rng.uniform(0, np.pi),
        )
        for x, y in centres
    )
    tracts = tuple(_tract(x, y, rng) for x, y in corners)
    return Lobules(veins, tracts, tuple(_septa(recipe, corners, rng)))


def _lattice(width_um: float, height_um: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Centres (central veins) and corners (portal tracts) of a jittered hexagonal lattice that covers the slide."""
    reach = np.hypot(width_um, height_um) / 2 + LOBULE_UM
    steps = int(np.ceil(reach / LOBULE_UM)) + 1
    j, i = np.mgrid[-steps : steps + 1, -steps : steps + 1]
    flat = np.c_[(i + 0.5 * (j % 2)).ravel(), (j * np.sqrt(0.75)).ravel()] * LOBULE_UM
    corner = LOBULE_UM / np.sqrt(3) * np.array([[np.cos(a), np.sin(a)] for a in np.deg2rad([30, 90])])
    corners = (flat[:, None] + corner).reshape(-1, 2)
    turn, shift = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5, 2) * LOBULE_UM
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([width_um, height_um]) / 2

    def place(points: np.ndarray, jitter: float) -> np.ndarray:
        moved = points @ rotation.T + shift + middle + rng.normal(0, jitter, points.shape)
        near = ((moved > -LOBULE_UM) & (moved < [width_um + LOBULE_UM, height_um + LOBULE_UM])).all(axis=1)
        return moved[near]

    return place(flat, 55), place(corners, 45)


def _tract(x: float, y: float, rng: np.random.Generator) -> Tract:
    """A star-shaped tract; the vein off its middle, ducts and arteries on the other side."""
    radius = float(np.clip(rng.lognormal(np.log(62), 0.3), 36, 110))
    turn = np.linspace(0, 2 * np.pi, 44, endpoint=False)
    waves, phase = np.array([2, 3, 5, 7, 11]), rng.uniform(0, 2 * np.pi, 5)
    star = 1 + (np.array([0.20, 0.16, 0.10, 0.06, 0.04]) * np.sin(turn[:, None] * waves + phase)).sum(axis=1)
    outline = np.array([x, y]) + radius * star[:, None] * np.c_[np.cos(turn), np.sin(turn)]
    side = rng.uniform(0, 2 * np.pi)
    toward = np.array([np.cos(side), np.sin(side)])

    def ring(distance: float, angle: float, lumen: float, wall: float, stretch: float) -> Ring:
        at = np.array([x, y]) + distance * radius * np.array([np.cos(side + angle), np.sin(side + angle)])
        return Ring(float(at[0]), float(at[1]), lumen, wall, stretch, float(rng.uniform(0, np.pi)))

    vein_at = np.array([x, y]) + 0.25 * radius * toward
    vein = Ring(
        float(vein_at[0]),
        float(vein_at[1]),
        float(radius * rng.uniform(0.24, 0.38)),
        3.0,
        float(rng.uniform(1.1, 2.0)),
        side,
    )
    ducts = tuple(
        ring(0.50, np.pi + spread, float(rng.uniform(2.5, 6.0)), 7.5, float(rng.uniform(1, 1.5)))
        for spread in rng.uniform(-0.9, 0.9, int(1 + (radius > 65)))
    )
    arteries = (
        ring(0.55, 1.75 + rng.uniform(-0.2, 0.2), float(rng.uniform(2.5, 5.0)), float(rng.uniform(4, 6)), 1.15),
    )
    return Tract(float(x), float(y), radius, outline, vein, ducts, arteries)


def _septa(recipe: SlideRecipe, corners: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Thin fibrous bands between neighbouring tracts; how many is the patient's own matter, and no grade here."""
    share = max(0.0, recipe.patient_rng("fibrosis").uniform(-0.25, 0.3))
    septa = []
    for a in range(len(corners)):
        for b in range(a + 1, len(corners)):
            if np.linalg.norm(corners[a] - corners[b]) < 0.75 * LOBULE_UM and rng.random() < share:
                septa.append(_band(corners[a], corners[b], rng))
    return septa


def _band(start: np.ndarray, end: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A bent band of uneven width from one point to another, as a closed outline."""
    t = np.linspace(0, 1, 40)
    along = end - start
    normal = np.array([-along[1], along[0]]) / np.linalg.norm(along)
    bend = rng.normal(0, 35) * np.sin(np.pi * t) + rng.normal(0, 10) * np.sin(3 * np.pi * t)
    middle = start + t[:, None] * along + bend[:, None] * normal
    half = rng.uniform(4, 11) * (1 + 0.25 * np.sin(t * rng.uniform(8, 25) + rng.uniform(0, 6)))
    return np.r_[middle + half[:, None] * normal, (middle - half[:, None] * normal)[::-1]]
