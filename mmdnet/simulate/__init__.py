"""Liver slides with known truth: drawn in micrometres, stained, scanned, written as slides any reader opens.

The way of a slide: `recipes` (what is wanted) -> `scene` (what lies where, in µm: `outline`, `lobules`, `cells`,
`lesions`, `nuclei`) -> `paint` (how much dye each pixel binds) -> `scanning`: `stain` (which light passes) ->
`artefacts` and `scanner` (what a scanner makes of it) -> `write` (the pyramid); and `truth` (what was drawn). `slide`
walks it.
"""

from mmdnet.simulate.recipes import (
    DomainRecipes,
    SlideRecipe,
    demo_recipes,
    domain_recipes,
    training_recipes,
)
from mmdnet.simulate.slide import simulate_many, simulate_slide
from mmdnet.simulate.truth import ArtefactPlace, SlideTruth, load_truth

__all__ = [
    "ArtefactPlace",
    "DomainRecipes",
    "SlideRecipe",
    "SlideTruth",
    "demo_recipes",
    "domain_recipes",
    "load_truth",
    "simulate_many",
    "simulate_slide",
    "training_recipes",
]
