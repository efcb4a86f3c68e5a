"""Checking a training in a process of its own: cohort on stdin of this module run with `python -m`, answer on stdout.

The check builds the backbone, so it needs torch; the application must never load that (memory, and threads that slow
every page). A process that has torch already checks in place.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.processes import ask_process
from mmdnet.workflows.training.views import CheckView

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort
    from mmdnet.bags.splits import Split
    from mmdnet.training.config import TrainingConfig

LIMIT_S = 120


def check_training(cohort: Cohort, choices: TrainingConfig, split: Split) -> CheckView:
    """What `mmdnet.training.check` says, without torch in this process unless it is there already."""
    if "torch" in sys.modules:
        return _check(cohort, choices, split)
    question = {
        "slides": [asdict(slide) for slide in cohort.slides],
        "patch_id": cohort.patch_id.tolist(),
        "slide_index": cohort.slide_index.tolist(),
        "grades": cohort.grades.tolist(),
        "ignored": cohort.ignored.tolist(),
        "slide_trust": cohort.slide_trust,
        "parent_id": None if cohort.parent_id is None else cohort.parent_id.tolist(),
        "choices": choices.model_dump(mode="json"),
        "split": split.to_json(cohort),
    }
    answer = ask_process("mmdnet.workflows.training.preflight", question, LIMIT_S)
    return CheckView(**answer | {"lines": tuple(answer["lines"]), "warnings": tuple(answer["warnings"])})


def _check(cohort: Cohort, choices: TrainingConfig, split: Split) -> CheckView:
    from mmdnet.training.check import check

    try:
        report = check(cohort, choices, split)
    except LabError as error:
        return CheckView(False, (), (), str(error))
    frozen = report.mode == "fast" and not report.warm_up
    return CheckView(True, tuple(report.lines), tuple(report.warnings), None, report.expected, frozen)


def main() -> None:
    from mmdnet.bags.cohort import Cohort, SlideInfo
    from mmdnet.bags.splits import Split
    from mmdnet.training.config import read_config

    question = json.load(sys.stdin)
    cohort = Cohort(
        slides=tuple(SlideInfo(**slide) for slide in question["slides"]),
        patch_id=np.array(question["patch_id"], np.int64),
        slide_index=np.array(question["slide_index"], int),
        grades=np.array(question["grades"], np.int8),
        ignored=np.array(question["ignored"], bool),
        slide_trust=question["slide_trust"],
        parent_id=None if question["parent_id"] is None else np.array(question["parent_id"], np.int64),
    )
    answer = _check(cohort, read_config(question["choices"]), Split.from_json(question["split"], cohort))
    print(json.dumps(asdict(answer)))


if __name__ == "__main__":
    main()
