"""The regulators' composite endpoints: a yes or no of each slide, or of a patient between two visits.

FDA, "Noncirrhotic Nonalcoholic Steatohepatitis With Liver Fibrosis: Developing Drugs for Treatment", draft guidance of
2018: enrolment by NAS of 4 or more with at least 1 in each part; resolution of steatohepatitis as 0-1 for inflammation,
0 for ballooning and any value for steatosis. Fibrosis is not staged here, so "without worsening of fibrosis" is part of
none of them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmdnet.evaluation.cases import Case
from mmdnet.evaluation.measures import auroc_estimate
from mmdnet.evaluation.result import EndpointMeasures
from mmdnet.labels.agreement import RESAMPLES, draws_of_rows, estimates
from mmdnet.labels.grading import TASKS, Grades
from mmdnet.scoring.distribution import ACTIVE_NAS

IMPROVED_BY = 2.0  # points of NAS


@dataclass(frozen=True)
class Endpoint:
    """A yes or no of a slide's grades, None where they do not decide it."""

    name: str
    title: str
    definition: str
    of: Callable[[Grades], bool | None]


def _eligible(grades: Grades) -> bool | None:
    if grades.total is None:
        return None
    parts = [grades[task.name] or 0 for task in TASKS if task.in_nas]
    return grades.total >= ACTIVE_NAS and min(parts) >= 1


def _resolved(grades: Grades) -> bool | None:
    ballooning, inflammation = grades["ballooning"], grades["inflammation"]
    if ballooning is None or inflammation is None:
        return None
    return ballooning == 0 and inflammation <= 1


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "eligible",
        f"NAS ≥ {ACTIVE_NAS}, each part ≥ 1",
        f"NAS of {ACTIVE_NAS} or more, steatosis, inflammation and ballooning each 1 or more (enrolment, FDA 2018).",
        _eligible,
    ),
    Endpoint(
        "resolved",
        "Resolution of steatohepatitis",
        "Ballooning 0 and lobular inflammation 0-1, any steatosis (FDA 2018); fibrosis is not judged.",
        _resolved,
    ),
)
IMPROVED = Endpoint(
    "improved",
    "NAS improved by 2 points",
    "From a patient's first visit to the last the NAS falls by 2 points or more, the mean of a visit's slides; visits "
    "in the order of the numbers in their names, those without one first. Fibrosis is not judged.",
    lambda grades: None,
)


def slide_endpoints(cases: Sequence[Case], seed: int = 0, resamples: int = RESAMPLES) -> tuple[EndpointMeasures, ...]:
    """Each endpoint on the slides whose truth and prediction both decide it; one that none decides is left out."""
    judged = []
    for endpoint in ENDPOINTS:
        both = [(case, endpoint.of(case.truth.grades), endpoint.of(case.predicted.grades)) for case in cases]
        decided = [(case, true, said) for case, true, said in both if true is not None and said is not None]
        if not decided:
            continue
        chances = [case.predicted.p_active for case, _, _ in decided] if endpoint.name == "eligible" else [None]
        judged.append(
            _measures(
                endpoint, "slide",
                np.array([true for _, true, _ in decided]), np.array([said for _, _, said in decided]),
                [case.patient for case, _, _ in decided],
                None if None in chances else np.array(chances, float), seed, resamples,
            )
        )  # fmt: skip
    return tuple(judged)


def paired_improvement(cases: Sequence[Case], seed: int = 0, resamples: int = RESAMPLES) -> EndpointMeasures | None:
    """The two-point improvement between visits; None where no patient has two visits with a NAS on both sides."""
    visits: dict[str, dict[str, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        if case.truth.person and case.truth.visit and case.nas is not None and case.predicted.nas is not None:
            visits[case.patient][case.truth.visit].append((case.nas, case.predicted.nas))
    patients = [patient for patient, of_visit in visits.items() if len(of_visit) >= 2]
    if not patients:
        return None
    falls = []
    for patient in patients:
        ordered = sorted(visits[patient], key=visit_order)
        first, last = (np.mean(visits[patient][visit], axis=0) for visit in (ordered[0], ordered[-1]))
        falls.append(first - last)
    true, said = (np.array(falls) >= IMPROVED_BY).T
    return _measures(IMPROVED, "patient", true, said, patients, None, seed, resamples)


def visit_order(visit: str) -> tuple[float, str]:
    """Where a visit stands among a patient's: by the first number in its name; "baseline" and the like come first."""
    number = re.search(r"\d+(?:\.\d+)?", visit)
    return (float(number.group()) if number else -1.0, visit.casefold())


def _measures(
    endpoint: Endpoint, unit: str, true: np.ndarray, said: np.ndarray, patients: Sequence[str],
    chances: np.ndarray | None, seed: int, resamples: int,
) -> EndpointMeasures:  # fmt: skip
    from sklearn.metrics import confusion_matrix

    (tn, fp), (fn, tp) = confusion_matrix(true, said, labels=[False, True]).tolist()
    clusters = np.unique(np.asarray(patients), return_inverse=True)[1]
    table = np.c_[true, said].astype(int)
    return EndpointMeasures(
        name=endpoint.name,
        title=endpoint.title,
        definition=endpoint.definition,
        unit=unit,
        number=len(true),
        positive=tp + fn,
        said_positive=tp + fp,
        accuracy=_share(tp + tn, len(true)),
        sensitivity=_share(tp, tp + fn),
        specificity=_share(tn, tn + fp),
        ppv=_share(tp, tp + fp),
        npv=_share(tn, tn + fn),
        kappa=estimates(("kappa_plain",), table, 2, clusters, seed, resamples)["kappa_plain"],
        auroc=None if chances is None else auroc_estimate(true, chances, draws_of_rows(clusters, seed, resamples)),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
