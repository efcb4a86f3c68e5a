"""What training sees of a project: slides, their patches, and what readers said about them."""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS, UNKNOWN
from mmdnet.slides.geometry import MPP_TOLERANCE, PATCH_MPP, PATCH_PX
from mmdnet.slides.identity import identity_key

DomainKey = Literal[
    "none", "slide", "patient", "site", "scanner", "stain", "staining_run", "scanner+stain", "site+scanner"
]


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """One slide. `grades` are the slide's own (from readings of the whole slide), None where nobody gave one.

    `patient` is "" where nobody stated it; split and count by `person`.
    `patch_px` and `patch_mpp` are the side of its patches in pixels and their µm per pixel.
    """

    slide_id: int
    patient: str
    site: str = ""
    scanner: str = ""
    stain: str = ""
    grades: dict[str, int | None] = field(default_factory=dict)
    simulated: bool = False
    name: str = ""
    patch_px: int = PATCH_PX
    patch_mpp: float = PATCH_MPP
    staining_run: str = ""

    @property
    def person(self) -> str:
        """Whose slide it is however the patient's id is written; a slide without a patient is a person of its own."""
        return identity_key(self.patient) or f"slide {self.slide_id}"


class PixelSource(Protocol):
    """Pixels of a cohort's patches, in the cohort's order."""

    def __len__(self) -> int: ...

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Patches as uint8 RGB, shape (n, side, side, 3), in the order asked for."""


@dataclass(frozen=True, eq=False)
class Cohort:
    """Slides and patches with their labels; checks itself.

    Attributes:
        slides: the slides.
        patch_id: (N,) int64, the patch's id in the project, each once.
        slide_index: (N,) position of its slide in `slides`.
        grades: (N, 3) int8 in the order of `TASK_NAMES`, -1 where unknown.
        ignored: (N,) bool, set aside by a reader or by quality control; such a patch is in no bag.
        slide_trust: 0-1, how far a bag is believed to show the grade of its slide, where only that is known: its
            patches may hold none of what the slide was graded for.
        parent_id: (N,) of a synthetic patch the `patch_id` of the patch it was made of, 0 for real ones; none: all
            are real (`mmdnet.bags.synthetic`).

    Raises:
        LabError: arrays of different length, a grade outside its scale, a slide that is not there, a patch named twice,
            patches of different sides or scales, a synthetic patch apart from its parent.
    """

    slides: tuple[SlideInfo, ...]
    patch_id: np.ndarray
    slide_index: np.ndarray
    grades: np.ndarray
    ignored: np.ndarray
    slide_trust: float = 1.0
    parent_id: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.patch_id)
        if len(self.slide_index) != n or self.grades.shape != (n, len(TASKS)) or len(self.ignored) != n:
            raise LabError("The patches, their slides and their labels are not equally many.")
        if n and (self.slide_index.min() < 0 or self.slide_index.max() >= len(self.slides)):
            raise LabError("Some patches belong to a slide that is not there.")
        if len(np.unique(self.patch_id)) != n:
            raise LabError("A patch is there twice.")
        if len({slide.slide_id for slide in self.slides}) != len(self.slides):
            raise LabError("A slide is there twice.")
        for t, task in enumerate(TASKS):
            own = [slide.grades.get(task.name) for slide in self.slides]
            seen = {int(g) for g in np.unique(self.grades[:, t])} | {g for g in own if g is not None}
            odd = sorted(seen - {UNKNOWN} - set(range(task.highest + 1)))
            if odd:
                raise LabError(f"{task.title} is graded 0 to {task.highest}, but a label says {odd[0]}.")
        self._refuse_mixed_patches()
        self._refuse_lost_children()

    def _refuse_mixed_patches(self) -> None:
        cut = [slide for slide, rows in zip(self.slides, self._by_slide, strict=True) if len(rows)]
        for slide in cut[1:]:
            off = abs(slide.patch_mpp / cut[0].patch_mpp - 1)
            if slide.patch_px != cut[0].patch_px or off > MPP_TOLERANCE:
                first, other = (
                    f"{s.name or f'slide {s.slide_id}'} is cut into patches of {s.patch_px} px at {s.patch_mpp:g} µm/px"
                    for s in (cut[0], slide)
                )
                raise LabError(
                    f"A network learns from patches of one size, but {first} and {other}. Choose slides that are cut "
                    "alike. Nothing was changed."
                )

    def _refuse_lost_children(self) -> None:
        slide_of = dict(zip(self.patch_id.tolist(), self.slide_index.tolist(), strict=True))
        for at in np.flatnonzero(self.synthetic):
            parent = int(self.parent_id[at]) if self.parent_id is not None else 0
            if parent <= 0 or slide_of.get(parent) != int(self.slide_index[at]):
                raise LabError(
                    f"The synthetic patch {-int(self.patch_id[at])} is not on its parent's slide, so it could be on "
                    "another side of the split. Nothing was trained."
                )

    @property
    def synthetic(self) -> np.ndarray:
        """(N,) bool: made of another patch, not seen on a slide."""
        return self.patch_id < 0

    @property
    def patch_px(self) -> int:
        """Side of the patches in pixels."""
        return next((s.patch_px for s, rows in zip(self.slides, self._by_slide, strict=True) if len(rows)), PATCH_PX)

    @property
    def patch_mpp(self) -> float:
        """µm per pixel of the patches, the middle one where slides differ within the tolerance."""
        scales = np.array([slide.patch_mpp for slide in self.slides])[self.slide_index]
        return float(np.median(scales)) if len(scales) else PATCH_MPP

    @cached_property
    def _by_slide(self) -> list[np.ndarray]:
        order = np.argsort(self.slide_index, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.slide_index, minlength=len(self.slides)))[:-1])

    def patches_of(self, slide: int) -> np.ndarray:
        """Positions of a slide's patches, rising."""
        return self._by_slide[slide]

    def slide_grades(self, slide: int) -> np.ndarray:
        """The slide's own grades, (3,), -1 where unknown."""
        return self._given[slide]

    def known(self) -> np.ndarray:
        """(N,) bool: usable and graded in at least one task."""
        return (self.grades != UNKNOWN).any(axis=1) & ~self.ignored

    @cached_property
    def _given(self) -> np.ndarray:
        known = [[slide.grades.get(name) for name in TASK_NAMES] for slide in self.slides]
        return np.array([[UNKNOWN if g is None else g for g in row] for row in known], np.int64).reshape(-1, len(TASKS))

    @cached_property
    def _weak(self) -> np.ndarray:
        own = [(self.grades[rows] != UNKNOWN) & ~self.ignored[rows, None] for rows in self._by_slide]
        graded = np.array([rows.any(axis=0) for rows in own]).reshape(len(self.slides), len(TASKS))
        return (self._given != UNKNOWN) & ~graded

    def weakly_graded(self, slide: int) -> np.ndarray:
        """(3,) bool: tasks for which this slide has its own grade and no graded patch."""
        return self._weak[slide]

    def informative(self) -> np.ndarray:
        """(N,) bool: usable, and known by itself or through its slide's grade. What bags are made of to evaluate."""
        weak = np.asarray(self._weak.any(axis=1))
        return self.known() | (weak[self.slide_index] & ~self.ignored)

    def labelled_slides(self) -> list[int]:
        """Slides that can teach something."""
        return [int(s) for s in np.unique(self.slide_index[self.informative()])]

    def domains(self, key: DomainKey) -> tuple[np.ndarray, tuple[str, ...]]:
        """Each slide's domain, (slides,), -1 where what the key asks for is not known, and the domains' names."""
        names = [_domain(slide, key) for slide in self.slides]
        order = tuple(sorted({name for name in names if name}))
        return np.array([order.index(name) if name else -1 for name in names], np.int64), order

    def label_sha256(self) -> str:
        """Identity of the label set: changes with any grade, set-aside patch or slide grade."""
        digest = hashlib.sha256()
        order = np.argsort(self.patch_id, kind="stable")
        for array, kind in ((self.patch_id, "<i8"), (self.grades, "<i1"), (self.ignored, "<i1")):
            digest.update(np.ascontiguousarray(array[order]).astype(kind).tobytes())
        for s in sorted(range(len(self.slides)), key=lambda i: self.slides[i].slide_id):
            digest.update(repr((self.slides[s].slide_id, self.slide_grades(s).tolist())).encode())
        return digest.hexdigest()


