"""Reports: what is said of a scored slide, what it rests on, and who signed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from db import scores as rows
from db.models import Patch, Reader, Score, SignOff, Slide
from db.slides import patches_of
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.workflows.base import Desk, must_get
from mmdnet.workflows.scoring import score_file
from mmdnet.workflows.slides import Slides, patch_size_px0, patch_view
from mmdnet.workflows.views import PatchView, SignOffView

if TYPE_CHECKING:
    from mmdnet.scoring.heat import HeatLegend, MapFrame

EVIDENCE = {"top": 6, "low": 3, "random": 3}


class Reports:
    """What pages and commands show of a score, and the sign-off."""

    def __init__(self, desk: Desk, slides: Slides) -> None:
        self._desk = desk
        self._slides = slides

    def evidence(self, score_id: int, task: str) -> dict[str, list[PatchView]]:
        """Patches that drew most and least of the task's attention, and some drawn at random (`top`, `low`, `random`).

        Raises:
            LabError: the model does not grade this task, or the score's file is gone.
        """
        from mmdnet.scoring.heat import pick_places

        slide, patches = self._scored(score_id)
        picked = pick_places(self._attention(score_id, task), **EVIDENCE, seed=score_id)
        return {kind: [patch_view(slide, patches[place]) for place in places] for kind, places in picked.items()}

    def heat_png(self, score_id: int, task: str, width_px: int = 1600, opacity: float = 1.0) -> bytes:
        """The task's attention map as an RGBA PNG that covers the whole slide."""
        from mmdnet.scoring.heat import attention_legend, heat_png, relative_attention

        attention = self._attention(score_id, task)
        frame = self._frame(score_id)
        return heat_png(frame, relative_attention(attention), attention_legend(attention), width_px, opacity)

    def heat_legend(self, score_id: int, task: str) -> HeatLegend:
        """What the colours of the attention map stand for."""
        from mmdnet.scoring.heat import attention_legend

        return attention_legend(self._attention(score_id, task))

    def sign_offs(self, score_id: int) -> list[SignOffView]:
        """Sign-offs of a score, oldest first."""
        with self._desk.db() as session:
            return [_sign_off_view(*row) for row in rows.sign_offs_of(session, score_id)]

    def _scored(self, score_id: int) -> tuple[Slide, list[Patch]]:
        """The slide of a score, and its patches in the order of the score's arrays.

        Raises:
            LabError: the patches were laid anew since.
        """
        with self._desk.db() as session:
            score = must_get(session, Score, score_id, "score")
            slide = must_get(session, Slide, score.slide_id, "slide")
            patches = list(patches_of(session, slide.id))
        if len(patches) != score.result["patches"]:
            raise LabError(f"The patches of {slide.name} were laid anew since it was scored. Score it again.")
        return slide, patches

    def _attention(self, score_id: int, task: str) -> np.ndarray:
        from mmdnet.scoring.result import read_score

        arrays, _ = read_score(score_file(self._desk, score_id))
        if f"attention.{task}" not in arrays:
            raise LabError(f"The model of this score does not grade {task}, so there is no map of it.")
        return arrays[f"attention.{task}"]

    def _frame(self, score_id: int) -> MapFrame:
        from mmdnet.scoring.heat import MapFrame

        slide, patches = self._scored(score_id)
        width, height = patch_size_px0(slide)
        return MapFrame(
            slide.width_px0,
            slide.height_px0,
            np.array([patch.x_px0 for patch in patches]),
            np.array([patch.y_px0 for patch in patches]),
            width,
            height,
        )


def check_signature(result: dict, grades: dict[str, int | None], reason: str) -> None:  # type: ignore[type-arg]
    """Whether these grades may be signed.

    Raises:
        LabError: a grade is outside its scale, or one differs from the model's and no reason is given.
    """
    unknown = set(grades) - set(TASK_NAMES)
    if unknown:
        raise LabError(f"There is no feature called {', '.join(sorted(unknown))}. Nothing was signed.")
    changed = []
    for task in TASKS:
        grade = grades.get(task.name)
        if grade is not None and not 0 <= grade <= task.highest:
            raise LabError(f"{task.title} is graded 0 to {task.highest}; {grade} cannot be signed. Nothing was signed.")
        model = result["tasks"].get(task.name)
        if model is not None and grade != model["grade"]:
            changed.append(task.title.lower())
    if changed and len(reason.strip()) < 3:
        raise LabError(f"You changed the grade of {', '.join(changed)}. Say why in a few words, then sign.")


def _sign_off_view(sign_off: SignOff, reader: Reader) -> SignOffView:
    return SignOffView(
        id=sign_off.id,
        score_id=sign_off.score_id,
        reader_id=reader.id,
        reader=reader.name,
        amends_id=sign_off.amends_id,
        grades={name: getattr(sign_off, name) for name in TASK_NAMES},
        reason=sign_off.reason,
        report_sha256=sign_off.report_sha256,
        at=sign_off.at,
    )
