"""Each artefact is found on every stain, and what only looks like one is left in peace."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from benchmarks import artefacts
from mmdnet.simulate import ArtefactPlace, SlideRecipe
from mmdnet.simulate.recipes import STAINS
from mmdnet.simulate.scanning.artefacts import KINDS
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.truth import truth_of
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.measures.quality import assess, edge_shares, usual_of
from mmdnet.slides.measures.tissue import Tissue

SIDE = 299
CORNERS = [(x, y) for y in range(290, 900, SIDE) for x in range(290, 900, SIDE)]
PLAIN = CORNERS[5]  # parenchyma, hardly any portal tract


@cache
def scene_of(stain: str, steatosis: int):
    return build_scene(
        SlideRecipe(
            seed=41 + steatosis,
            stain=stain,
            grades={"steatosis": steatosis},
            width_px=1500,
            height_px=1500,
            artefacts=0,
        )
    )


def seen(scene) -> list[np.ndarray]:
    return [render_field(scene, x, y, SIDE, SIDE) for x, y in CORNERS]


@cache
def clean(stain: str, steatosis: int):
    patches = seen(scene_of(stain, steatosis))
    return patches, usual_of(patches, 0.5)


def half_covered(kind: str, look: float, x_px0: int, y_px0: int) -> ArtefactPlace:
    """An artefact over the left part of a patch: a disc for a bubble, else a band."""
    x, y, side = x_px0 * 0.5, y_px0 * 0.5, SIDE * 0.5
    turn = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    disc = np.array([x, y + side / 2]) + 0.6 * side * np.c_[np.cos(turn), np.sin(turn)]
    band = np.array([[x, y - 20], [x + side / 2, y - 20], [x + side / 2, y + side + 20], [x, y + side + 20]])
    return ArtefactPlace(kind, disc if kind == "bubble" else band, look)


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("kind", KINDS)
def test_each_artefact_is_found_and_named_on_each_stain(kind, stain):
    scene, usual = scene_of(stain, 1), clean(stain, 1)[1]
    for look in (0.1, 0.4, 0.6, 0.9):  # of pen: the four inks
        marred = replace(scene, artefacts=(half_covered(kind, look, *PLAIN),))
        share = truth_of(marred).shares(*PLAIN, SIDE)[kind]
        assert share > 0.4
        quality = assess(render_field(marred, *PLAIN, SIDE, SIDE), 0.5, usual)
        assert quality.set_aside == kind
        assert getattr(quality, f"{kind}_share") == pytest.approx(share, abs=0.3)


@pytest.mark.parametrize("stain", STAINS)
@pytest.mark.parametrize("steatosis", [0, 3])
def test_clean_tissue_is_used_fat_and_portal_tracts_included(stain, steatosis):
    patches, usual = clean(stain, steatosis)
    assert [assess(patch, 0.5, usual).set_aside for patch in patches] == [None] * len(patches)


def test_dense_collagen_is_neither_pen_nor_fold():
    for stain in STAINS:
        scene = scene_of(stain, 1)
        usual = clean(stain, 1)[1]
        truth = truth_of(scene)
        corners = [(x, y) for y in range(200, 1100, 60) for x in range(200, 1100, 60)]
        portal = max(corners, key=lambda corner: truth.shares(*corner, SIDE)["portal"])
        assert truth.shares(*portal, SIDE)["portal"] > 0.25
        assert assess(render_field(scene, *portal, SIDE, SIDE), 0.5, usual).set_aside is None


@pytest.mark.parametrize("change", ["soft optics", "dim lamp", "yellow light", "thick section", "strong compression"])
def test_what_the_whole_slide_has_is_no_artefact(change):
    def altered(patch: np.ndarray) -> np.ndarray:
        if change == "soft optics":
            return cv2.GaussianBlur(patch, (0, 0), 1.4)
        if change == "strong compression":
            return cv2.imdecode(cv2.imencode(".jpg", patch, [cv2.IMWRITE_JPEG_QUALITY, 35])[1], cv2.IMREAD_COLOR)
        light = np.minimum(patch / 245.0, 1)
        light = light**1.4 if change == "thick section" else light
        factor = {"dim lamp": 0.86, "yellow light": np.array([1, 0.97, 0.88])}.get(change, 1.0)
        return (light * 245 * factor).astype(np.uint8)

    patches = [altered(patch) for patch in clean("H&E", 2)[0]]
    usual = usual_of(patches, 0.5)
    assert [assess(patch, 0.5, usual).set_aside for patch in patches] == [None] * len(patches)
    assert assess(cv2.GaussianBlur(patches[0], (0, 0), 6.0), 0.5, usual).set_aside == "blur"


def test_a_slide_out_of_focus_as_a_whole_is_not_taken_for_usual():
    patches = [cv2.GaussianBlur(patch, (0, 0), 6.0) for patch in clean("H&E", 1)[0]]
    usual = usual_of(patches, 0.5)
    assert {assess(patch, 0.5, usual).set_aside for patch in patches} == {"blur"}


def test_what_is_usual_does_not_depend_on_the_order_and_an_empty_slide_has_a_default():
    patches = clean("H&E", 1)[0]
    assert usual_of(patches, 0.5) == usual_of(patches[::-1], 0.5)
    glass = np.full((SIDE, SIDE, 3), 240, np.uint8)
    assert assess(glass, 0.5, usual_of([], 0.5)).set_aside == "blank"
    assert assess(glass, 0.5, usual_of([glass], 0.5)).focus is None


def test_a_measure_is_the_same_whatever_the_patch_scale():
    patch, usual = clean("H&E", 2)[0][0], clean("H&E", 2)[1]
    finer = cv2.resize(patch, (598, 598), interpolation=cv2.INTER_CUBIC)
    coarse, fine = assess(patch, 0.5, usual).measures(), assess(finer, 0.25, usual).measures()
    assert fine == pytest.approx(coarse, abs=0.08)


def test_edge_is_what_lies_off_the_tissue_or_at_its_border_but_not_at_the_scans_end():
    mask = np.zeros((100, 100), bool)
    mask[:, :50] = True  # tissue up to x = 400 µm, at 8 µm/px
    tissue = Tissue(mask, 8.0, (0.5, 0.5), 0.0, None)
    grid = PatchGrid((0, 0), 200, 0.5, 0.5, 0.5)  # 100 µm
    corners_um = (0, 300, 350, 500)
    places = [PatchPlace(0, 0, round(x / 0.5), 0, 1.0) for x in corners_um]
    assert edge_shares(tissue, places, grid) == pytest.approx([0.0, 0.16, 0.66, 1.0], abs=1e-6)


def test_real_tiles_are_sorted_as_their_names_say(real_data):
    assert artefacts.run(quick=True).value >= 24


def test_blank_and_blurred_patches_are_set_aside():
    assert assess(np.full((299, 299, 3), 242, np.uint8)).set_aside == "blank"
    noise = np.random.default_rng(0).normal(0, 7, (299, 299, 1))
    image = np.clip(np.asarray((200, 130, 178)) + noise, 0, 255).astype(np.uint8)
    for x in range(20, 299, 40):
        cv2.circle(image, (x, 150), 6, (80, 40, 120), -1)
    assert assess(image).set_aside is None
    assert assess(cv2.GaussianBlur(image, (0, 0), 9)).set_aside == "blur"
