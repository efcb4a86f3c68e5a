"""Drawn exemplars: a patch that shows one grade of one feature, with grade 0 of the others and known truth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mmdnet.errors import LabError
from mmdnet.simulate.recipes import DRAWN_TASKS, SlideRecipe
from mmdnet.simulate.scene import build_scene
from mmdnet.simulate.slide import render_field
from mmdnet.simulate.truth import SlideTruth, truth_of
from mmdnet.slides.geometry import PATCH_PX

SLIDE_PX = 1200
STEP_PX = 40
EDGE_PX = 30  # what is counted lies this far within the patch, and nothing more so far around it
LEAST_TISSUE, MOST_PORTAL = 0.98, 0.05
SEEDS = 40
LESIONS = (1.0, 2.0, 3.5, 6.0)  # times what the slide's grade asks for, so that patches of the grade are easily met
LOOKS = (("Drawn 1", "Scanner A"), ("Drawn 2", "Scanner B"), ("Drawn 3", "Scanner C"))  # patient (stain depth), scanner


def drawn_exemplar(task: str, grade: int, number: int) -> np.ndarray:
    """One H&E patch of the simulator that shows a grade, by the definitions of `labels.grading`.

    Args:
        task: name of a feature the simulator draws.
        grade: of the patch; every other feature has grade 0 on it.
        number: 0 for the first, 1 for the next ...; the same number gives the same picture.

    Returns:
        uint8 RGB, shape (299, 299, 3).

    Raises:
        LabError: the simulator draws no such feature or grade.
    """
    known = {drawn.name: drawn for drawn in DRAWN_TASKS}
    if task not in known or not 0 <= grade <= known[task].highest or number < 0:
        raise LabError(f"There is no drawn exemplar {number} of {task} {grade}.")
    patient, scanner = LOOKS[number % len(LOOKS)]
    wanted = dict.fromkeys(known, 0) | {task: grade}
    of_slide = wanted if task == "steatosis" or not grade else wanted | {task: known[task].highest}
    first = SEEDS * (number + 100 * grade + 1000 * list(known).index(task))  # no two share a scene
    for seed in range(first, first + SEEDS):
        recipe = SlideRecipe(
            seed, patient, "Drawn", scanner, grades=of_slide, width_px=SLIDE_PX, height_px=SLIDE_PX, artefacts=0.0,
            lesions=LESIONS[grade],
        )  # fmt: skip
        scene = build_scene(recipe)
        truth = truth_of(scene)
        for x_px0, y_px0 in _windows():
            if _shows(truth, x_px0, y_px0, wanted):
                return render_field(scene, x_px0, y_px0, PATCH_PX, PATCH_PX)
    raise LabError(f"No patch of {task} {grade} could be drawn.")


def _windows() -> Iterator[tuple[int, int]]:
    """Upper left corners of patches on the slide, from its middle outwards."""
    last, middle = SLIDE_PX - PATCH_PX - EDGE_PX, (SLIDE_PX - PATCH_PX) // 2
    corners = np.mgrid[EDGE_PX:last:STEP_PX, EDGE_PX:last:STEP_PX].reshape(2, -1).T
    for x, y in corners[np.argsort(((corners - middle) ** 2).sum(axis=1), kind="stable")]:
        yield int(x), int(y)


def _shows(truth: SlideTruth, x_px0: int, y_px0: int, wanted: dict[str, int]) -> bool:
    """Whether a patch has these grades, clearly: nothing that counts, or would, lies on its edge."""
    for edge in (EDGE_PX, -EDGE_PX):
        seen = truth.patch_grades(x_px0 + edge, y_px0 + edge, PATCH_PX - 2 * edge)
        if any(seen[name] != grade for name, grade in wanted.items()):
            return False
    shares = truth.shares(x_px0, y_px0, PATCH_PX)
    return shares["tissue"] >= LEAST_TISSUE and shares["portal"] <= MOST_PORTAL
