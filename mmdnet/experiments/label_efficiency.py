"""How many labels are enough: sampling plans replayed on simulated slides whose every grade is known.

What is replayed: slides of simulated patients are drawn, patches laid and looked at once by the demo model's backbone,
which stays as it is. Then, per plan and seed, a reader who is never wrong labels batch by batch what the plan asks for;
a small grade head is trained anew on the labels so far, and graded on patients it never sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.labels.efficiency_result import FILE, Band, EfficiencyResult, PlanResult, ShareNeeded
from mmdnet.labels.label_efficiency import (
    AUDIT,
    BUDGETS,
    HELD_OUT,
    Curve,
    Pool,
    over_seeds,
    replay,
    replayed_plans,
    share_needed,
)
from mmdnet.nn.card import read_card
from mmdnet.progress import Progress, between, silent
from mmdnet.settings import DEMO_MODEL

if TYPE_CHECKING:
    from mmdnet.bags.cohort import PixelSource

SLIDES, SEED = 60, 41
LESIONS = 1.5  # as in the demo: the top grades' patches stay as rare as they are there
BATCH = 64
POOL_FIELDS = ("features", "grades", "ignored", "slide", "patient")


def make_pool(folder: Path, slides: int = SLIDES, seed: int = SEED, step: Progress = silent) -> Pool:
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
    kept = folder / f"pool-{slides}-{seed}-{_backbone_sha256()[:12]}.npz"
    if kept.is_file():
        return _read(kept)
    recipes = training_recipes(slides, seed, lesions=LESIONS)
    drawn = draw(recipes, folder / "slides", lambda share, _, /, **__: step(0.6 * share, "drawing"))
    cohort, pixels = simulated_cohort(drawn, folder / "patches")
    patients = {name: n for n, name in enumerate(sorted({slide.person for slide in cohort.slides}))}
    pool = Pool(
        features=_embed(pixels, len(cohort.patch_id), between(step, 0.6, 1.0)),
        grades=cohort.grades,
        ignored=cohort.ignored,
        slide=cohort.slide_index,
        patient=np.array([patients[cohort.slides[n].person] for n in cohort.slide_index]),
    )
    _write(kept, pool)
    return pool


def measure(pool: Pool, seeds: int = 5, step: Progress = silent) -> EfficiencyResult:
    """Every plan replayed for every seed.

    Raises:
        LabError: fewer than two seeds.
    """
    if seeds < 2:
        raise LabError("An interval needs at least two seeds.")
    curves: dict[str, list[Curve]] = {}
    plans = replayed_plans()
    for number, plan in enumerate(plans):
        for seed in range(seeds):
            step((number + seed / seeds) / len(plans), f"plan {plan}, seed {seed + 1} of {seeds}")
            curves.setdefault(plan, []).append(replay(pool, plan, seed))
    steps = min(len(curve.labels) for of_plan in curves.values() for curve in of_plan)
    budgets = [budget for budget in BUDGETS if budget <= curves["random"][0].labels[steps - 1]]
    return EfficiencyResult(
        slides=int(np.unique(pool.slide).size),
        patients=int(np.unique(pool.patient).size),
        patches=int(pool.slide.size),
        held_out_patients=HELD_OUT,
        audit_share=AUDIT,
        seeds=seeds,
        backbone_sha256=_backbone_sha256(),
        labels=tuple(curves["random"][0].labels[:steps]),
        plans={plan: _plan_result(of_plan, curves["random"], steps, budgets) for plan, of_plan in curves.items()},
    )


def _plan_result(curves: list[Curve], random: list[Curve], steps: int, budgets: Sequence[int]) -> PlanResult:
    """One plan's curves, cut after `steps`, beside those of random labels."""
    return PlanResult(
        kappa=_band([curve.mean[:steps] for curve in curves]),
        tasks={name: _band([np.array(curve.kappa[name][:steps]) for curve in curves]) for name in curves[0].kappa},
        share_needed={str(budget): _share(*share_needed(curves, random, budget)) for budget in budgets},
    )


def write(folder: Path, result: EfficiencyResult) -> Path:
    """Keep a result in this folder; where it lies."""
    folder.mkdir(parents=True, exist_ok=True)
    write_aside(folder / FILE, result.model_dump_json(indent=1) + "\n")
    return folder / FILE


def _band(curves: list[np.ndarray]) -> Band:
    mean, low, high = (np.round(curve, 4).tolist() for curve in over_seeds(curves))
    return Band(mean=mean, low=low, high=high)


def _share(*interval: float) -> ShareNeeded:
    """JSON knows no infinity: None is "not reached"."""
    value, low, high = (round(float(number), 4) if np.isfinite(number) else None for number in interval)
    return ShareNeeded(value=value, low=low, high=high)


def _backbone_sha256() -> str:
    """Of the demo model's weights, as its card says.

    Raises:
        LabError: the card is gone or damaged.
    """
    return read_card(DEMO_MODEL).weights_sha256


def _embed(pixels: PixelSource, patches: int, step: Progress) -> np.ndarray:
    """The frozen backbone's features of every patch, shape (patches, features)."""
    import torch

    from mmdnet.nn.io import load_model

    model, _ = load_model(DEMO_MODEL)
    model.eval()
    features = []
    with torch.inference_mode():
        for start in range(0, patches, BATCH):
            images = pixels.read(np.arange(start, min(patches, start + BATCH)))
            tensor = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
            features.append(model.embed(tensor).float().numpy())
            step(min(1.0, (start + BATCH) / patches), "looking at patches")
    return np.concatenate(features)


def _write(path: Path, pool: Pool) -> None:
    import io

    buffer = io.BytesIO()
    np.savez(buffer, **{name: getattr(pool, name) for name in POOL_FIELDS})
    write_aside(path, buffer.getvalue())


def _read(path: Path) -> Pool:
    with np.load(path) as file:
        return Pool(**{name: file[name] for name in POOL_FIELDS})
