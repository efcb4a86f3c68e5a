"""What pages and the command line draw of evaluations: plain, frozen facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What an evaluation of a model would go by, before it is started.

    Attributes:
        judged: slides with truth that count.
        learnt_from: slides with truth the model learnt from or was calibrated on.
        of_learnt_patients: other slides with truth of the patients it learnt from.
        without_truth: slides without a true grade that counts.
        not_blind: of these, slides that have grades, but none given blind.
        notes: what to know of it, in sentences.
        problem: why it cannot start, None where it can.
    """

    judged: Sequence[int]
    learnt_from: Sequence[str]
    of_learnt_patients: Sequence[str]
    without_truth: int
    not_blind: int
    notes: Sequence[str]
    problem: str | None


@dataclass(frozen=True, slots=True)
class EvaluationHead:
    """One finished evaluation in a list; `id` is its job's number."""

    id: str
    kind: str
    title: str
    created_at: datetime
