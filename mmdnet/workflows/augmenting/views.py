"""What pages and the command line draw of synthetic patches: plain, frozen facts, detached from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.augment.gate import GateValues
from mmdnet.augment.provenance import Origin
from mmdnet.workflows.views import JobView

LOOK_WAITS = "The blinded look begins when the batch is done."


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


@dataclass(frozen=True, slots=True)
class LookState:
    """How far a reader's blinded look is: `done` of `patches`; `place` of the next patch, None when all are done.

    `task` is the feature that is graded.
    """

    task: str
    done: int
    patches: int
    place: int | None


@dataclass(frozen=True, slots=True)
class LooksResult:
    """What readers who were not told said of real and of synthetic patches.

    Attributes:
        readers: how many looked.
        confusion: how often (synthetic, said to be synthetic).
        real, synthetic: how often (grade of the patch or of its parent, grade given); None: could not be told.
    """

    task: str
    readers: int
    confusion: Mapping[tuple[bool, bool], int]
    real: Mapping[tuple[int, int | None], int]
    synthetic: Mapping[tuple[int, int | None], int]

    @property
    def looks(self) -> int:
        return sum(self.confusion.values())

    @property
    def told_apart(self) -> float | None:
        """Mean of the share of real patches taken for real and of synthetic ones taken for synthetic; 0.5 is chance."""
        shares = []
        for kind in (False, True):
            of_kind = sum(self.confusion.get((kind, said), 0) for said in (False, True))
            if not of_kind:
                return None
            shares.append(self.confusion.get((kind, kind), 0) / of_kind)
        return sum(shares) / 2
