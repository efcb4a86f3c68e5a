"""Painting: what is seen is what the truth says, and windows meet without a seam."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmdnet.simulate import ArtefactPlace
from mmdnet.simulate.paint import MARGIN_UM, margin_px, paint
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.texture import Window


def _middle(made, size=600):
    return Window(made.recipe.width_px // 2 - size // 2, made.recipe.height_px // 2 - size // 2, size, size, 0.5)


def test_painted_fat_covers_the_area_the_truth_says(made):
    window = _middle(made)
    painted = paint(made.scene, window)
    share = (painted.fat > 127).sum() / (painted.tissue > 127).sum()
    truth = made.truth.patch_grades(window.x_px, window.y_px, window.width)["fat_area_share"]
    assert share == pytest.approx(truth, rel=0.04)


def test_fat_is_bright_and_foci_are_dark(made):
    window = _middle(made)
    image = render_field(made.scene, window.x_px, window.y_px, window.width, window.height)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(float)
    fat = cv2.erode((paint(made.scene, window).fat > 127).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.median(grey[fat]) > 220
    nuclear = []
    for x, y, radius in made.truth.foci:
        left, top, side = int((x - radius) / 0.5), int((y - radius) / 0.5), int(2 * radius / 0.5)
        patch = render_field(made.scene, left, top, side, side)
        nuclear.append((patch[..., 0] < 150).mean())
    assert np.mean(nuclear) > 0.4
    assert (image[..., 0] < 150).mean() < 0.25


def test_a_ballooned_cell_is_paler_than_its_surroundings(made):
    paler = []
    for x, y, radius in made.truth.ballooned:
        side = int(4 * radius / 0.5)
        patch = render_field(made.scene, int((x - 2 * radius) / 0.5), int((y - 2 * radius) / 0.5), side, side)
        away = np.hypot(*(np.mgrid[0:side, 0:side] - side / 2)) * 0.5 / radius
        ring = (away > 0.45) & (away < 0.85)
        paler.append(np.median(patch[ring][:, 1].astype(float)))
    whole = render_field(made.scene, 300, 300, 600, 600)
    cytoplasm = np.median(whole[whole[..., 1] < 215][:, 1])
    assert np.mean(np.array(paler) > cytoplasm) > 0.8


def _edge_px(made):
    """Where the tissue's left edge is, in the middle row."""
    outline = made.scene.outlines[0] / made.recipe.mpp
    middle = outline[np.abs(outline[:, 1] - made.recipe.height_px / 2) < 60]
    return int(middle[:, 0].min())


@pytest.mark.parametrize("where", ["inside", "edge", "artefact"])
def test_two_windows_meet_without_a_seam(made, where):
    scene, left, top = made.scene, 400, made.recipe.height_px // 2 - 100
    if where == "edge":
        left = _edge_px(made) - 150
    if where == "artefact":
        box = np.array([[230, 250], [300, 250], [300, 400], [230, 400]], float)
        kinds = ("fold", "blur", "bubble", "pen")
        scene = replace(scene, artefacts=tuple(ArtefactPlace(kind, box + 9 * k, 0.4) for k, kind in enumerate(kinds)))
    whole = render_field(scene, left, top, 300, 200)
    parts = [render_field(scene, left + part, top, 150, 200) for part in (0, 150)]
    assert np.abs(whole.astype(int) - np.concatenate(parts, axis=1)).max() <= 2


def test_glass_alone_is_painted_as_nothing(made):
    assert paint(made.scene, Window(-400, -400, 100, 100, 0.5)) is None


def test_the_margin_covers_the_largest_stamp():
    assert margin_px(0.5) >= MARGIN_UM / 0.5
