"""What a training learns from: labelled patches, and patches of slides that only have grades of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from sqlalchemy.orm import Session

from db.models import Slide
from db.projects import patient_answers
from db.slides import cells_with_ids, slides_of, usable_by_slide
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from mmdnet.slides.identity import sites_of_patients
from mmdnet.workflows.labelling.views import LabelChoice, LabelRow, LabelSet
from mmdnet.workflows.scoring.slide_truth import slide_truth

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, SlideInfo
    from mmdnet.labels.slide_truth import SlideTruth
    from mmdnet.training.config import TrainingConfig

NAMED = 3  # names of slides in a sentence, before the rest is counted


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a training uses, frozen.

    Attributes:
        rows: one per patch; those nobody labelled have no grade.
        slides: the slides of these patches.
        left_out: sentences that say which slides take no part, and why.
    """

    rows: tuple[LabelRow, ...]
    slides: tuple[SlideInfo, ...]
    left_out: tuple[str, ...] = ()

    @property
    def unlabelled(self) -> int:
        """Patches that go by their slide's grade alone."""
        return sum(not row.ignored and not row.grades.any_known for row in self.rows)

    @property
    def graded_slides(self) -> int:
        return sum(any(grade is not None for grade in slide.grades.values()) for slide in self.slides)


def gather(
    session: Session, project_id: int, label_set: LabelSet, choice: LabelChoice, config: TrainingConfig
) -> TrainingData:
    """Labelled patches as the label set has them and, of slides without any, patches that go by the slide's grade.

    Raises:
        LabError: there is nothing to learn from, or a patient id of two sites of which nobody said who it is.
    """
    slides = {slide.id: slide for slide in slides_of(session, project_id)}
    truths = {
        truth.slide_id: truth
        for truth in slide_truth(session, project_id, reader_id=choice.reader_id)
        if choice.slide_ids is None or truth.slide_id in choice.slide_ids
    }
    rows = _labelled(label_set, config)
    labelled = {row.slide_id for row in rows if row.grades.any_known}
    graded = {key for key, truth in truths.items() if truth.graded and config.learn_from != "patches"}
    usable = usable_by_slide(session, graded - labelled)
    taken = {row.patch_id for row in rows}
    for slide_id in sorted(usable):
        free = [patch_id for patch_id in usable[slide_id] if patch_id not in taken]
        random = np.random.default_rng((config.seed, slide_id))
        for place in sorted(random.permutation(len(free))[: config.ungraded_patches]):
            rows.append(LabelRow(free[place], slide_id, Grades(), False))
    used = sorted({row.slide_id for row in rows})
    if not any(slide_id in labelled or slide_id in graded for slide_id in used):
        raise LabError(_nothing(config, graded - set(used)))
    _ask_who(session, project_id, [truths[slide_id] for slide_id in used])
    infos = tuple(_info(slides[slide_id], truths[slide_id], slide_id in graded) for slide_id in used)
    return TrainingData(tuple(rows), infos, _left_out(slides, truths, used, labelled, graded, config))


def make_cohort(
    session: Session, rows: Sequence[LabelRow], slides: Sequence[SlideInfo], slide_trust: float = 1.0
) -> Cohort:
    """Patches as the training sees them, slide by slide.

    Raises:
        LabError: they cannot be learnt from (see `Cohort`).
    """
    from mmdnet.bags.cohort import Cohort

    cells = cells_with_ids(session, [row.patch_id for row in rows])
    index = {slide.slide_id: s for s, slide in enumerate(slides)}
    table = sorted(rows, key=lambda row: (row.slide_id, cells[row.patch_id]))
    grades = [row.grades.as_numbers for row in table]
    return Cohort(
        slides=tuple(slides),
        patch_id=np.array([row.patch_id for row in table], np.int64),
        slide_index=np.array([index[row.slide_id] for row in table]),
        grades=np.array(grades, np.int8),
        ignored=np.array([row.ignored for row in table], bool),
        slide_trust=slide_trust,
    )


