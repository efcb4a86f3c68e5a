import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mmdnet.simulate.recipes import STAINS, SlideRecipe
from mmdnet.simulate.scanning.stain import light_through, stain_density


@given(st.sampled_from(STAINS), st.integers(0, 50))
def test_more_dye_lets_less_light_through_and_none_lets_all(stain, seed):
    density = stain_density(SlideRecipe(seed=seed, stain=stain))
    assert density.shape == (4, 3) and (density > 0).all()
    dye = np.zeros((4, 1, 3), np.float32)
    dye[1, 0] = [0, 0.5, 1]
    none, some, much = light_through(dye, density)[0]
    assert np.allclose(none, 1)
    assert (some < none).all() and (much < some).all() and (much > 0).all()


def test_light_follows_beer_lambert():
    density = stain_density(SlideRecipe(seed=1))
    dye = np.full((4, 2, 2), 0.3, np.float32)
    assert np.allclose(light_through(dye, density)[0, 0], np.exp(-0.3 * density.sum(axis=0)), rtol=1e-4)


def test_sites_stain_differently_and_a_site_alike_each_time():
    north, again, west = (stain_density(SlideRecipe(seed=1, site=site)) for site in ("North", "North", "West"))
    assert np.array_equal(north, again)
    assert not np.allclose(north, west, rtol=0.01)


def test_slides_of_one_staining_run_share_its_colour_and_another_run_differs():
    def run_over_none(seed, run):
        return stain_density(SlideRecipe(seed=seed, staining_run=run)) / stain_density(SlideRecipe(seed=seed))

    assert np.allclose(run_over_none(1, "North run 1"), run_over_none(2, "North run 1"), rtol=1e-5)
    assert np.abs(run_over_none(1, "North run 1") - run_over_none(1, "North run 2")).max() > 0.03
