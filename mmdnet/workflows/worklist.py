"""The worklist of a project: of each slide, what waits for a person."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mmdnet.workflows.scoring.views import ScoreView
from mmdnet.workflows.slides.views import SlideView


class Waiting(StrEnum):
    """What a slide waits for, in the order of the work."""

    SCALE = "µm/px missing"
    UNLABELLED = "no labels"
    UNSCORED = "not scored"
    REFER = "second reader advised"
    UNREAD = "to be read: reader's grades first"
    WITHHELD = "to be read: no reportable score"
    UNSIGNED = "not signed"
    DISPUTED = "readers disagree"
    DIFFERS = "signed otherwise than the model"


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A slide with all it waits for; `score` is the one that leads, None before any."""

    slide: SlideView
    score: ScoreView | None
    waits: tuple[Waiting, ...]

    @property
    def page(self) -> str:
        """Where the first of it is done."""
        if self.score is None or not {Waiting.SCALE, Waiting.DISPUTED}.isdisjoint(self.waits):
            return "slides"
        return "report"


def worklist(
    slides: Sequence[SlideView], leading: Mapping[int, ScoreView], disputed: Collection[int] = ()
) -> list[WorkItem]:
    """What waits on each of these slides.

    Args:
        slides: of a project.
        leading: the score that leads of each (`Scoring.leading`).
        disputed: slides whose readers differ and whom nobody settled, as far as who asks may know (`ReadsDue.settle`).
    """
    items = []
    for slide in slides:
        score = leading.get(slide.id)
        waits = {*_waits(slide, score), *((Waiting.DISPUTED,) if slide.id in disputed else ())}
        items.append(WorkItem(slide, score, tuple(kind for kind in Waiting if kind in waits)))
    return items


def _waits(slide: SlideView, score: ScoreView | None) -> tuple[Waiting, ...]:
    if slide.status == "needs_mpp":
        return (Waiting.SCALE,)
    unlabelled = () if slide.labelled else (Waiting.UNLABELLED,)
    if score is None:
        return (*unlabelled, Waiting.UNSCORED)
    if score.signed is not None:
        return (*unlabelled, Waiting.DIFFERS) if score.changed else unlabelled
    if score.awaits_reader:  # nothing else of what the model says
        return (*unlabelled, Waiting.UNREAD, Waiting.UNSIGNED)
    if not score.validity.reportable:
        return (*unlabelled, Waiting.WITHHELD, Waiting.UNSIGNED)
    refer = (Waiting.REFER,) if score.summary.refer else ()
    return (*unlabelled, *refer, Waiting.UNSIGNED)


def unsigned(slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> list[int]:
    """The scores that wait for a signature, in the order of the slides: one a slide, none where one was signed."""
    scores = [leading[slide.id] for slide in slides if slide.id in leading]
    return [score.id for score in scores if score.signed is None]
