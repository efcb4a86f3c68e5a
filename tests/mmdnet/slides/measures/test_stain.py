"""A stain is proposed from colours where they tell it, and from no others."""

import cv2
import numpy as np
import pytest

from mmdnet.simulate.recipes import STAINS as DRAWN
from mmdnet.simulate.recipes import SlideRecipe
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.slides.facts import HE, MASSON, SIRIUS_RED, STAINS
from mmdnet.slides.measures.stain import CERTAIN, propose_stain
from tests.small_lab import draw_tissue

# Optical densities after Ruifrok & Johnston 2001 and ImageJ's Colour Deconvolution.
PICRIC, SIRIUS, PONCEAU, ANILINE = (0.03, 0.17, 0.98), (0.10, 0.75, 0.65), (0.10, 0.74, 0.67), (0.80, 0.59, 0.11)
HAEMATOXYLIN, DAB, SCHIFF = (0.65, 0.70, 0.29), (0.27, 0.57, 0.78), (0.18, 0.98, 0.11)


def painted(seed: int, *dyes: tuple[tuple[float, float, float], float, float]) -> np.ndarray:
    """A patch of (dye, share of the patch, mean optical density) each, in clouds over each other."""
    chance, density = np.random.default_rng(seed), np.zeros((240, 240, 3))
    for dye, share, amount in dyes:
        cloud = cv2.GaussianBlur(chance.normal(0, 1, (240, 240)), (0, 0), 10)
        there = (cloud > np.quantile(cloud, 1 - share)) * chance.uniform(0.6 * amount, 1.4 * amount, (240, 240))
        density += cv2.GaussianBlur(there, (0, 0), 1)[..., None] * np.array(dye) / np.linalg.norm(dye)
    return (245 * np.exp(-density - chance.normal(0, 0.02, (240, 240, 1)).clip(0))).astype(np.uint8)


def tiles(picture: np.ndarray) -> list[np.ndarray]:
    rows, cols = (range(0, max(1, side - 298), 299) for side in picture.shape[:2])
    return [np.ascontiguousarray(picture[y : y + 299, x : x + 299]) for y in rows for x in cols]


@pytest.mark.parametrize("stain", DRAWN)
def test_drawn_slides_of_a_site_and_run_never_looked_at_are_told_right(stain):
    scene = build_scene(
        SlideRecipe(seed=103, stain=stain, site="Unseen", staining_run="U7", width_px=1600, height_px=1600, artefacts=0)
    )
    tracts = scene.lobules.tract_centres / scene.recipe.mpp  # collagen, by which trichromes are told apart
    x, y = tracts[np.linalg.norm(tracts - 800, axis=1).argmin()].round().astype(int)
    proposal = propose_stain(tiles(render_field(scene, max(0, x - 300), max(0, y - 300), 600, 600)))
    assert proposal.stain == stain and CERTAIN <= proposal.certainty <= 1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("dyes", "stain"),
    [
        (((PICRIC, 0.9, 0.6), (SIRIUS, 0.1, 1.0)), SIRIUS_RED),
        (((PONCEAU, 0.75, 0.8), (ANILINE, 0.2, 1.2), (HAEMATOXYLIN, 0.05, 1.2)), MASSON),
        (((DAB, 0.3, 1.0), (HAEMATOXYLIN, 0.6, 0.5)), None),
        (((SCHIFF, 0.8, 0.6), (HAEMATOXYLIN, 0.1, 1.2)), None),
        (((PONCEAU, 0.9, 0.8), (HAEMATOXYLIN, 0.05, 1.2)), None),  # red without any collagen: Masson's or Goldner's
    ],
    ids=["Sirius red", "Masson", "DAB", "PAS", "some trichrome"],
)
def test_dyes_mixed_as_the_literature_has_them_are_told_or_not_sure(seed, dyes, stain):
    proposal = propose_stain([painted(10 * seed + number, *dyes) for number in range(4)])
    assert proposal.stain == stain and (proposal.certainty >= CERTAIN) == (stain is not None)


def test_glass_pen_and_nothing_at_all_are_not_sure(tmp_path):
    pen = np.full((240, 240, 3), 244, np.uint8)
    pen[:, 60:] = (25, 45, 130)
    for patches in ([], [np.full((240, 240, 3), 244, np.uint8)], [pen] * 5):
        assert propose_stain(patches).stain is None
    tissue = cv2.imread(str(draw_tissue(tmp_path / "a.png")))[100:700, 100:700, ::-1]
    assert propose_stain([*tiles(tissue), pen]) == propose_stain(tiles(tissue))


def test_real_tissue_is_told_right(real_data):
    for number in (1, 2, 3):
        fields = cv2.imread(str(real_data / "liver_he" / f"tile0{number}_HE.jpg"))[:600, :600, ::-1]
        assert propose_stain(tiles(fields)).stain == HE
    for file in sorted((real_data / "trichrome_tiles").glob("*.png")):
        assert propose_stain([cv2.imread(str(file))[..., ::-1]]).stain == MASSON, file.name
    told = [
        propose_stain(tiles(cv2.imread(str(file))[:600, :600, ::-1])).stain
        for file in sorted((real_data / "artefact_tiles").glob("*nuclei-score*.png"))  # H&E, some under pen
    ]
    assert set(told) <= {HE, None} and told.count(HE) >= 0.7 * len(told)


def test_each_stain_that_is_proposed_is_one_that_people_are_offered():
    assert {HE, MASSON, SIRIUS_RED, *DRAWN} == set(STAINS)
