"""Calibrate the demo model on drawn slides whose counts lie across the cuts, none of them a patient of its training.

`python -m mmdnet.experiments.calibrated_demo` writes the calibration into `models/demo/card.json`; the weights stay as
they are. What is known of every drawn slide, its densities, calibrates the densities too.
"""

import argparse
import sys
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.experiments.calibration_plans import PLANS
from mmdnet.experiments.graded_cohort import graded, seen_cohort
from mmdnet.files import write_aside
from mmdnet.nn.card import CARD, ModelCard
from mmdnet.nn.io import load_model
from mmdnet.progress import Progress, silent
from mmdnet.scoring.calibration.fit import fit_calibration
from mmdnet.scoring.calibration_record import read_calibration
from mmdnet.scoring.fields import FIELD_PATCHES
from mmdnet.simulate.cohorts import CohortPlan


def calibrate(out: Path, work: Path, plan: CohortPlan | None = None, progress: Progress = silent) -> ModelCard:
    """Fit the calibration of the model in `out` on a drawn cohort kept in `work`, and write it into its card."""
    model, card = load_model(out)
    slides = seen_cohort(plan or PLANS["calibration"], model, card, work, progress)
    known = [graded([slide], model, card)[0] for slide in slides]
    before = read_calibration(card.calibration)
    fit = fit_calibration(known, FIELD_PATCHES, card.patch_mpp, thresholds=before.threshold_fits)
    card = card.model_copy(update={"calibration": fit.to_json()})
    write_aside(out / CARD, (card.model_dump_json(indent=2) + "\n").encode())
    return card


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m mmdnet.experiments.calibrated_demo", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-data/calibration"), help="slides and features")
    parser.add_argument("--out", type=Path, default=Path("models/demo"), help="the model")
    given = parser.parse_args()
    try:
        card = calibrate(given.out, given.work)
    except LabError as problem:
        sys.stdout.write(f"{problem}\n")
        return 1
    fit = read_calibration(card.calibration)
    for tried in fit.tried:
        sys.stdout.write(f"{tried.rule}: mean kappa {tried.mean:.3f}, {tried.kappas}\n")
    sys.stdout.write(f"NAS intervals held {fit.nas_holds}; {fit.referral}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
