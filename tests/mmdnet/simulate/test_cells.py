"""Cells that make room, and the mesh between them."""

import numpy as np

from mmdnet.simulate.cells import make_room
from mmdnet.simulate.scene import Scene


def _overlap(points, radius):
    gap = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    wanted = radius[:, None] + radius[None]
    return np.triu(np.clip(wanted - gap, 0, None), 1).sum()


def test_swollen_cells_get_their_place():
    rng = np.random.default_rng(1)
    j, i = np.mgrid[0:15, 0:15]
    points = np.c_[(i + 0.5 * (j % 2)).ravel() * 23.0, j.ravel() * 20.0]
    radius = np.full(len(points), 10.0)
    radius[rng.choice(len(points), 20, replace=False)] = 17.0
    assert _overlap(make_room(points, radius), radius) < 0.25 * _overlap(points, radius)


def test_the_mesh_has_an_outline_for_nearly_every_hepatocyte(made):
    scene: Scene = made.scene
    corners = np.diff(scene.mesh.start)[scene.cells.seen]
    assert (corners >= 3).mean() > 0.99


def test_sinusoids_run_towards_the_central_veins(made):
    pieces = made.scene.mesh.sinusoids
    veins = made.scene.lobules.vein_centres
    middle, along = pieces[:, 2], pieces[:, 4] - pieces[:, 0]
    nearest = veins[np.hypot(*(middle[:, None] - veins[None]).transpose(2, 0, 1)).argmin(axis=1)]
    radial = middle - nearest
    cosine = np.abs((along * radial).sum(axis=1)) / (np.hypot(*along.T) * np.hypot(*radial.T) + 1e-9)
    assert np.median(cosine) > 0.8
