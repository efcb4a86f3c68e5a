"""How many labels are enough: sampling plans replayed on simulated slides whose every grade is known.

What is replayed: slides of simulated patients are drawn, patches laid and looked at once by the demo model's backbone,
which stays as it is. Then, per plan and seed, a reader who is never wrong labels batch by batch what the plan asks for;
a small grade head is trained anew on the labels so far, and graded on patients it never sees.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASKS
from mmdnet.labels.label_efficiency import (
    AUDIT,
    BUDGETS,
    HELD_OUT,
    PLANS,
    Curve,
    Pool,
    over_seeds,
    replay,
    share_needed,
)
from mmdnet.nn.card import read_card
from mmdnet.workflows.services import Services
from mmdnet.workflows.training.models import SHIPPED

Step = Callable[[float, str], None]
SLIDES, SEED = 60, 41
LESIONS = 1.5  # as in the demo: the top grades' patches stay as rare as they are there
BATCH = 64
FORMAT = 1
OWN = "label_economy.json"
POOL_FIELDS = ("features", "grades", "ignored", "slide", "patient")


def make_pool(folder: Path, slides: int = SLIDES, seed: int = SEED, step: Step | None = None) -> Pool:
    """Patches of simulated slides with their true grades and what the demo model's backbone makes of them.

    What is in `folder` already is used again: the same slides, seed and backbone give the same pool.

    Raises:
        LabError: there are fewer than twelve slides, or the demo model's files are gone.
    """
    from mmdnet.experiments.simulated_cohorts import draw
    from mmdnet.simulate.recipes import training_recipes
    from mmdnet.training.simulated import simulated_cohort

    if slides < 12:
        raise LabError("This experiment needs twelve slides or more: a third of the patients are held out.")
    tell = step or (lambda share, message: None)
    kept = folder / f"pool-{slides}-{seed}-{_backbone_sha256()[:12]}.npz"
    if kept.is_file():
        return _read(kept)
    recipes = training_recipes(slides, seed, lesions=LESIONS)
    drawn = draw(recipes, folder / "slides", lambda share: tell(0.6 * share, "drawing"))
    cohort, pixels = simulated_cohort(drawn, folder / "patches")
    patients = {name: n for n, name in enumerate(sorted({slide.patient for slide in cohort.slides}))}
    pool = Pool(
        features=_embed(pixels, len(cohort.patch_id), lambda s: tell(0.6 + 0.4 * s, "looking at patches")),
        grades=cohort.grades,
        ignored=cohort.ignored,
        slide=cohort.slide_index,
        patient=np.array([patients[cohort.slides[n].patient] for n in cohort.slide_index]),
    )
    _write(kept, pool)
    return pool


def measure(pool: Pool, seeds: int = 5, step: Step | None = None) -> dict[str, Any]:
    """Every plan replayed for every seed; see `docs/artefacts.md` for the fields.

    Raises:
        LabError: fewer than two seeds.
    """
    if seeds < 2:
        raise LabError("An interval needs at least two seeds.")
    tell = step or (lambda share, message: None)
    curves: dict[str, list[Curve]] = {}
    for number, plan in enumerate(PLANS):
        for seed in range(seeds):
            tell((number + seed / seeds) / len(PLANS), f"plan {plan}, seed {seed + 1} of {seeds}")
            curves.setdefault(plan, []).append(replay(pool, plan, seed))
    steps = min(len(curve.labels) for found in curves.values() for curve in found)
    budgets = [budget for budget in BUDGETS if budget <= curves["random"][0].labels[steps - 1]]
    return {
        "format": FORMAT,
        "simulated": True,
        "slides": int(np.unique(pool.slide).size),
        "patients": int(np.unique(pool.patient).size),
        "patches": int(pool.slide.size),
        "held_out_patients": HELD_OUT,
        "audit_share": AUDIT,
        "seeds": seeds,
        "backbone_sha256": _backbone_sha256(),
        "labels": list(curves["random"][0].labels[:steps]),
        "plans": {
            plan: {
                "kappa": _interval([curve.mean[:steps] for curve in found]),
                "tasks": {
                    task.name: _interval([np.array(curve.kappa[task.name][:steps]) for curve in found])
                    for task in TASKS
                },
                "share_needed": {
                    str(budget): dict(
                        zip(
                            ("value", "low", "high"),
                            _finite(share_needed(found, curves["random"], budget)),
                            strict=True,
                        )
                    )
                    for budget in budgets
                },
            }
            for plan, found in curves.items()
        },
    }


def write(folder: Path, result: dict[str, Any]) -> Path:
    """Keep a result in this folder; where it lies."""
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(folder / OWN, json.dumps(result, indent=1) + "\n")
    return folder / OWN


class LabelEfficiency:
    """Use cases reachable as `lab.label_efficiency`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def newest(self) -> dict[str, Any] | None:
        """The lab's own result, else the one that comes with the demo model; None where neither can be read."""
        for path in (self._services.settings.home.resolve() / "experiments" / OWN, SHIPPED / OWN):
            try:
                found = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError):
                continue
            if isinstance(found, dict) and found.get("format") == FORMAT:
                return found
        return None


def best_active(result: dict[str, Any], budget: int) -> tuple[str, dict[str, float | None]] | None:
    """The plan (not random, not quota) that needs the smallest share of labels, and the share; None if none reaches."""
    known = {
        plan: found["share_needed"][str(budget)]
        for plan, found in result["plans"].items()
        if plan not in ("random", "quota") and found["share_needed"].get(str(budget), {}).get("value") is not None
    }
    return min(known.items(), key=lambda one: one[1]["value"]) if known else None


def _interval(curves: list[np.ndarray]) -> dict[str, list[float]]:
    return {
        name: np.round(array, 4).tolist()
        for name, array in zip(("mean", "low", "high"), over_seeds(curves), strict=True)
    }


def _finite(numbers: Iterable[float]) -> list[float | None]:
    """JSON knows no infinity: None is "not reached"."""
    return [round(float(number), 4) if np.isfinite(number) else None for number in numbers]


def _backbone_sha256() -> str:
    """Of the demo model's weights, as its card says.

    Raises:
        LabError: the card is gone or damaged.
    """
    return read_card(SHIPPED).weights_sha256


def _embed(pixels: object, patches: int, step: Callable[[float], None]) -> np.ndarray:
    """The frozen backbone's features of every patch, shape (patches, features)."""
    import torch

    from mmdnet.nn.io import load_model

    model, _ = load_model(SHIPPED)
    model.eval()
    found = []
    with torch.inference_mode():
        for start in range(0, patches, BATCH):
            images = pixels.read(np.arange(start, min(patches, start + BATCH)))  # type: ignore[attr-defined]
            tensor = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
            found.append(model.embed(tensor).float().numpy())
            step(min(1.0, (start + BATCH) / patches))
    return np.concatenate(found)


def _write(path: Path, pool: Pool) -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **{name: getattr(pool, name) for name in POOL_FIELDS})
    write_aside(path, buffer.getvalue())


def _read(path: Path) -> Pool:
    with np.load(path) as file:
        return Pool(**{name: file[name] for name in POOL_FIELDS})
