"""The demo model with its drawn cohorts: to calibrate on, to test on, of a new stain and of a new scanner."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks._kept import kept, on_stderr
from mmdnet.experiments.calibration_plans import PLANS, TEST_PER_PATIENT
from mmdnet.experiments.graded_cohort import SeenSlide, seen_cohort
from mmdnet.nn.card import ModelCard
from mmdnet.nn.io import load_model
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.settings import DEMO_MODEL

QUICK = 16  # slides of each cohort in a short form


def demo() -> tuple[MMDNet, ModelCard]:
    """The demo model and its card."""
    return load_model(DEMO_MODEL)


def slides(name: str, model: MMDNet, card: ModelCard, quick: bool) -> list[SeenSlide]:
    """A cohort's slides; in the short form the first few of another seed, smaller to draw."""
    plan = PLANS[name]
    if quick:
        plan = replace(plan, slides=QUICK if name != "test" else QUICK // 4 * TEST_PER_PATIENT, patches=24)
    folder = kept("calibration") / ("quick" if quick else "")
    return seen_cohort(plan, model, card, folder, on_stderr(f"{name} cohort"))


def by_patient(seen: Sequence[SeenSlide]) -> list[list[SeenSlide]]:
    """The slides of each patient."""
    patients: dict[str, list[SeenSlide]] = {}
    for slide in seen:
        patients.setdefault(slide.patient, []).append(slide)
    return list(patients.values())


def share(held: Sequence[bool]) -> float:
    """How often, in two digits."""
    return round(float(np.mean(held)), 3)
