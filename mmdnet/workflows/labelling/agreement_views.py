"""What the comparison of readings hands out: plain, frozen facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mmdnet.labels.agreement import Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides on one task, on the patches both graded.

    Attributes:
        key: names the two sides, for links: the same in every task.
        kind: readers, consensus (a reader against that of all the others), model or repeat (a reader against oneself).
        counts: of grade pairs, rows the first side.
        estimates: by the names of `labels.agreement.COEFFICIENTS`.
        drawn: what the bootstrap drew: patients, slides or patches.
    """

    key: str
    kind: str
    task: str
    first: str
    second: str
    counts: tuple[tuple[int, ...], ...]
    estimates: dict[str, Estimate]
    drawn: str

    @property
    def n(self) -> int:
        return sum(map(sum, self.counts))


@dataclass(frozen=True, slots=True)
class GroupAgreement:
    """All readers together on one task: patches two or more graded (`shared`), and all (`by_all`, for Fleiss)."""

    task: str
    readers: int
    shared: int
    by_all: int
    estimates: dict[str, Estimate]
    drawn: str


@dataclass(frozen=True, slots=True)
class AgreementView:
    """All comparisons of a project.

    `learnt_from` counts the labels not held against the model because it has learnt from their slides.
    """

    comparisons: tuple[Comparison, ...]
    groups: tuple[GroupAgreement, ...]
    rule: str
    readers: tuple[str, ...]
    learnt_from: int


@dataclass(frozen=True, slots=True)
class GradedTwice:
    """Patches of one cell of a matrix; `hidden` are those the asking reader may not see yet."""

    patches: tuple[int, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class RuleView:
    """A project's consensus rule, who chose it and when; neither while nobody has."""

    rule: str
    reader_id: int | None
    reader: str | None
    set_by: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What a reader can read again: patches that wait, and the session that is open already."""

    kind: str
    waiting: int
    open_session: int | None
    left: int
