"""Stains: which light each dye takes away (Beer-Lambert)."""

import zlib

import cv2
import numpy as np

from mmdnet.simulate.recipes import GOLDNER, HE, MASSON, SlideRecipe

# Optical density per unit of dye in red, green and blue light. Rows: nuclei, cytoplasm, collagen, red cells. Set by eye
# and by mean colours of real tissue (H&E: nuclei 93/63/120, cytoplasm 200/145/185; Masson: cytoplasm 130/55/110,
# collagen 110/80/150).
_DENSITY = {
    HE: ((0.98, 1.25, 0.68), (0.11, 0.42, 0.21), (0.08, 0.34, 0.17), (0.08, 0.98, 0.60)),
    MASSON: ((1.05, 1.45, 0.85), (0.46, 1.36, 0.66), (0.92, 0.98, 0.34), (0.30, 1.90, 1.35)),
    GOLDNER: ((1.10, 1.35, 1.00), (0.26, 0.98, 0.80), (0.98, 0.36, 0.62), (0.22, 1.50, 1.55)),
}


def stain_density(recipe: SlideRecipe) -> np.ndarray:
    """Optical density per dye on this slide, shape (4, 3): sections differ in thickness and staining time.

    Hue and strength vary a little from slide to slide, more from one staining run to another and most between sites.
    """
    site = np.random.default_rng([sum(map(ord, recipe.site)), 3])
    slide = recipe.rng("stain")
    strength = site.uniform(0.94, 1.16, 4) * slide.normal(1, 0.05, 4) * slide.uniform(0.93, 1.07)
    hue = 1 + site.normal(0, 0.05, (4, 3)) + slide.normal(0, 0.02, (4, 3))
    if recipe.staining_run:
        run = np.random.default_rng([zlib.crc32(recipe.staining_run.encode()), 13])
        strength = strength * run.normal(1, 0.07, 4) * run.uniform(0.90, 1.10)
        hue = hue * (1 + run.normal(0, 0.03, (4, 3)))
    return (np.array(_DENSITY[recipe.stain]) * hue * strength[:, None]).astype(np.float32)


def light_through(dye: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Share of the light that passes, float32 of shape (h, w, 3), 0-1.

    Args:
        dye: shape (4, h, w).
        density: optical density per dye, shape (4, 3).
    """
    optical = cv2.transform(cv2.merge(list(dye)), np.ascontiguousarray(-density.T))
    return cv2.exp(np.minimum(optical, 0, out=optical))
