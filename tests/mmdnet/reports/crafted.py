"""A report's inputs written down by hand: twelve patches on a grid of three by four."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from mmdnet.nn.card import ModelCard
from mmdnet.reports.inputs import ReaderGrades, ReportInputs, ReportSlide
from mmdnet.reports.patch_maps import ReportMaps, patches_of
from mmdnet.reports.schema import Report
from mmdnet.scoring.cam.deletion import Deletion
from mmdnet.scoring.cam.evidence_maps import PatchMap
from mmdnet.scoring.result import ScoreArrays
from mmdnet.scoring.summary import SCORE_VERSION, ScoreSummary, TaskSummary
from mmdnet.scoring.validity import Ground, Objection, Validity
from mmdnet.slides.geometry import PatchPlace
from tests.nas import NAMES

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


PLACES = [PatchPlace(row, col, 100 + col * 299, 50 + row * 299, 1.0) for row in range(3) for col in range(4)]


def slide(**changes: Any) -> ReportSlide:
    facts = {
        "slide_id": 7, "name": "N01.svs", "fingerprint": "c" * 64, "width_px0": 2000, "height_px0": 1200, "mpp_x": 0.5,
        "mpp_y": 0.5, "mpp_source": "file", "objective": 20.0, "stain": "H&E", "scanner": "Scanner A", "site": "North",
        "patient": "P01", "simulated": False, "tissue_mm2": 0.31, "core_length_mm": 18.0, "fat_area_share": 0.16,
        "patch_px": 299, "patch_mpp": 0.5, "vendor": "aperio", "reader": "openslide",
    }  # fmt: skip
    return ReportSlide(**(facts | changes))


def task(grade: int, classes: int, **changes: Any) -> TaskSummary:
    shares = [0.0] * classes
    shares[grade] = 1.0
    facts = {
        "grade": grade, "probabilities": shares, "expected": grade + 0.1, "interval": [grade - 0.2, grade + 0.3],
        "quantity": 0.4, "quantity_interval": [0.3, 0.5], "density": 0.4, "density_interval": [0.3, 0.5],
        "positive_patch_share": 0.25, "threshold": 0.5, "rests_on": "density per field, read by Kleiner's cuts; not calibrated",
        "calibrated": False,
    }  # fmt: skip
    return TaskSummary(**(facts | changes))


def score(**changes: Any) -> ScoreSummary:
    facts = {
        "version": 1,
        "tasks": {
            "ballooning": task(1, 3, density=1.2, density_interval=[0.4, 2.1]),
            "inflammation": task(2, 4, density=2.5, density_interval=[1.1, 3.9]),
            "steatosis": task(2, 4),
        },
        "nas": 5, "nas_expected": 5.3, "nas_interval": [4, 6], "p_active": 0.93, "patches": 12, "assessed_patches": 11,
        "set_aside": 1, "ignored_by_model": 0, "not_read": {}, "area_mm2": 0.246, "fields": 0.26, "bags": 1,
        "bag_size": 48, "blocks": 12, "rule": "density", "aggregator": "density per field", "resamples": 1000, "seed": 0,
        "low_evidence": True, "warnings": ["Little tissue: 11 patches."], "notes": ["Not calibrated."],
        "model": {"name": "first", "weights_sha256": "a" * 64, "simulated": False}, "device": "cpu",
    }  # fmt: skip
    return ScoreSummary(**(facts | changes))


def defended(**changes: Any) -> ScoreSummary:
    """A score as today's builds make it: two tasks calibrated on graded slides, one by sampling only."""
    tasks = {
        "ballooning": task(1, 3, covers_error=True, holds=0.92, density_covers_error=True, density_holds=0.9),
        "inflammation": task(2, 4),
        "steatosis": task(2, 4, covers_error=True, holds=0.88),
    }
    facts = {
        "version": 2, "tasks": tasks, "nas_at_least": [1, 1, 1, 1, 0.9, 0.6, 0.2, 0.02, 0], "nas_covers_error": True,
        "nas_holds": 0.91, "graded_slides": 60, "refer": ["near a cut"], "unlikeness": 1.3,
        "referral": {"slides": 60, "rate": 0.3, "error_all": 0.5, "error_left": 0.4, "within_left": 1.0},
    }  # fmt: skip
    return score(**(facts | changes))


