"""What pages and the command line draw of synthetic patches: plain, frozen facts, detached from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.gate import GateValues
from mmdnet.augment.provenance import Origin
from mmdnet.workflows.views import JobView


@dataclass(frozen=True, slots=True)
class PlanView:
    """What a batch would make: parents, children, calls of the U-Net for one child and in all, sentences for people."""

    positives: int
    negatives: int
    children: int
    calls: int
    all_calls: int
    licence: str
    prediction_type: str
    lines: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictCounts:
    """How many of a batch were to be made, are made, are judged and passed; refused by reason.

    `contradicted`: passed, but graded otherwise by a reader who was not told.
    """

    wanted: int
    made: int
    judged: int
    passed: int
    refused: dict[str, int]
    contradicted: int = 0


@dataclass(frozen=True, slots=True)
class BatchView:
    """One batch."""

    id: int
    project_id: int
    job: JobView | None
    choices: DiffusionChoices
    origin: Origin
    counts: VerdictCounts
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SyntheticView:
    """One synthetic patch; `refused` is a name of `mmdnet.augment.gate.REASONS`, `values` None until it is judged."""

    id: int
    parent_id: int
    slide: str
    number: int
    grades: dict[str, int]
    prompt: str
    seed: int
    judged: bool
    refused: str | None
    values: GateValues | None
