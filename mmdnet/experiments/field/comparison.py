r"""Methods beside one another: figures over cells, paired differences and ranks.

* A figure over several cells (seeds, folds) is their mean with standard deviation and Student's t interval, which ends
  where the measure does; of a single cell its interval is the evaluation's, by drawing patients.
* Two methods are compared on the same draws of patients (paired bootstrap): per draw the mean quadratic kappa over
  parts and tasks of the reference less the other's. p is twice the smaller tail; over all methods it is corrected by
  Benjamini-Hochberg.
* Fewer than five tested patients carry no interval at all: so few have no spread that says anything.
* Ranks are taken among all methods in each (part, task); two mean ranks differ where they are further apart than
  Nemenyi's critical difference (Demšar 2006), :math:`q_{0.05} \sqrt{k (k + 1) / 6N}`. Parts share patients, so N is
  generous.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mmdnet.evaluation.measures import draws_of_patients, ordinal_measures, reliability
from mmdnet.evaluation.result import OrdinalMeasures, ReliabilityBin
from mmdnet.experiments.ablation import interval
from mmdnet.experiments.field.result import Cell, FieldResult
from mmdnet.labels.agreement import FEWEST_CLUSTERS, Estimate, draws_of_rows, estimate_of, kappas_of_counts
from mmdnet.labels.grading import SHOWN_TASKS, UNKNOWN

MEASURES: Mapping[str, str] = {
    "kappa_quadratic": "κ quadratic",
    "kappa_linear": "κ linear",
    "kappa_plain": "κ plain",
    "accuracy": "Accuracy",
    "precision_macro": "Precision macro",
    "recall_macro": "Recall macro",
    "f1_macro": "F1 macro",
    "precision_weighted": "Precision weighted",
    "recall_weighted": "Recall weighted",
    "f1_weighted": "F1 weighted",
    "mae": "MAE",
    "auroc": "AUROC",
    "ece": "ECE",
}
MEAN = "mean"
RESAMPLES = 1000
FEWEST_PATIENTS = 10  # so few patients have too few different draws for a p
FEWEST = 2  # resamples of a cell among others: its interval is not asked for


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over `n` cells; None where it is not defined."""

    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the reference is ahead of a method in mean quadratic kappa, on the same patients."""

    method: str
    ahead: Estimate
    p: float | None
    p_adjusted: float | None


@dataclass(frozen=True, slots=True)
class Ranks:
    """Mean rank of each method (1 is best), over `blocks` (part, task) pairs, and when two of them differ."""

    mean: Mapping[str, float]
    blocks: int
    critical_difference: float
    friedman_p: float | None


@dataclass(frozen=True)
class Comparison:
    """What a result comes to; each part is computed when it is first asked for."""

    result: FieldResult

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that some cell was tested in, as people read them."""
        known = [task.name for task in SHOWN_TASKS if task.name in self.result.tasks]
        ordered = [*known, *(name for name in self.result.tasks if name not in known)]
        return tuple(name for name in ordered if any(self._judged(cell, name) for cell in self.result.cells))

    @staticmethod
    def _judged(cell: Cell, task: str) -> bool:
        return task in cell.said and any(grade != UNKNOWN for grade in cell.bags.truth.get(task, ()))

    @cached_property
    def measures(self) -> Mapping[tuple[str, str], OrdinalMeasures]:
        """Of each cell (method, part) and task: keys are (method--part, task)."""
        alone = len(self.result.parts) == 1
        return {
            (f"{cell.method}--{cell.part}", name): _measured(cell, name, self.result.tasks[name], alone)
            for cell in self.result.cells
            for name in self.tasks
            if self._judged(cell, name)
        }

    def _values(self, method: str, task: str, measure: str) -> list[float]:
        values = (self._value(method, part, task, measure) for part in self.result.parts)
        return [value for value in values if value is not None]

    def _value(self, method: str, part: str, task: str, measure: str = "kappa_quadratic") -> float | None:
        """A measure of one cell, without its interval; None where it is not defined, or there is no such cell."""
        of = self.measures.get((f"{method}--{part}", task))
        known = None if of is None else getattr(of, measure)
        value = known.value if isinstance(known, Estimate) else known
        return None if value is None else float(value)

    @property
    def carries_intervals(self) -> bool:
        """Whether enough patients were tested for an interval to say anything."""
        return len(self._patients) >= FEWEST_CLUSTERS

    def spread(self, method: str, task: str, measure: str = "kappa_quadratic") -> Spread:
        """A measure of a method in a task, or with `mean` the mean over tasks, over all cells."""
        known = self._mean_over_tasks(method, measure) if task == MEAN else self._of_task(method, task, measure)
        if not self.carries_intervals or known.low is None or known.high is None:
            return replace(known, low=None, high=None)
        least, most = (-1.0 if measure.startswith("kappa") else 0.0), (np.inf if measure == "mae" else 1.0)
        return replace(known, low=max(least, known.low), high=float(min(most, known.high)))

    def _of_task(self, method: str, task: str, measure: str) -> Spread:
        values = self._values(method, task, measure)
        if len(values) == 1 and len(self.result.parts) == 1:
            known = getattr(self.measures[f"{method}--{self.result.parts[0]}", task], measure)
            low, high = (known.low, known.high) if isinstance(known, Estimate) else (None, None)
            return Spread(values[0], None, low, high, 1)
        return _spread(values)

    def _mean_over_tasks(self, method: str, measure: str) -> Spread:
        by_part = []
        for part in self.result.parts:
            values = (self._value(method, part, task, measure) for task in self.tasks)
            known = [value for value in values if value is not None]
            if known:
                by_part.append(float(np.mean(known)))
        if measure == "kappa_quadratic" and len(self.result.parts) == 1 and by_part:
            drawn = estimate_of(by_part[0], self._drawn[method], 1)
            return Spread(by_part[0], None, drawn.low, drawn.high, 1)
        return _spread(by_part)

    def curve(self, method: str, name: str) -> list[float | None]:
        """An epoch's `loss`, `kappa` or `rate`, mean over the parts that still trained; None where none has it."""
        curves = [cell.curve for cell in self.result.cells if cell.method == method]
        means: list[float | None] = []
        for epoch in range(max(map(len, curves), default=0)):
            values = [getattr(curve[epoch], name) for curve in curves if epoch < len(curve)]
            known = [value for value in values if value is not None]
            means.append(float(np.mean(known)) if known else None)
        return means

    def confusion(self, method: str, task: str) -> np.ndarray:
        """Bags by true grade (rows) and said grade, over all parts."""
        tables = [
            np.array(self.measures[f"{method}--{part}", task].confusion)
            for part in self.result.parts if (f"{method}--{part}", task) in self.measures
        ]  # fmt: skip
        return np.sum(tables, axis=0)

    def reliability(self, method: str, task: str) -> tuple[ReliabilityBin, ...]:
        """The calibration curve of a method's favoured grades, over all parts."""
        cells = [cell for cell in self.result.cells if cell.method == method and self._judged(cell, task)]
        right, probability = (np.concatenate(part) for part in zip(*(_favoured(c, task) for c in cells), strict=True))
        curve, _ = reliability(right, probability, np.ones((1, len(right))))
        return curve

    @cached_property
    def _patients(self) -> dict[str, int]:
        names = sorted({name for cell in self.result.cells for name in cell.bags.patients})
        return {name: number for number, name in enumerate(names)}

    @cached_property
    def _drawn(self) -> Mapping[str, np.ndarray]:
        """Of each method the mean kappa over parts and tasks on the same draws of patients, (resamples,)."""
        draws = draws_of_rows(np.arange(len(self._patients)), 0, RESAMPLES)
        drawn = {}
        for method in self.result.methods:
            kappas = [
                kappas_of_counts(np.tensordot(draws, self._counts(cell, task), 1))
                for cell in self.result.cells if cell.method == method
                for task in self.tasks if self._judged(cell, task)
            ]  # fmt: skip
            with np.errstate(invalid="ignore"):
                drawn[method] = _mean_of_known(np.array(kappas))
        return drawn

    def _counts(self, cell: Cell, task: str) -> np.ndarray:
        """Confusion matrix of each patient, (patients, grades, grades)."""
        grades = self.result.tasks[task]
        counts = np.zeros((len(self._patients), grades, grades))
        truth, said = np.array(cell.bags.truth[task]), np.array(cell.said[task].grades)
        rows = np.array([self._patients[name] for name in cell.bags.patients])
        known = truth != UNKNOWN
        np.add.at(counts, (rows[known], truth[known], said[known]), 1)
        return counts

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """The reference against every other method, in their order."""
        from scipy.stats import false_discovery_control

        reference = self.result.plan.reference
        if reference not in self.result.methods:
            return ()
        of_reference = self.spread(reference, MEAN).mean
        compared = []
        for method in self.result.methods:
            own = self.spread(method, MEAN).mean
            if method == reference or own is None or of_reference is None:
                continue
            apart = self._drawn[reference] - self._drawn[method]
            known = apart[~np.isnan(apart)]
            tail = min(np.count_nonzero(known <= 0), np.count_nonzero(known >= 0))
            enough = len(known) and len(self._patients) >= FEWEST_PATIENTS
            p = min(1.0, 2 * (tail + 1) / (len(known) + 1)) if enough else None
            ahead = estimate_of(of_reference - own, apart, len(self._patients))
            compared.append((method, ahead if self.carries_intervals else replace(ahead, low=None, high=None), p))
        given = [p for *_, p in compared if p is not None]
        adjusted = iter(false_discovery_control(given) if given else ())
        return tuple(
            Difference(method, ahead, p, float(next(adjusted)) if p is not None else None)
            for method, ahead, p in compared
        )

    @cached_property
    def ranks(self) -> Ranks | None:
        """Mean ranks over (part, task) where every method has a kappa; None for fewer than two methods or blocks.

        None as well where patients are too few for an interval: ranks would look like more than there is.
        """
        from scipy.stats import friedmanchisquare, rankdata, studentized_range

        methods = self.result.methods
        rows = []
        for part in self.result.parts:
            for task in self.tasks:
                kappas = [self._value(method, part, task) for method in methods]
                if all(kappa is not None for kappa in kappas):
                    rows.append(kappas)
        if len(methods) < 2 or len(rows) < 2 or not self.carries_intervals:
            return None
        table = np.array(rows, float)
        mean = rankdata(-table, axis=1).mean(axis=0)
        k, n = len(methods), len(rows)
        apart = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * n))
        p = float(friedmanchisquare(*table.T).pvalue) if k > 2 and np.ptp(table) > 0 else None
        return Ranks(dict(zip(methods, map(float, mean), strict=True)), n, float(apart), p)


