"""Simulated slides to train on, drawn on first use and kept: for the demo model, experiments and benchmarks."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmdnet.bags.cohort import Cohort
from mmdnet.nn.card import ModelCard
from mmdnet.progress import Progress, silent
from mmdnet.simulate.recipes import SlideRecipe, training_recipes
from mmdnet.simulate.slide import simulate_many
from mmdnet.training.simulated import StoredSource, simulated_cohort


class Drawn(NamedTuple):
    """Slide files in the order of the cohort's slides, the cohort of all their patches, and its pixels."""

    paths: list[Path]
    cohort: Cohort
    pixels: StoredSource

    def tested(self, card: ModelCard) -> list[int]:
        """Indices of the slides that a model trained on this cohort was tested on."""
        test = set(card.split["test"])
        return [index for index, slide in enumerate(self.cohort.slides) if slide.slide_id in test]


def draw(recipes: Sequence[SlideRecipe], folder: Path, progress: Progress = silent) -> list[Path]:
    """The recipes' slides with their truth; those already there are kept (a recipe gives the same bytes).

    A slide of that name that was drawn from another recipe is drawn anew.
    """
    missing = [recipe for recipe in recipes if not _is_drawn(folder / f"{recipe.name}.tiff", recipe)]
    simulate_many(missing, folder, processes=min(4, os.cpu_count() or 1), progress=progress)
    return [folder / f"{recipe.name}.tiff" for recipe in recipes]


def _is_drawn(path: Path, recipe: SlideRecipe) -> bool:
    truth = path.with_suffix(".truth.json")
    if not path.exists() or not truth.exists():
        return False
    wanted = json.dumps(recipe.to_json(), separators=(",", ":"))
    with truth.open(encoding="utf-8") as record:  # large: the recipe stands in its first lines
        return f'"recipe":{wanted},' in record.read(len(wanted) + 200)


def draw_cohort(slides: int, seed: int, home: Path, progress: Progress = silent) -> Drawn:
    """A cohort of training slides, two of each patient, in `home`.

    Args:
        slides: how many.
        seed: of the slides.
        home: folder of slides and decoded patches.
        progress: told the share of the missing slides drawn.

    Raises:
        LabError: a slide could not be drawn or read.
    """
    return cohort_of(training_recipes(slides, seed), home, progress)


def cohort_of(recipes: Sequence[SlideRecipe], home: Path, progress: Progress = silent) -> Drawn:
    """The cohort of these recipes' slides, drawn and decoded in `home`.

    Raises:
        LabError: a slide could not be drawn or read.
    """
    paths = draw(recipes, home / "slides", progress)
    return Drawn(paths, *simulated_cohort(paths, home / "patches"))