def _domain(slide: SlideInfo, key: DomainKey) -> str:
    if key == "none":
        return ""
    if key == "slide":
        return f"slide {slide.slide_id}"
    if key == "patient":
        return slide.person
    parts = [str(getattr(slide, part)) for part in key.split("+")]
    return " · ".join(parts) if all(parts) else ""


def grade_counts(cohort: Cohort, slides: tuple[int, ...] | list[int]) -> dict[str, Counter[int]]:
    """How often each grade is known in these slides, by task: real graded patches, or slides graded as a whole."""
    counts: dict[str, Counter[int]] = {name: Counter() for name in TASK_NAMES}
    chosen = np.isin(cohort.slide_index, list(slides)) & ~cohort.ignored & ~cohort.synthetic
    for t, name in enumerate(TASK_NAMES):
        values, times = np.unique(cohort.grades[chosen, t], return_counts=True)
        counts[name].update({int(v): int(n) for v, n in zip(values, times, strict=True) if v != UNKNOWN})
    for s in slides:
        weak, own = cohort.weakly_graded(s), cohort.slide_grades(s)
        if len(cohort.patches_of(s)):
            counts_of = [name for t, name in enumerate(TASK_NAMES) if weak[t]]
            for name in counts_of:
                counts[name][int(own[TASK_NAMES.index(name)])] += 1
    return counts
