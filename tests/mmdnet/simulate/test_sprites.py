import numpy as np
import pytest

from mmdnet.simulate.sprites import KINDS, VARIANTS, nucleus_sprites


@pytest.mark.parametrize("mpp", [0.25, 0.5])
def test_every_kind_has_its_variants_with_odd_sides_and_clear_corners(mpp):
    sprites = nucleus_sprites(mpp)
    assert [len(pictures) for pictures in sprites] == [VARIANTS[kind] for kind in KINDS]
    for picture in (picture for pictures in sprites for picture in pictures):
        assert picture.dtype == np.uint8 and picture.shape[0] % 2 == picture.shape[1] % 2 == 1
        assert picture[0, 0] == 0 and picture.max() > 60


def test_a_nucleus_is_as_large_in_um_whatever_the_pixels():
    fine, coarse = nucleus_sprites(0.25)[0][0], nucleus_sprites(0.5)[0][0]
    assert (fine > 60).sum() * 0.25**2 == pytest.approx((coarse > 60).sum() * 0.5**2, rel=0.25)
