"""What a model's card says of where its backbone started from and of the slides it learnt from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdnet.bags.cohort import Cohort
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.labels.grading import TASKS, Task
from mmdnet.nn.card import BackboneOrigin, TrainedOn, read_card
from mmdnet.nn.recipe import WEIGHTS, origin_of
from mmdnet.nn.registry import backbone_entry
from mmdnet.training.config import TrainingConfig

RANDOM = "random weights"  # where a backbone started from, as a card says it


def backbone_origin(config: TrainingConfig, start: Path | None = None) -> BackboneOrigin:
    """Where a training's backbone starts from.

    Args:
        config: how it is trained.
        start: weights warmed up on the project's own patches, if any.
    """
    entry = backbone_entry(config.backbone)
    if config.weights and (fetched := origin_of(config.weights)):
        return BackboneOrigin(source=fetched.words, licence=fetched.licence, sha256=fetched.file_sha256)
    if config.weights:
        before = origin_beside(config.weights)
        source = f"the file {config.weights.name}" + (f", which started from {before.source}" if before else "")
        licence = before.licence if before else ""
        return BackboneOrigin(source=source, licence=licence, sha256=sha256_of(config.weights))
    if start:
        return BackboneOrigin(source="a warm-up without labels on the project's own patches")
    if entry and entry.packaged:
        packaged = entry.packaged
        source = f"{packaged.trained_on} weights of {packaged.package} {packaged.version}"
        return BackboneOrigin(source=source, licence=packaged.licence, sha256=packaged.sha256)
    return BackboneOrigin(source=RANDOM)


def origin_beside(weights: Path) -> BackboneOrigin | None:
    """What the card of the model says that a file of weights belongs to; None where there is none."""
    if weights.name != WEIGHTS:
        return None
    try:
        return read_card(weights.parent).backbone_origin
    except LabError:
        return None


def trained_on(cohort: Cohort, slides: Sequence[int]) -> TrainedOn:
    """What a model's card says of the slides it learnt from."""
    chosen = [cohort.slides[s] for s in slides]
    of_slides = np.isin(cohort.slide_index, slides)
    return TrainedOn(
        slides=len(chosen),
        patients=len({slide.person for slide in chosen}),
        graded_patches=int((of_slides & cohort.known() & ~cohort.synthetic).sum()),
        synthetic_patches=int((of_slides & cohort.synthetic).sum()),
        sites=tuple(sorted({slide.site for slide in chosen} - {""})),
        scanners=tuple(sorted({slide.scanner for slide in chosen} - {""})),
        stains=tuple(sorted({slide.stain for slide in chosen} - {""})),
        grades={task.name: _held(cohort, slides, t, task) for t, task in enumerate(TASKS)},
    )


def _held(cohort: Cohort, slides: Sequence[int], column: int, task: Task) -> tuple[int, ...]:
    """How many patches and slides of each grade of a task these slides hold."""
    of_patches = cohort.grades[np.isin(cohort.slide_index, slides) & ~cohort.ignored, column]
    of_slides = [grade for s in slides if (grade := cohort.slides[s].grades.get(task.name)) is not None]
    given = [*of_patches[of_patches >= 0], *of_slides]
    return tuple(int(number) for number in np.bincount(np.array(given, int), minlength=task.highest + 1))
