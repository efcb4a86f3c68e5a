"""What one method came to in one part: a cell. Each is a file, written the moment the method is done."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from mmdnet.errors import LabError
from mmdnet.experiments.field.plan import VERSION, FieldPlan
from mmdnet.files import write_aside

RESULT = "field.json"
CURVES = "tensorboard"


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TestedBags(Record):
    """The bags a part is tested on; -1 where a grade is not known. The same for all methods of a part.

    `of_slides` are the grades that each bag's slide was given as a whole. Where slides are judged, each is a bag here.
    """

    patients: tuple[str, ...]
    slides: tuple[int, ...]
    truth: dict[str, tuple[int, ...]]
    of_slides: dict[str, tuple[int, ...]] = {}


class TaskSaid(Record):
    """What a method said of each tested bag in one task."""

    grades: tuple[int, ...]
    expected: tuple[float, ...]
    probabilities: tuple[tuple[float, ...], ...]


class Epoch(Record):
    """One epoch: training loss a bag, mean quadratic kappa on validation patients, learning rate."""

    loss: float
    kappa: float | None
    rate: float


class Cost(Record):
    """What a method took: processor time of its own steps, of its test, and its size.

    `step_mib` is the memory of a training step: weights, gradients, AdamW's two moments, and what is kept for the way
    back; None for results of an earlier version.
    """

    parameters: int
    train_processor_s: float
    patches_per_s: float
    step_mib: float | None = None


class Cell(Record):
    """One method in one part."""

    version: Literal[1] = VERSION  # type: ignore[assignment]
    method: str
    part: str
    seed: int
    bags: TestedBags
    said: dict[str, TaskSaid]
    curve: tuple[Epoch, ...]
    best_epoch: int
    cost: Cost
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Cell:
        count = len(self.bags.patients)
        for name, said in self.said.items():
            if not len(said.grades) == len(said.expected) == len(said.probabilities) == count:
                raise ValueError(f"{name} is not said of every bag")
        return self


class FieldResult(Record):
    """All cells of an experiment, and what it was. `apart`: where bags were split at random, the same methods with
    patients kept apart."""

    version: Literal[1] = VERSION  # type: ignore[assignment]
    plan: FieldPlan
    data: str
    extractor: str
    simulated: bool
    tasks: dict[str, int]
    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    wall_min: float = 0.0
    apart: tuple[Cell, ...] = ()

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods that have a cell, in the order asked for."""
        there = {cell.method for cell in self.cells}
        return tuple(name for name in self.plan.asked if name in there)

    def cell(self, method: str, part: str) -> Cell | None:
        return next((cell for cell in self.cells if (cell.method, cell.part) == (method, part)), None)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.part for cell in self.cells))

    def kept_apart(self) -> FieldResult | None:
        """The same methods with patients kept apart; None where that was not tried, or could not be."""
        if not self.apart:
            return None
        return self.model_copy(update={"plan": self.plan.kept_apart(), "cells": self.apart, "apart": ()})

    def truth(self, part: str, task: str) -> np.ndarray:
        """True grades of a part's bags, -1 where unknown."""
        bags = next(cell.bags for cell in self.cells if cell.part == part)
        return np.array(bags.truth.get(task, [-1] * len(bags.patients)), np.int64)


def cell_file(folder: Path, method: str, part: str) -> Path:
    """Where a cell is kept."""
    return folder / f"{method}--{part.replace(' ', '-')}.json"


def write_cell(folder: Path, cell: Cell) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(cell_file(folder, cell.method, cell.part), cell.model_dump_json())


def write_curve(folder: Path, cell: Cell) -> None:
    """The cell's epochs as TensorBoard reads them, a run of its own; an earlier one of the same name is replaced."""
    from torch.utils.tensorboard import SummaryWriter

    place = folder / CURVES / cell_file(folder, cell.method, cell.part).stem
    shutil.rmtree(place, ignore_errors=True)
    with SummaryWriter(str(place)) as board:
        for number, epoch in enumerate(cell.curve, start=1):
            board.add_scalar("loss/train", epoch.loss, number)
            board.add_scalar("learning/rate", epoch.rate, number)
            if epoch.kappa is not None:
                board.add_scalar("validation/kappa_mean", epoch.kappa, number)


def known_cell(folder: Path, method: str, part: str) -> Cell | None:
    """A finished cell; None where there is none, or its file is damaged or of another version: then it is done anew."""
    path = cell_file(folder, method, part)
    try:
        cell = Cell.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return cell if (cell.method, cell.part) == (method, part) else None


def read_field(text: str | bytes) -> FieldResult:
    """A whole result out of its JSON.

    Raises:
        LabError: it is none, or of another version.
    """
    try:
        return FieldResult.model_validate_json(text)
    except ValidationError as problem:
        raise LabError(
            "This comparison of methods is damaged or of another version of the program. Run it again."
        ) from problem
