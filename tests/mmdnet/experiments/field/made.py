"""A cohort made of numbers: patches whose features show their grades, for field experiments in seconds."""

from functools import cache
from pathlib import Path

import numpy as np

from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.experiments.field.data import FieldData
from mmdnet.experiments.field.plan import FieldPlan
from mmdnet.experiments.field.result import FieldResult
from mmdnet.experiments.field.run import run_field
from tests.nas import columns

WIDTH = 16
FEW = ("mean", "abmil", "ibmil", "da-mil-ms", "mmd-net")


def plan(**choices) -> FieldPlan:
    """A small plan: five methods, four epochs."""
    small = {"methods": FEW, "epochs": 4, "patience": 4, "bag_size": 6, "projection": 16, "hidden": 8, "rate": 1e-2}
    return FieldPlan.model_validate(small | choices)


def made_data(patients: int = 12, patches: int = 14, tasks: tuple[int, ...] = (0, 1, 2), seed: int = 0) -> FieldData:
    """Two slides of each patient; only the named tasks (by place) are graded."""
    random = np.random.default_rng(seed)
    highest = np.array([2, 3, 3])
    slides, grades = [], []
    for number in range(2 * patients):
        patient = number // 2
        slides.append(SlideInfo(number + 1, f"P{patient}", scanner="abc"[patient % 2], stain="HE", simulated=True))
        ceiling = (patient + np.arange(3)) % (highest + 1)
        own = np.minimum(random.integers(0, 4, (patches, 3)), ceiling)
        own[0] = ceiling
        grades.append(own)
    known = np.concatenate(grades).astype(np.int8)
    features = random.normal(size=(len(known), WIDTH)).astype(np.float32)
    for t in range(3):
        features[np.arange(len(known)), 5 * t + known[:, t]] += 4
    hidden = [t for t in range(3) if t not in tasks]
    known[:, hidden] = -1
    count = len(known)
    cohort = Cohort(tuple(slides), np.arange(count), np.arange(count) // patches, columns(known), np.zeros(count, bool))
    return FieldData(cohort, features, features[:, ::-1].copy(), "numbers", "made patches", f"made-{patients}-{tasks}")


@cache
def made_result(folder: Path, seeds: tuple[int, ...] = (0, 1)) -> FieldResult:
    """The small plan's result, computed once."""
    return run_field(made_data(), plan(seeds=seeds), folder)
