"""The same figures by site, staining run, stain, scanner and fold: where a model fails is told before the mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmdnet.evaluation.cases import Case
from mmdnet.evaluation.measures import part_measures
from mmdnet.evaluation.result import Breakdown, Part
from mmdnet.evaluation.scales import Scale

BY: Mapping[str, Callable[[Case], str]] = {
    "site": lambda case: case.truth.site,
    "staining run": lambda case: (
        " · ".join(filter(None, (case.truth.site, case.truth.staining_run))) if case.truth.staining_run else ""
    ),
    "stain": lambda case: case.truth.stain,
    "scanner": lambda case: case.truth.scanner,
    "fold": lambda case: case.fold,
}
UNSTATED = "not stated"


def breakdowns(cases: Sequence[Case], scales: Sequence[Scale]) -> tuple[Breakdown, ...]:
    """By each fact that tells slides apart, parts with the largest error first; slides without the fact are a part."""
    made = []
    for by, fact in BY.items():
        parts: dict[str, list[Case]] = defaultdict(list)
        for case in cases:
            parts[fact(case) or UNSTATED].append(case)
        if len(parts) < 2:
            continue
        judged = [part for value, members in parts.items() if (part := _part(value, members, scales)) is not None]
        made.append(Breakdown(by=by, parts=tuple(sorted(judged, key=lambda part: (-part.error, part.value)))))
    return tuple(made)


def _part(value: str, members: Sequence[Case], scales: Sequence[Scale]) -> Part | None:
    measured = {}
    for scale in scales:
        columns = scale.columns(members)
        if columns is not None:
            measured[scale.name] = part_measures(columns.truth, columns.said, scale.highest, columns.covered)
    errors = [measured[scale.name].mae for scale in scales if scale.is_task and scale.name in measured]
    if not errors:
        return None
    patients = len({case.patient for case in members})
    return Part(value=value, slides=len(members), patients=patients, error=float(np.mean(errors)), scales=measured)
