"""From several readers' grades of one patch to one: the rules a project can choose from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, Grades


@dataclass(frozen=True, slots=True)
class Vote:
    """One reader's standing label of a patch. `order` grows with time; `adjudicated`: to settle a disagreement."""

    order: int
    reader_id: int
    grades: Grades
    ignored: bool = False
    adjudicated: bool = False


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a rule makes of the votes; a task on which it finds no grade is None, unknown."""

    grades: Grades
    ignored: bool


def latest(votes: Sequence[Vote]) -> Agreed:
    """The newest label, whoever gave it."""
    newest = max(votes, key=lambda vote: vote.order)
    return Agreed(newest.grades, newest.ignored)


def majority(votes: Sequence[Vote]) -> Agreed:
    """Per task the grade given by more than half of those who graded it; ignored if more than half ignored it."""
    if sum(vote.ignored for vote in votes) * 2 > len(votes):
        return Agreed(Grades(), True)
    return Agreed(_by_task(votes, _most), False)


def adjudicated(votes: Sequence[Vote]) -> Agreed:
    """The newest adjudication if there is one; else only what all readers agree on."""
    settled = [vote for vote in votes if vote.adjudicated]
    if settled:
        return latest(settled)
    if all(vote.ignored for vote in votes):
        return Agreed(Grades(), True)
    return Agreed(_by_task(votes, _same), False)


RULES: Mapping[str, Callable[[Sequence[Vote]], Agreed]] = {
    "latest": latest,
    "majority": majority,
    "adjudicated": adjudicated,
}


ONE_READER = "reader"
RULE_NAMES = (*RULES, ONE_READER)


def consensus(votes: Sequence[Vote], rule: str, reader_id: int | None = None) -> Agreed:
    """Votes on one patch (at least one) to one label.

    Args:
        rule: one of `RULE_NAMES`.
        reader_id: whose labels count, for the rule of one reader; where that reader gave none, nothing is known.

    Raises:
        LabError: there is no such rule.
    """
    if rule == ONE_READER:
        own = [vote for vote in votes if vote.reader_id == reader_id]
        return latest(own) if own else Agreed(Grades(), False)
    if rule not in RULES:
        raise LabError(f"There is no consensus rule called {rule}. Known are {', '.join(RULE_NAMES)}.")
    return RULES[rule](votes)


def _by_task(votes: Sequence[Vote], rule: Callable[[list[int]], int | None]) -> Grades:
    """What a rule makes of the known grades of each task; None where there are none."""
    given = {name: [grade for vote in votes if (grade := vote.grades[name]) is not None] for name in TASK_NAMES}
    return Grades(**{name: rule(known) if known else None for name, known in given.items()})


def _most(grades: list[int]) -> int | None:
    grade, count = Counter(grades).most_common(1)[0]
    return grade if count * 2 > len(grades) else None


def _same(grades: list[int]) -> int | None:
    return grades[0] if len(set(grades)) == 1 else None