def slide_infos(session: Session, project_id: int, slide_ids: Iterable[int]) -> tuple[SlideInfo, ...]:
    """What is known of these slides now, for runs of earlier builds, which kept none."""
    slides = {slide.id: slide for slide in slides_of(session, project_id)}
    truths = {truth.slide_id: truth for truth in slide_truth(session, project_id)}
    return tuple(_info(slides[slide_id], truths[slide_id], True) for slide_id in sorted(set(slide_ids)))


def _labelled(label_set: LabelSet, config: TrainingConfig) -> list[LabelRow]:
    """The label set's rows; where slide grades alone are wanted, only what was set aside stays known of patches."""
    if config.learn_from != "slides":
        return list(label_set.rows)
    return [replace(row, grades=Grades()) for row in label_set.rows if row.ignored]


def _info(slide: Slide, truth: SlideTruth, with_grades: bool) -> SlideInfo:
    from mmdnet.bags.cohort import SlideInfo

    return SlideInfo(
        slide_id=slide.id,
        patient=truth.person,
        site=truth.site,
        scanner=truth.scanner,
        stain=truth.stain,
        grades=dict(truth.grades) if with_grades else {},
        simulated=slide.simulated,
        name=slide.name,
        patch_px=slide.patch_px or PATCH_PX,
        patch_mpp=slide.patch_mpp or PATCH_MPP,
        staining_run=truth.staining_run,
    )


def _ask_who(session: Session, project_id: int, truths: Sequence[SlideTruth]) -> None:
    """Refuse an id that several sites use before somebody said whether it is one patient."""
    answers = patient_answers(session, project_id)
    shared = sites_of_patients((truth.patient, truth.site) for truth in truths)
    for key, sites in shared.items():
        if key not in answers:
            written = next(truth.patient for truth in truths if truth.person == key)
            raise LabError(
                f'The patient id "{written}" is used at {" and at ".join(sites)}. Say whether it is one person: on the '
                f'Slides page, or by `mmdnet slides patient "{written}" --same` or `--different`. Nothing was started.'
            )


def _nothing(config: TrainingConfig, without_patches: set[int]) -> str:
    if without_patches:
        return (
            f"There is nothing to learn from yet: {len(without_patches)} slides have grades, but no patches that can "
            "be used. Enter their µm per pixel on the Slides page."
        )
    wanted = {
        "both": "Label some patches, or enter grades of whole slides (Slides page, or `mmdnet slides facts import`)",
        "patches": "Label some patches, or learn from slide grades too",
        "slides": "Enter grades of whole slides (Slides page, or `mmdnet slides facts import`)",
    }
    return f"There are no labels to learn from yet. {wanted[config.learn_from]}."


def _left_out(
    slides: dict[int, Slide],
    truths: dict[int, SlideTruth],
    used: Sequence[int],
    labelled: set[int],
    graded: set[int],
    config: TrainingConfig,
) -> tuple[str, ...]:
    """Why each of the chosen slides that takes no part takes none."""
    reasons: dict[str, list[str]] = {}
    for slide_id, truth in truths.items():
        if slide_id in labelled or (slide_id in graded and slide_id in used):
            continue
        if slide_id in graded:
            why = "have a grade but no patches that can be used"
        elif truth.graded:
            why = "have only grades of their own, and patch labels alone were chosen"
        elif config.learn_from == "slides":
            why = "have no grade of their own"
        else:
            why = "have neither a labelled patch nor a grade of their own"
        reasons.setdefault(why, []).append(slides[slide_id].name)
    return tuple(f"Slides that {why} are left out: {len(names)} ({some(names)})." for why, names in reasons.items())


def some(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    shown = ", ".join(names[:NAMED])
    return shown if len(names) <= NAMED else f"{shown} and {len(names) - NAMED} more"
