"""A cohort out of simulated slides: what a tireless reader who knows the truth would have labelled."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mmdnet.bags.cohort import Cohort, PixelSource, SlideInfo
from mmdnet.errors import LabError
from mmdnet.files import moved_into_place
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN
from mmdnet.simulate.truth import SlideTruth, load_truth
from mmdnet.slides.geometry import PATCH_PX, QUARTER_PX, PatchGrid, PatchPlace
from mmdnet.slides.measures.tissue import find_tissue
from mmdnet.slides.patches import lay_patches
from mmdnet.slides.readers.open import open_slide
from mmdnet.slides.stores.patches import PatchStore, StoredPatches


class StoredSource:
    """Patches of several slides by their position in a cohort, from one store per slide."""

    def __init__(self, stores: Sequence[StoredPatches]) -> None:
        self._stores = stores
        self._starts = np.cumsum([0, *(len(store) for store in stores)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Pixels, uint8, shape (n, side, side, 3), in the order asked for."""
        of_store = np.searchsorted(self._starts, indices, side="right") - 1
        out: np.ndarray | None = None
        for number in np.unique(of_store):
            mine = of_store == number
            pixels = self._stores[number].read(indices[mine] - self._starts[number])
            if out is None:
                out = np.empty((len(indices), *pixels.shape[1:]), np.uint8)
            out[mine] = pixels
        return out if out is not None else np.empty((0, PATCH_PX, PATCH_PX, 3), np.uint8)


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
            stores.append(PatchStore(store).get(reader, places, grid))
            facts = reader.facts
        infos.append(
            SlideInfo(number, facts.patient or path.stem, facts.site or "", facts.scanner or "", facts.stain or "",
                      simulated=True, name=path.stem, patch_px=grid.patch_px, patch_mpp=grid.patch_mpp,
                      staining_run=facts.staining_run or "")
        )  # fmt: skip
        known, set_aside = _labels(truth, grid.side_px0[0], [(place.x_px0, place.y_px0) for place in places])
        grades.append(known)
        ignored.append(set_aside | ~stores[-1].readable)
        owner.append(np.full(len(places), number))
    count = sum(len(patches) for patches in owner)
    cohort = Cohort(
        tuple(infos), np.arange(count), np.concatenate(owner), np.concatenate(grades), np.concatenate(ignored)
    )
    return cohort, StoredSource(stores)


def _labels(truth: SlideTruth, side_px0: float, corners: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Grades of squares, (squares, 3) with -1 where one is to be ignored, and which are to be ignored."""
    grades = np.full((len(corners), len(TASK_NAMES)), UNKNOWN, np.int8)
    ignored = np.zeros(len(corners), bool)
    for row, (x, y) in enumerate(corners):
        told = truth.patch_grades(x, y, side_px0)
        ignored[row] = told["ignored"] is not None
        if not ignored[row]:
            grades[row] = np.array([told.get(name, UNKNOWN) for name in TASK_NAMES], np.int8)
    return grades, ignored


class Quarters:
    """The four quarters of every patch, one after another: crops of half its side at full scale.

    For experiments of many trainings on a processor. A lesion fills four times as much of a quarter, so it is found
    after far fewer steps, each of a quarter of the pixels.

    Args:
        source: patches of full size.
        path: of the file the quarters are kept in (.npy), mapped into memory; made when absent.

    Raises:
        LabError: the file is there and holds other patches.
    """

    def __init__(self, source: PixelSource, path: Path) -> None:
        shape = (4 * len(source), QUARTER_PX, QUARTER_PX, 3)
        if not path.exists():
            with moved_into_place(path) as aside:
                made = np.lib.format.open_memmap(aside, "w+", np.uint8, shape)
                for index in range(len(source)):
                    whole = source.read(np.array([index]))[0]
                    for part, (x, y) in enumerate(_corners(whole.shape[0])):
                        made[4 * index + part] = whole[y : y + QUARTER_PX, x : x + QUARTER_PX]
                made.flush()
                del made  # no open map: Windows moves no file that has one
        self._patches = np.load(path, mmap_mode="r")
        if self._patches.shape != shape:
            raise LabError(f"{path.name} holds other patches; remove it, and it is made anew.")

    def __len__(self) -> int:
        return len(self._patches)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Pixels, uint8, shape (n, 150, 150, 3), in the order asked for."""
        return self._patches[indices]


def _corners(side: int) -> list[tuple[int, int]]:
    """Upper left corners of a patch's quarters, (x, y); they overlap by a pixel where the side is odd."""
    far = side - QUARTER_PX
    return [(x, y) for y in (0, far) for x in (0, far)]


def quartered_cohort(
    slides: Sequence[Path], whole: Cohort, source: StoredSource, path: Path
) -> tuple[Cohort, Quarters]:
    """A `simulated_cohort` of these slides with every patch cut into quarters, each graded by what was drawn in it.

    A quarter's grades are counted as a patch's are: what a quarter of the area holds is less, so high grades are rarer.
    """
    tables = [
        _labels(load_truth(slide), QUARTER_PX, [(place.x_px0 + x, place.y_px0 + y) for place in places
                                                for x, y in _corners(round(grid.side_px0[0]))])
        for slide, (grid, places) in zip(slides, map(_layout, slides), strict=True)
    ]  # fmt: skip
    count = 4 * len(source)
    infos = tuple(replace(slide, patch_px=QUARTER_PX) for slide in whole.slides)
    cohort = Cohort(
        infos, np.arange(count), whole.slide_index.repeat(4), np.concatenate([t[0] for t in tables]),
        np.concatenate([t[1] for t in tables]),
    )  # fmt: skip
    return cohort, Quarters(source, path)


def _layout(slide: Path) -> tuple[PatchGrid, Sequence[PatchPlace]]:
    with open_slide(slide) as reader:
        return lay_patches(reader, find_tissue(reader))


def corners_of(slide: Path) -> list[tuple[int, int]]:
    """Upper left corners of a simulated slide's patches in level-0 pixels, in the cohort's order."""
    _, places = _layout(slide)
    return [(place.x_px0, place.y_px0) for place in places]
