"""Tests write grades of the NAS's three tasks; every other task there is stays unknown, so that one more breaks none."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from mmdnet.labels.grading import TASKS, UNKNOWN

NAS_TASKS = tuple(task for task in TASKS if task.in_nas)
NAMES = tuple(task.name for task in NAS_TASKS)
PLACES = tuple(TASKS.index(task) for task in NAS_TASKS)
Three = tuple[int | None, int | None, int | None]
"""Ballooning, inflammation, steatosis."""
V = TypeVar("V")


def columns(grades: Sequence | np.ndarray, other: float = UNKNOWN) -> np.ndarray:
    """From the tasks of the NAS, (..., 3), to all tasks, (..., tasks); `other` stands for each that is not in it."""
    three = np.asarray(grades)
    every = np.full((*three.shape[:-1], len(TASKS)), other, three.dtype)
    every[..., PLACES] = three
    return every


def row(*three: float | None, other: float | None = UNKNOWN) -> list[float | None]:
    """The same of one row, which may hold None."""
    said = dict(zip(NAMES, three, strict=True))
    return [said.get(task.name, other) for task in TASKS]


def as_given(*three: int | None) -> tuple[int | None, ...]:
    """The same as records hold it: None where there is no grade."""
    return tuple(row(*three, other=None))


def by_task(said: Mapping[str, V], other: V) -> dict[str, V]:
    """What is said of some tasks, and `other` of each that is not in the NAS."""
    return {**said, **{task.name: other for task in TASKS if not task.in_nas}}
