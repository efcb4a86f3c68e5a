"""The whole slide as a vector scene in micrometres: everything that is drawn, and therefore everything that is true."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from mmdnet.errors import LabError
from mmdnet.labels.grading import FIELD_MM2
from mmdnet.simulate.cells import CELL_RADIUS_UM, Cells, Mesh, build_mesh, lay_cells, lobular_zone, make_room
from mmdnet.simulate.ground import MAP_UM, Ground, draw_ground
from mmdnet.simulate.lesions import (
    BALLOONED_APART_UM,
    FATTY_SHARE,
    FOCUS_APART_UM,
    ballooned_count,
    choose_fatty,
    count_of_density,
    fat_droplets,
    foci_count,
    scatter,
)
from mmdnet.simulate.lobules import Lobules, build_lobules
from mmdnet.simulate.nuclei import Nuclei, all_nuclei
from mmdnet.simulate.outline import tissue_outlines
from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.scanning.artefacts import ArtefactPlace, place_artefacts


@dataclass(frozen=True, slots=True)
class Scene:
    """All parts of a slide, lengths in µm.

    Attributes:
        droplets: shape (n, 5): x, y, long half axis, short half axis, angle.
        haze: 0 for a droplet in focus to 1 for one out of focus, shape (n,).
        foci: lobular foci, shape (n, 3): x, y, radius.
        ballooned: shape (n, 3): x, y, radius.
    """

    recipe: SlideRecipe
    outlines: tuple[np.ndarray, ...]
    lobules: Lobules
    ground: Ground
    cells: Cells
    mesh: Mesh
    droplets: np.ndarray
    haze: np.ndarray
    foci: np.ndarray
    ballooned: np.ndarray
    nuclei: Nuclei
    artefacts: tuple[ArtefactPlace, ...]

    @property
    def tissue_mm2(self) -> float:
        return float(self.ground.tissue.sum()) * MAP_UM**2 / 1e6

    @property
    def fields(self) -> float:
        """Tissue in 200x fields."""
        return self.tissue_mm2 / FIELD_MM2


def build_scene(recipe: SlideRecipe) -> Scene:
    """Lay out a slide: tissue, lobules, cells, lesions, nuclei, artefacts.

    Raises:
        LabError: the slide is too small to hold liver.
    """
    outlines = tissue_outlines(recipe)
    lobules = build_lobules(recipe)
    ground = draw_ground(recipe.width_um, recipe.height_um, outlines, lobules)
    points = lay_cells(recipe.width_um, recipe.height_um, ground, recipe.rng("cells"))
    if (ground.depth_at(points) > 0).sum() < 20:
        raise LabError("The simulated slide is too small to hold liver tissue. Make it at least 256 µm wide and high.")
    fields = float(ground.tissue.sum()) * MAP_UM**2 / 1e6 / FIELD_MM2
    points, foci = _place_foci(recipe, points, ground, fields)
    cells, wide = _cells_with_lesions(recipe, points, ground, lobules, fields)
    droplets, haze = _droplets(recipe, cells, wide, ground)
    ballooned = np.c_[cells.xy[cells.ballooned], cells.radius[cells.ballooned]]
    mesh = build_mesh(cells.xy, lobules, recipe.rng("mesh"))
    nuclei = all_nuclei(recipe, lobules, ground, cells, wide, mesh, foci)
    nuclei = nuclei.where(~_in_fat(nuclei.xy, droplets))
    artefacts = place_artefacts(recipe, outlines)
    return Scene(
        recipe, tuple(outlines), lobules, ground, cells, mesh, droplets, haze, foci, ballooned, nuclei, artefacts
    )


def _place_foci(
    recipe: SlideRecipe, points: np.ndarray, ground: Ground, fields: float
) -> tuple[np.ndarray, np.ndarray]:
    """Choose where lobular foci lie, away from tracts, veins and edges, and clear the hepatocytes they replace."""
    rng = recipe.rng("foci")
    if "inflammation" in recipe.densities:
        count = count_of_density(recipe.densities["inflammation"], fields)
    else:
        count = foci_count(recipe.wanted_grades()["inflammation"], fields, recipe.lesions, rng)
    weight = (ground.depth_at(points) > 42).astype(float)
    chosen = scatter(points, weight, count, FOCUS_APART_UM, recipe.clustering, rng)
    foci = np.c_[points[chosen], rng.uniform(11, 18, len(chosen))].reshape(-1, 3)
    if len(foci):
        distance, nearest = cKDTree(foci[:, :2]).query(points)
        points = points[distance > 0.75 * foci[nearest, 2]]
    return points, foci


def _cells_with_lesions(
    recipe: SlideRecipe, points: np.ndarray, ground: Ground, lobules: Lobules, fields: float
) -> tuple[Cells, np.ndarray]:
    """Decide which cell is what, then let them make room. Also returns each cell's large droplet's radius (0: none)."""
    grades, rng = recipe.wanted_grades(), recipe.rng("lesions")
    zone, _ = lobular_zone(points, lobules)
    depth = ground.depth_at(points)
    if "ballooning" in recipe.densities:
        count = count_of_density(recipe.densities["ballooning"], fields)
    else:
        count = ballooned_count(grades["ballooning"], fields, recipe.lesions, rng)
    liking = np.exp(-(((zone - 0.2) / 0.2) ** 2)) * (depth > 26)
    ballooned = np.zeros(len(points), bool)
    ballooned[scatter(points, liking, count, BALLOONED_APART_UM, recipe.clustering, rng)] = True

    living = depth > 0
    share = recipe.densities.get("steatosis")
    if share is None:
        share = rng.uniform(*FATTY_SHARE[grades["steatosis"]])
    fatty = np.zeros(len(points), bool)
    fatty[living] = choose_fatty(points[living], zone[living], ~ballooned[living], share, rng)
    habit = recipe.patient_rng("fat")
    macro = fatty & (rng.random(len(points)) < habit.uniform(0.62, 0.9))
    typical = habit.uniform(6.5, 8.8) + 1.2 * share
    droplet = np.where(macro, np.clip(rng.lognormal(np.log(typical), 0.36, len(points)), 3.2, 17), 0)
    clear = living & ~fatty & ~ballooned & (rng.random(len(points)) < habit.uniform(0.0, 0.02))

    radius = np.maximum(rng.normal(CELL_RADIUS_UM, 0.9, len(points)).clip(8.5, 13), droplet + 1.6)
    radius[ballooned] = rng.uniform(14, 20, int(ballooned.sum()))
    moved = make_room(points, radius)
    tone = rng.normal(1, 0.11, len(points))
    tone[clear] *= 0.55
    cells = Cells(
        xy=moved, seen=ground.depth_at(moved) > 0, zone=zone, fatty=fatty, macro=macro, ballooned=ballooned,
        clear=clear, radius=radius, tone=tone,
    )  # fmt: skip
    return cells, droplet


def _droplets(recipe: SlideRecipe, cells: Cells, wide: np.ndarray, ground: Ground) -> tuple[np.ndarray, np.ndarray]:
    """Droplets of the fatty cells; where large ones still overlap, both shrink until a wall fits between."""
    rng = recipe.rng("droplets")
    fat = np.flatnonzero(cells.fatty & cells.seen)
    radius = _shrink_overlaps(cells.xy[fat], wide[fat])
    droplets, _ = fat_droplets(cells.xy[fat], radius, cells.macro[fat], rng)
    droplets = droplets[ground.depth_at(droplets[:, :2]) > 0]
    haze = np.where(rng.random(len(droplets)) < 0.10, rng.uniform(0.3, 1, len(droplets)), 0.0)
    return droplets, haze


def _in_fat(points: np.ndarray, droplets: np.ndarray) -> np.ndarray:
    """True for points in a large droplet: no nucleus can lie there."""
    far_away = np.array([[-1e6, -1e6, 0, 0, 0], [-2e6, -2e6, 0, 0, 0]])  # so that there are always two to ask
    large = np.r_[droplets[droplets[:, 3] > 2.5], far_away]
    distance, nearest = cKDTree(large[:, :2]).query(points, k=2)
    return (distance - large[nearest, 3] < 0.3).any(axis=1)


def _shrink_overlaps(centres: np.ndarray, radius: np.ndarray, wall_um: float = 0.5) -> np.ndarray:
    """Radii reduced so that circles leave a thin wall between each other."""
    if len(centres) < 2:
        return radius
    i, j = cKDTree(centres).query_pairs(2 * max(radius.max(), 1) + wall_um, output_type="ndarray").T
    both = (radius[i] > 0) & (radius[j] > 0)
    i, j = i[both], j[both]
    distance = np.hypot(*(centres[i] - centres[j]).T)
    for _ in range(3):
        fit = np.minimum(1, (distance - wall_um).clip(2.0) / (radius[i] + radius[j]))
        factor = np.ones(len(radius))
        np.minimum.at(factor, i, fit)
        np.minimum.at(factor, j, fit)
        radius = radius * factor
    return radius
