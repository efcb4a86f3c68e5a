"""The scales slides are judged on: the graded tasks and the NAS, each read off cases as columns of numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.evaluation.cases import Case, TaskPrediction
from mmdnet.labels.grading import NAS, SHOWN_TASKS, TASKS

NAS_FROM = 5


@dataclass(frozen=True)
class Columns:
    """Slides with truth and prediction on one scale, each array of shape (slides,).

    Attributes:
        low, high: ends of the intervals; None unless every slide has one.
    """

    cases: tuple[Case, ...]
    truth: np.ndarray
    said: np.ndarray
    score: np.ndarray
    low: np.ndarray | None
    high: np.ndarray | None

    @property
    def patients(self) -> list[str]:
        return [case.patient for case in self.cases]

    @property
    def covered(self) -> np.ndarray | None:
        """Whether each truth lies in its interval."""
        if self.low is None or self.high is None:
            return None
        return (self.low <= self.truth) & (self.truth <= self.high)


@dataclass(frozen=True)
class Scale:
    """One scale; `reads` gives truth and prediction of a case, None where one of them is unknown."""

    name: str
    title: str
    highest: int
    auroc_from: int
    reads: Callable[[Case], tuple[int, TaskPrediction] | None]
    is_task: bool = True

    def columns(self, cases: Sequence[Case]) -> Columns | None:
        """The slides that have both, as columns; None where there is none."""
        known = [(case, read) for case in cases if (read := self.reads(case)) is not None]
        if not known:
            return None
        intervals = [said.interval for _, (_, said) in known]
        ends = None if None in intervals else np.array(intervals, float)
        return Columns(
            cases=tuple(case for case, _ in known),
            truth=np.array([true for _, (true, _) in known]),
            said=np.array([said.grade for _, (_, said) in known]),
            score=np.array([said.score for _, (_, said) in known], float),
            low=None if ends is None else ends[:, 0],
            high=None if ends is None else ends[:, 1],
        )


def _task_reader(name: str) -> Callable[[Case], tuple[int, TaskPrediction] | None]:
    def read(case: Case) -> tuple[int, TaskPrediction] | None:
        true, said = case.truth.grades[name], case.predicted.tasks.get(name)
        return None if true is None or said is None else (true, said)

    return read


def _nas_reader(case: Case) -> tuple[int, TaskPrediction] | None:
    said = case.predicted
    if case.nas is None or said.nas is None:
        return None
    score = said.nas_score if said.nas_score is not None else float(said.nas)
    return case.nas, TaskPrediction(said.nas, score, interval=said.nas_interval)


def scales() -> tuple[Scale, ...]:
    """Every task in the order people read them, and the NAS."""
    highest = sum(task.highest for task in TASKS if task.in_nas)
    graded = [Scale(task.name, task.title, task.highest, 1, _task_reader(task.name)) for task in SHOWN_TASKS]
    return (*graded, Scale(NAS, "NAS", highest, NAS_FROM, _nas_reader, is_task=False))
