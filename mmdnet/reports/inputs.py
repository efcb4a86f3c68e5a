"""What a report is made of, as plain values: what a slide is, what the scorer found, who graded and signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np

from mmdnet.nn.card import ModelCard
from mmdnet.reports.schema import SignOff
from mmdnet.scoring.aggregate import middle_grade
from mmdnet.scoring.result import ScoreArrays
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.scoring.validity import Validity
from mmdnet.slides.facts import SlideFacts
from mmdnet.slides.geometry import GridPosition, PatchPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSlide(SlideFacts):
    """The slide's facts and what was measured of it; None is not recorded. Shares are 0-1."""

    slide_id: int
    name: str
    tissue_mm2: float | None
    core_length_mm: float | None
    fat_area_share: float | None
    patch_px: int
    patch_mpp: float


class ReportPlace(PatchPosition, GridPosition, Protocol):
    """Where a patch lies and how much of it is tissue: a `PatchPlace`, or a row of the database."""


@dataclass(frozen=True)
class ReaderGrades:
    """A person's grades of the whole slide, by task name."""

    reader: str
    grades: Mapping[str, int | None]
    at: datetime


@dataclass(frozen=True)
class ReportInputs:
    """All a report is made of.

    Attributes:
        slide: the slide's facts.
        score_id: of the score.
        scored_at: when it was made.
        score: what the scorer found.
        arrays: its per-patch numbers; an entry per place.
        places: the slide's patches in the order of the arrays.
        patch_ids: their ids.
        card: the model card.
        set_aside: patches set aside when the slide was surveyed, by reason, without those a person put back.
        validity: whether the score may be reported.
        slide_part: `train`, `validation` or `test` where this slide was in the model's split.
        human: readers' grades of the slide.
        sign_offs: signatures, oldest first.
        made_at: now.
        seed: of the patches shown at random.
    """

    slide: ReportSlide
    score_id: int
    scored_at: datetime
    score: ScoreSummary
    arrays: ScoreArrays
    places: Sequence[ReportPlace]
    patch_ids: Sequence[int]
    card: ModelCard
    made_at: datetime
    set_aside: Mapping[str, int] = field(default_factory=dict)
    validity: Validity = field(default_factory=Validity)
    slide_part: str | None = None
    human: Sequence[ReaderGrades] = ()
    sign_offs: Sequence[SignOff] = ()
    seed: int = 0

    def patch_grades(self, name: str) -> np.ndarray:
        """The model's grade of each patch, shape (places,), drawn at the threshold the score was counted at."""
        return middle_grade(self.arrays.patch_probabilities[name], self.score.tasks[name].threshold)
