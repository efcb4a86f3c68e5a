"""The evaluation: cases in, one result out. What cannot be said is said in a sentence, and the rest goes on."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mmdnet.errors import LabError
from mmdnet.evaluation.breakdown import breakdowns
from mmdnet.evaluation.cases import Case
from mmdnet.evaluation.endpoints import paired_improvement, slide_endpoints
from mmdnet.evaluation.measures import draws_of_patients, interval_measures, ordinal_measures, reliability
from mmdnet.evaluation.result import (
    Apart,
    CaseRow,
    EndpointMeasures,
    Evaluation,
    IntervalMeasures,
    OrdinalMeasures,
    ReaderPair,
)
from mmdnet.evaluation.scales import Columns, Scale, scales
from mmdnet.labels.agreement import FEWEST_CLUSTERS, RESAMPLES, estimates
from mmdnet.labels.grading import SHOWN_TASKS, UNKNOWN
from mmdnet.scoring.calibration.judge import referral_of
from mmdnet.scoring.summary import Referral
from mmdnet.words import count


def evaluate(
    cases: Sequence[Case], subject: str, rule: str = "", apart: Apart | None = None, seed: int = 0,
    resamples: int = RESAMPLES,
) -> Evaluation:  # fmt: skip
    """Judge predictions by the truth.

    Args:
        cases: slides with both; ones the model learnt from must not be among them.
        subject: whose predictions, in words.
        rule: the aggregation rule's name.
        apart: slides that do not count, and why.
        seed, resamples: of the bootstrap.

    Raises:
        LabError: no slide has both a grade and a prediction of the same task.
    """
    known = scales()
    columns = {scale.name: read for scale in known if (read := scale.columns(cases)) is not None}
    judged = [scale for scale in known if scale.name in columns]
    if not any(scale.is_task for scale in judged):
        raise LabError(
            "There is nothing to evaluate: no slide that the model did not learn from has both a true grade and "
            "one of the model. Grade slides on their page, or import a table of grades (`mmdnet slides facts import`)."
        )
    measured = {scale.name: _measure(scale, columns[scale.name], seed, resamples) for scale in judged}
    improved = paired_improvement(cases, seed, resamples)
    endpoints: tuple[EndpointMeasures, ...] = slide_endpoints(cases, seed, resamples)
    counted = [case for case in cases if any(scale.reads(case) for scale in judged)]
    return Evaluation(
        subject=subject,
        rule=rule,
        slides=len(counted),
        patients=len({case.patient for case in counted}),
        simulated=all(case.truth.simulated for case in counted),
        scales=measured,
        endpoints=endpoints + ((improved,) if improved else ()),
        breakdowns=breakdowns(counted, judged),
        readers=_reader_pairs(counted, seed, resamples),
        referral=_referral(counted),
        withheld=sum(case.predicted.withheld for case in counted),
        cases=tuple(_row(case, judged) for case in counted),
        apart=apart or Apart(),
        notes=tuple(_notes(known, columns, counted, improved is not None)),
        resamples=resamples,
        seed=seed,
    )


def _measure(scale: Scale, judged: Columns, seed: int, resamples: int) -> OrdinalMeasures:
    measured = ordinal_measures(
        judged.truth, judged.said, judged.score, scale.highest, judged.patients, scale.auroc_from, seed, resamples
    )
    more: dict[str, object] = {}
    if scale.is_task:
        said = [case.predicted.tasks[scale.name] for case in judged.cases]
        if all(each.probabilities for each in said):
            favoured = np.array([max(each.probabilities) for each in said])
            draws = draws_of_patients(judged.patients, seed, resamples)
            more["reliability"], more["ece"] = reliability(judged.truth == judged.said, favoured, draws)
        more["density_intervals"] = _density_intervals(scale.name, judged.cases, seed, resamples)
    if judged.low is not None and judged.high is not None:
        more["intervals"] = interval_measures(judged.truth, judged.low, judged.high, judged.patients, seed, resamples)
    return measured.model_copy(update=more)


def _density_intervals(name: str, cases: Sequence[Case], seed: int, resamples: int) -> IntervalMeasures | None:
    known = [case for case in cases if name in case.densities and case.predicted.tasks[name].density_interval]
    if not known:
        return None
    ends = np.array([case.predicted.tasks[name].density_interval for case in known])
    truth = np.array([case.densities[name] for case in known])
    return interval_measures(truth, ends[:, 0], ends[:, 1], [case.patient for case in known], seed, resamples)


def _reader_pairs(cases: Sequence[Case], seed: int, resamples: int) -> tuple[ReaderPair, ...]:
    """Kappa of every two readers who graded some of these slides both."""
    names = sorted({name for case in cases for name in case.readings})
    clusters = np.unique(np.array([case.patient for case in cases]), return_inverse=True)[1] if cases else np.zeros(0)
    pairs = []
    for (first, second), task in itertools.product(itertools.combinations(names, 2), SHOWN_TASKS):
        table = np.array([[_given(case, reader, task.name) for reader in (first, second)] for case in cases])
        kappa = estimates(("kappa_quadratic",), table, task.highest + 1, clusters, seed, resamples)["kappa_quadratic"]
        if kappa.n:
            pairs.append(ReaderPair(task=task.name, first=first, second=second, kappa=kappa))
    return tuple(pairs)


def _given(case: Case, reader: str, task_name: str) -> int:
    grade = case.readings[reader][task_name] if reader in case.readings else None
    return UNKNOWN if grade is None else grade


def _referral(cases: Sequence[Case]) -> Referral | None:
    """How many slides a second reader was advised for, and the NAS's error on the others."""
    known = [
        (float(abs(case.predicted.nas - case.nas)), case.predicted.referred)
        for case in cases
        if case.nas is not None and case.predicted.nas is not None and case.predicted.referred is not None
    ]
    return referral_of([error for error, _ in known], [away for _, away in known]) if known else None


def _row(case: Case, judged: Sequence[Scale]) -> CaseRow:
    reads = {scale.name: read for scale in judged if (read := scale.reads(case)) is not None}
    truth = case.truth
    return CaseRow(
        slide_id=truth.slide_id,
        slide=truth.name,
        patient=truth.patient,
        site=truth.site,
        stain=truth.stain,
        scanner=truth.scanner,
        staining_run=truth.staining_run,
        visit=truth.visit,
        fold=case.fold,
        truth={name: true for name, (true, _) in reads.items()},
        said={name: said.grade for name, (_, said) in reads.items()},
    )


def _notes(known: Sequence[Scale], columns: Mapping[str, Columns], cases: Sequence[Case], paired: bool) -> list[str]:
    """What is missing or weak, a sentence each."""
    notes = []
    for scale in known:
        if scale.name not in columns:
            notes.append(f"{scale.title}: no slide has both truth and prediction, so it is not judged.")
        elif len(grades := set(columns[scale.name].truth.tolist())) == 1:
            notes.append(
                f"{scale.title}: every true grade is {grades.pop()}, so κ and AUROC say nothing, and accuracy not "
                "whether the model would see another grade."
            )
    patients = len({case.patient for case in cases})
    if patients == 1:
        notes.append("All slides are of one patient: nothing here says how the model does on another.")
    elif patients < FEWEST_CLUSTERS:
        notes.append(f"Only {count(patients, 'patient')}: slides were drawn for the intervals, which are too narrow.")
    if not paired and any(case.truth.visit for case in cases):
        notes.append("No patient has two visits with a NAS on both, so improvement between visits is not judged.")
    return notes
