import numpy as np
import pytest

from mmdnet.simulate.lobules import LOBULE_UM, Ring, build_lobules
from mmdnet.simulate.recipes import SlideRecipe


def test_veins_are_a_lobule_apart_and_tracts_lie_between_them():
    lobules = build_lobules(SlideRecipe(seed=2, width_px=8000, height_px=8000))
    between = np.linalg.norm(lobules.vein_centres[:, None] - lobules.vein_centres, axis=2)
    np.fill_diagonal(between, np.inf)
    assert np.median(between.min(axis=1)) == pytest.approx(LOBULE_UM, rel=0.2)
    to_tract = np.linalg.norm(lobules.vein_centres[:, None] - lobules.tract_centres, axis=2).min(axis=1)
    assert np.median(to_tract) == pytest.approx(LOBULE_UM / np.sqrt(3), rel=0.25)


def test_a_tract_holds_its_vein_ducts_and_arteries():
    tract = build_lobules(SlideRecipe(seed=2)).tracts[0]
    assert tract.ducts and tract.arteries
    for ring in (tract.vein, *tract.ducts, *tract.arteries):
        assert np.hypot(ring.x - tract.x, ring.y - tract.y) < tract.radius * 1.5


def test_a_rings_outline_grows_by_what_it_is_told():
    ring = Ring(10.0, 20.0, radius=30.0, wall=4.0, stretch=1.0, angle=0.0)
    near, far = (np.hypot(*(ring.outline(grow) - [10, 20]).T).mean() for grow in (0.0, 6.0))
    assert near == pytest.approx(30, rel=0.02)
    assert far - near == pytest.approx(6, rel=0.05)