def _measured(cell: Cell, task: str, grades: int, alone: bool) -> OrdinalMeasures:
    """A cell's measures in a task; intervals by drawing patients where the cell stands alone."""
    truth, said, known = np.array(cell.bags.truth[task]), cell.said[task], _known(cell, task)
    grade, expected = np.array(said.grades)[known], np.array(said.expected)[known]
    patients = [cell.bags.patients[row] for row in known]
    resamples = RESAMPLES if alone else FEWEST
    of = ordinal_measures(truth[known], grade, expected, grades - 1, patients, resamples=resamples)
    draws = draws_of_patients(patients, 0, resamples)
    _, error = reliability(*_favoured(cell, task), draws)
    return of.model_copy(update={"ece": error})


def _known(cell: Cell, task: str) -> np.ndarray:
    """Rows whose true grade is known."""
    return np.flatnonzero(np.array(cell.bags.truth[task]) != UNKNOWN)


def _favoured(cell: Cell, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Of each row with a true grade, whether the said grade is right, and the probability that it was given."""
    known, said = _known(cell, task), cell.said[task]
    grade = np.array(said.grades)[known]
    probability = np.clip(np.array(said.probabilities)[known, grade], 0, 1)
    return grade == np.array(cell.bags.truth[task])[known], probability


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is not NaN; NaN where nothing is known."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _spread(values: list[float]) -> Spread:
    if not values:
        return Spread(None, None, None, None, 0)
    if len(values) == 1:
        return Spread(values[0], None, None, None, 1)
    low, high = interval(values)["interval"]
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)), low, high, len(values))
