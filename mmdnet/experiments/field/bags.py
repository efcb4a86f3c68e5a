"""Who trains, validates and is tested in each part of a field experiment, as bags that all methods share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.bags.bag import Bag, natural_bags, spread
from mmdnet.bags.sampler import PositiveFirstSampler
from mmdnet.bags.splits import SHARES, Split, audit_leakage, kfold, split_by_patient
from mmdnet.errors import LabError
from mmdnet.experiments.field.plan import UNGROUPED, FieldPlan

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort


@dataclass(frozen=True)
class FieldPart:
    """One seed, or one fold of it.

    Attributes:
        name: of the part, also in file names: "seed 0", "seed 0 fold 2".
        seed: of weights and bags.
        validation: bags by which a method's epoch is chosen.
        test: bags that the figures are of.
        sampler: draws the training bags of an epoch; None where they are `fixed`.
        fixed: training bags of a split by bags.
        warnings: what its split warns of.
    """

    name: str
    seed: int
    validation: Sequence[Bag]
    test: Sequence[Bag]
    sampler: PositiveFirstSampler | None = None
    fixed: Sequence[Bag] = field(default=())
    warnings: tuple[str, ...] = ()

    def training_bags(self, epoch: int) -> list[Bag]:
        """The training bags of an epoch, in order."""
        if self.sampler is not None:
            return self.sampler.epoch(epoch)
        return spread(list(self.fixed), np.random.default_rng((self.seed, 11, epoch)))


def parts_of(
    cohort: Cohort, plan: FieldPlan, passed_over: Callable[[str], None] = lambda sentence: None
) -> list[FieldPart]:
    """All parts of a plan, seed by seed.

    Args:
        cohort: slides and grades.
        plan: how they are split.
        passed_over: told why a part cannot be made, as where a patient would be on two of its sides; the others are.

    Raises:
        LabError: there are too few patients to validate and test on, or nothing to learn from, so that no part can be
            made.
    """
    parts: list[FieldPart] = []
    problems: list[str] = []
    for name, seed, split in _splits(cohort, plan):
        try:
            parts.append(_ungrouped(cohort, plan, seed) if split is None else _grouped(cohort, plan, seed, name, split))
        except LabError as refused:
            problems.append(f"{name}: {refused}")
    if not parts:
        raise LabError(problems[0].partition(": ")[2])
    for sentence in problems:
        passed_over(sentence)
    return parts


def _splits(cohort: Cohort, plan: FieldPlan) -> Iterator[tuple[str, int, Split | None]]:
    """Name, seed and split of each part; no split where bags are split at random.

    Raises:
        LabError: there are fewer patients than folds.
    """
    for seed in plan.seeds:
        if plan.split == "bags":
            yield f"seed {seed}", seed, None
        elif plan.folds is None:
            yield f"seed {seed}", seed, split_by_patient(cohort, seed)
        else:
            for number, split in enumerate(kfold(cohort, plan.folds, seed), start=1):
                yield f"seed {seed} fold {number}", seed, split


def _grouped(cohort: Cohort, plan: FieldPlan, seed: int, name: str, split: Split) -> FieldPart:
    """Training bags with every grade, validation and test bags as they come."""
    audit_leakage(cohort, split)
    if not split.validation or not split.test:
        raise LabError(
            f"{' '.join(split.warnings)} To compare methods, patients are needed to validate and to test on: label "
            "slides of at least five patients. Nothing was trained."
        )
    sampler = PositiveFirstSampler(cohort, split.train, plan.bag_size, seed)
    validation, test = (natural_bags(cohort, part, plan.bag_size) for part in (split.validation, split.test))
    return FieldPart(name, seed, validation, test, sampler, warnings=split.warnings)


def _ungrouped(cohort: Cohort, plan: FieldPlan, seed: int) -> FieldPart:
    """The paper's way: bags are drawn from all slides, positives first, and then split 6:2:2 at random."""
    bags = PositiveFirstSampler(cohort, cohort.labelled_slides(), plan.bag_size, seed).epoch(0)
    order = np.random.default_rng((seed, 13)).permutation(len(bags))
    cuts = np.cumsum([round(share * len(bags)) for share in SHARES[:2]])
    train, validation, test = ([bags[n] for n in chosen] for chosen in np.split(order, cuts))
    if not (train and validation and test):
        raise LabError("There are too few bags to split. Label more slides. Nothing was trained.")
    return FieldPart(f"seed {seed}", seed, validation, test, fixed=train, warnings=(UNGROUPED,))
