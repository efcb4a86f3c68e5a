"""Simulated slides with their true grades and densities and what a model says of them: to calibrate on and to judge."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.experiments.simulated_cohorts import draw
from mmdnet.files import write_aside
from mmdnet.labels.grading import slide_ballooning_grade, slide_inflammation_grade, steatosis_grade
from mmdnet.progress import Progress, silent
from mmdnet.scoring.calibration.fit import GradedSlide
from mmdnet.scoring.fields import FIELD_PATCHES
from mmdnet.scoring.predict import SlideFeatures
from mmdnet.scoring.slide import embed_slide, evidence_of
from mmdnet.simulate.cohorts import CohortPlan, cohort_recipes
from mmdnet.simulate.truth import load_truth
from mmdnet.slides.measures.quality import assess, edge_shares, usual_on
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.readers.open import open_slide

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet

APART = 10_000  # columns between the slides of a patient that are laid beside each other


@dataclass(frozen=True)
class Position:
    """Where a patch lies on a grid, and how much of it is tissue."""

    row: int
    col: int
    tissue_share: float


@dataclass(frozen=True)
class GridSize:
    """Size of a slide's patches."""

    patch_px: int
    patch_mpp: float


@dataclass(frozen=True)
class SeenSlide:
    """A drawn slide as a model's backbone sees it.

    Attributes:
        patient: whose it is.
        features: of its patches; NaN where a patch was set aside.
        positions: of its patches.
        grid: size of its patches.
        densities: true, by task name.
        tissue_mm2: drawn.
    """

    patient: str
    features: SlideFeatures
    positions: tuple[Position, ...]
    grid: GridSize
    densities: dict[str, float]
    tissue_mm2: float


def seen_cohort(
    plan: CohortPlan, model: MMDNet, card: ModelCard, home: Path, progress: Progress = silent
) -> list[SeenSlide]:
    """The slides of a plan, drawn, their patches judged as at registration and embedded; kept in `home`."""
    recipes = cohort_recipes(plan)
    paths = draw(recipes, home / "slides", progress)
    folder = home / "features" / card.weights_sha256[:16]
    folder.mkdir(parents=True, exist_ok=True)
    seen = []
    for number, (recipe, path) in enumerate(zip(recipes, paths, strict=True)):
        seen.append(_see(recipe.patient, path, model, folder / f"{path.stem}.npz"))
        progress((number + 1) / len(paths), f"{number + 1} of {len(paths)} slides read")
    return seen


def _see(patient: str, path: Path, model: MMDNet, kept: Path) -> SeenSlide:
    truth = load_truth(path)
    if not kept.exists():
        _keep(path, model, kept)
    with np.load(kept) as table:
        features = SlideFeatures(table["values"].astype(np.float32), {})
        positions = tuple(
            Position(int(row), int(col), float(share))
            for row, col, share in zip(table["row"], table["col"], table["share"], strict=True)
        )
        side = GridSize(int(table["patch_px"]), float(table["patch_mpp"]))
    return SeenSlide(patient, features, positions, side, truth.densities, truth.tissue_mm2)


def _keep(path: Path, model: MMDNet, kept: Path) -> None:
    """Lay a slide's patches, judge them as a registration does, and keep the features of those that can be used."""
    with open_slide(path) as reader:
        tissue = find_tissue(reader)
        grid, places = lay_patches(reader, tissue)
        usual, edges = usual_on(reader, places, grid), edge_shares(tissue, places, grid)
        usable = [
            (index, pixels)
            for index, pixels in reader.read_patches(places, grid)
            if isinstance(pixels, np.ndarray) and not assess(pixels, grid.patch_mpp, usual, edges[index]).set_aside
        ]
    whole = io.BytesIO()
    np.savez(
        whole,
        values=embed_slide(model, usable, len(places)).values.astype(np.float16),
        row=[place.row for place in places],
        col=[place.col for place in places],
        share=[place.tissue_share for place in places],
        patch_px=grid.patch_px,
        patch_mpp=grid.patch_mpp,
    )
    write_aside(kept, whole.getvalue())  # it appears whole or not at all: a run that is stopped goes on from here


def graded(slides: Sequence[SeenSlide], model: MMDNet, card: ModelCard) -> tuple[GradedSlide, np.ndarray]:
    """One or several slides of a patient as one: graded by all that was drawn on them; and their mean feature."""
    positions = [
        Position(place.row, place.col + APART * number, place.tissue_share)
        for number, slide in enumerate(slides)
        for place in slide.positions
    ]
    features = SlideFeatures(np.concatenate([slide.features.values for slide in slides]), {})
    evidence, mean = evidence_of(model, card, features, positions, slides[0].grid, "cpu", FIELD_PATCHES)
    weight = [slide.tissue_mm2 for slide in slides]
    densities = {
        name: float(np.average([slide.densities[name] for slide in slides], weights=weight))
        for name in slides[0].densities
    }
    grades = {
        "ballooning": slide_ballooning_grade(densities["ballooning"]),
        "inflammation": slide_inflammation_grade(densities["inflammation"]),
        "steatosis": steatosis_grade(densities["steatosis"]),
    }
    return GradedSlide(slides[0].patient, slides[0].patient, evidence, grades, densities), mean
