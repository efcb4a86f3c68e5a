import numpy as np
import pytest

from mmdnet.simulate.ground import MAP_UM, draw_ground
from mmdnet.simulate.lobules import Lobules, Ring

SQUARE = np.array([[40.0, 40], [360, 40], [360, 360], [40, 360]])
VEIN = Ring(200.0, 200.0, 30.0, 4.0, 1.0, 0.0)


def test_depth_is_the_distance_to_what_is_no_parenchyma_in_um():
    ground = draw_ground(400, 400, [SQUARE], Lobules((), (), ()))
    assert ground.depth_at(np.array([[200.0, 200.0]]))[0] == pytest.approx(160, abs=2 * MAP_UM)
    assert ground.depth_at(np.array([[10.0, 10.0], [-50.0, 9999.0]])).tolist() == [0, 0]


def test_a_vein_is_no_parenchyma_but_tissue():
    ground = draw_ground(400, 400, [SQUARE], Lobules((VEIN,), (), ()))
    inside = np.array([[200.0, 200.0]])
    assert ground.depth_at(inside)[0] == 0
    assert ground.tissue[int(200 / MAP_UM), int(200 / MAP_UM)]
    assert ground.depth_at(np.array([[250.0, 200.0]]))[0] < 25


def test_points_near_tissue_are_found_within_the_distance():
    ground = draw_ground(400, 400, [SQUARE], Lobules((), (), ()))
    points = np.array([[200.0, 200.0], [390.0, 200.0], [20.0, 20.0]])
    assert ground.near_tissue(points, 4).tolist() == [True, False, False]
    assert ground.near_tissue(points, 60).tolist() == [True, True, True]
