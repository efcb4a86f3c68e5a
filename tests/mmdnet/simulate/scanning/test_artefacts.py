"""Artefacts: where they lie and what they do to the picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmdnet.simulate import ArtefactPlace, SlideRecipe
from mmdnet.simulate.scanning.artefacts import KINDS, place_artefacts
from mmdnet.simulate.slide import render_field


def test_a_recipe_without_artefacts_has_none_and_one_with_many_has_all_kinds():
    outline = [np.array([[100, 100], [1900, 100], [1900, 1900], [100, 1900]], float)]
    assert place_artefacts(SlideRecipe(seed=1, artefacts=0), outline) == ()
    places = place_artefacts(SlideRecipe(seed=1, artefacts=60), outline)
    assert {place.kind for place in places} == set(KINDS)


def _sharpness(image):
    return cv2.Laplacian(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()


@pytest.mark.parametrize("kind", KINDS)
def test_an_artefact_changes_the_picture_inside_its_outline_only(made, kind):
    box = np.array([[300, 300], [380, 300], [380, 380], [300, 380]], float)
    marred = replace(made.scene, artefacts=(ArtefactPlace(kind, box, 0.5),))
    inside = [render_field(scene, 620, 620, 120, 120) for scene in (made.scene, marred)]
    outside = [render_field(scene, 400, 400, 120, 120) for scene in (made.scene, marred)]
    assert np.array_equal(outside[0], outside[1])
    before, after = inside
    if kind == "blur":
        assert _sharpness(after) < 0.3 * _sharpness(before)
    elif kind == "bubble":
        assert after.std() < before.std()
    else:
        assert after.mean() < before.mean() - 15