def arrays() -> ScoreArrays:
    """Attention that rises from place to place, patch grades that take turns; the last place was not assessed."""
    assessed = np.arange(12) < 11
    attention = np.where(assessed, np.arange(1.0, 13.0), np.nan)
    patches = {}
    for name, classes in (("ballooning", 3), ("inflammation", 4), ("steatosis", 4)):
        patches[name] = np.eye(classes, dtype=np.float32)[np.arange(12) % classes]
        patches[name][11] = np.nan
    return ScoreArrays(
        assessed=assessed,
        p_ignore=np.full(12, np.nan, np.float32),
        bag=np.where(assessed, 0, -1),
        row=np.array([place.row for place in PLACES]),
        col=np.array([place.col for place in PLACES]),
        attention={name: attention / np.nansum(attention) for name in patches},
        patch_probabilities=patches,
        bag_probabilities={name: table[:1] for name, table in patches.items()},
    )


def card(**changes: Any) -> ModelCard:
    facts = {
        "name": "first", "backbone": "small", "weights_sha256": "a" * 64, "label_set_sha256": "b" * 64,
        "code_version": "0.1.0", "simulated": False, "metrics": {"validation": {"kappa_steatosis": 0.81, "kappa_inflammation": 0.45, "kappa_ballooning": 0.56}},
        "bag_size": 16, "split": {}, "trained_tasks": NAMES, "projection": 16,
        "trained_on": {"slides": 20, "stains": ["H&E"], "scanners": ["Scanner A"]},
    }  # fmt: skip
    return ModelCard(**(facts | changes))


def inputs(**changes: Any) -> ReportInputs:
    facts = {
        "slide": slide(), "score_id": 3, "scored_at": NOW, "score": score(), "arrays": arrays(), "places": PLACES,
        "patch_ids": list(range(500, 512)), "card": card(), "made_at": NOW, "set_aside": {"pen": 1},
        "human": [ReaderGrades("Dr Okafor", {"ballooning": None, "inflammation": 1, "steatosis": 2}, NOW)],
    }  # fmt: skip
    return ReportInputs(**(facts | changes))


def of_today(**changes: Any) -> ScoreSummary:
    """A score whose report is of the newest version."""
    return defended(**({"version": SCORE_VERSION} | changes))


def not_reportable(version: int = SCORE_VERSION, **changes: Any) -> ReportInputs:
    """The inputs of a model that was validated on inflammation alone; fat on the slide speaks against its steatosis."""
    said = Objection(
        ground=Ground.NOT_VALIDATED,
        tasks=("steatosis", "ballooning"),
        words="the model was not validated on other patients for steatosis and ballooning",
        remedy="Grade slides of patients the model has not seen.",
    )
    facts = {
        "score": defended(version=version),
        "validity": Validity(objections=(said,)),
        "slide": slide(fat_area_share=0.001),
    }
    return inputs(**(facts | changes))


def without(*names: str) -> ReportInputs:
    """The inputs of a model that was not trained on these tasks."""
    kept = {name: summary for name, summary in score().tasks.items() if name not in names}
    nothing = {"nas": None, "nas_expected": None, "nas_interval": None, "p_active": None}
    return inputs(score=score(tasks=kept, **nothing))


def maps_of(report: Report, name: str, jpeg: bytes) -> ReportMaps:
    """A map of each patch of a feature's evidence, with its test; all look like this JPEG."""
    drawn = PatchMap(np.zeros((4, 4), np.uint8), 1, Deletion(0.9, 0.1, 0.8))
    places = [patch.place for shown in report.evidence if shown.task == name for _, patch in patches_of(shown)]
    return ReportMaps({name: dict.fromkeys(places, drawn)}, {name: dict.fromkeys(places, jpeg)})
