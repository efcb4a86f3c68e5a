"""A cohort out of simulated slides: what a tireless reader who knows the truth would have labelled."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN
from mmdnet.simulate.truth import SlideTruth, load_truth
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.slides.open import open_slide
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.store import StoredPatches, patch_store
from mmdnet.slides.tissue import find_tissue


class StoredSource:
    """Patches of several slides by their position in a cohort, from one store per slide."""

    def __init__(self, stores: Sequence[StoredPatches]) -> None:
        self._stores = stores
        self._starts = np.cumsum([0, *(len(store) for store in stores)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Pixels, uint8, shape (n, 299, 299, 3), in the order asked for."""
        of_store = np.searchsorted(self._starts, indices, side="right") - 1
        out: np.ndarray | None = None
        for number in np.unique(of_store):
            mine = of_store == number
            pixels = self._stores[number].read(indices[mine] - self._starts[number])
            if out is None:
                out = np.empty((len(indices), *pixels.shape[1:]), np.uint8)
            out[mine] = pixels
        return out if out is not None else np.empty((0, 299, 299, 3), np.uint8)


def simulated_cohort(slides: Sequence[Path], store: Path) -> tuple[Cohort, StoredSource]:
    """Every patch of these simulated slides with its true grades; artefacts and portal fields are set aside.

    Args:
        slides: slide files with their truth beside them.
        store: folder for the decoded patches; what is there already is used.

    Raises:
        LabError: a file that is no slide, or has no truth.
    """
    infos, grades, ignored, owner, stores = [], [], [], [], []
    for number, path in enumerate(slides):
        truth = load_truth(path)
        with open_slide(path) as reader:
            grid, places = lay_patches(reader, find_tissue(reader))
            stores.append(patch_store(store, reader, places, grid))
            facts = reader.facts
        infos.append(
            SlideInfo(number, facts.patient or path.stem, facts.site or "", facts.scanner or "", facts.stain or "",
                      simulated=True)
        )  # fmt: skip
        known, set_aside = _labels(truth, grid, places)
        grades.append(known)
        ignored.append(set_aside | ~stores[-1].readable)
        owner.append(np.full(len(places), number))
    count = sum(len(one) for one in owner)
    cohort = Cohort(
        tuple(infos), np.arange(count), np.concatenate(owner), np.concatenate(grades), np.concatenate(ignored)
    )
    return cohort, StoredSource(stores)


def _labels(truth: SlideTruth, grid: PatchGrid, places: Sequence[PatchPlace]) -> tuple[np.ndarray, np.ndarray]:
    """Grades, (patches, 3) with -1 where the patch is to be ignored, and which are to be ignored."""
    grades = np.full((len(places), len(TASK_NAMES)), UNKNOWN, np.int8)
    ignored = np.zeros(len(places), bool)
    for row, place in enumerate(places):
        told = truth.patch_grades(place.x_px0, place.y_px0, grid.side_px0[0])
        ignored[row] = told["ignored"] is not None
        if not ignored[row]:
            grades[row] = np.array([told[name] for name in TASK_NAMES], np.int8)
    return grades, ignored
