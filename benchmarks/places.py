"""places: what a light model sees by means, by the highest places beside them, by layers learnt on places, by density.

Simulated slides, patients held out in fifths, quadratic kappa. The first three read EfficientNet-Lite0 as it comes:
heads on its own mean; heads on that beside the place pooling "highest"; and two layers on the `PLACES` places of a
patch that most channels have among their highest (stride 16, with the stride-8 map brought to it), mean beside the four
highest, which are learnt with the heads in `EPOCHS` epochs. Density is `measures.local_density`, of the pixels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.result import Result
from mmdnet.cli_parts import experiments_folder
from mmdnet.experiments.simulated_cohorts import draw_cohort
from mmdnet.labels.agreement import quadratic_kappa
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.labels.light import Moments, fit_head, likeliest_grade
from mmdnet.labels.light_estimate import patient_folds
from mmdnet.nn.engines import frozen_network
from mmdnet.nn.registry import HIGHEST, PRETRAINED
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX
from mmdnet.slides.measures.local_density import local_density

SEED = 7  # of the slides
AT_ONCE = 16
PLACES = 32
EPOCHS = 40
FEW = 12  # labels of a slide where not all are known

Told = Callable[[np.ndarray, np.ndarray], np.ndarray]  # rows learnt from, rows left out -> grades, -1 unknown


def run(quick: bool = False) -> Result:
    """Mean kappa over the tasks gained by the highest places, all labels known.

    24 slides of 12 patients; with 12 labels a slide under three draws beside it, and the learnt places. Quick: six
    slides, one draw, nothing learnt on places.
    """
    drawn = draw_cohort(6 if quick else 24, SEED, experiments_folder())
    rows = np.flatnonzero(~drawn.cohort.ignored)
    slide = drawn.cohort.slide_index[rows]
    patient = np.unique([drawn.cohort.slides[number].patient for number in slide], return_inverse=True)[1]
    grades, folds = drawn.cohort.grades[rows], patient_folds(patient)
    own, placed, places, density = _seen(drawn.pixels, rows)
    every = np.ones(len(rows), bool)
    draws = [_few_of(slide, seed) for seed in range(1 if quick else 3)]
    beside: dict[str, Any] = {"patches": len(rows), "patients": len(np.unique(patient))}
    means: dict[str, float] = {}
    for name, features in (("means", own), ("highest", placed), ("density", density)):
        told = _heads(features, grades)
        kappas = _kappas(told, grades, folds, every)
        means[name] = float(np.mean(kappas))
        beside[name] = [round(kappa, 3) for kappa in kappas]
        of_draws = np.array([_kappas(told, grades, folds, known) for known in draws])
        beside[f"{name}_{FEW}_a_slide"] = of_draws.mean(axis=0).round(3).tolist()
    if not quick:
        began = time.process_time()
        beside["learnt"] = [round(k, 3) for k in _kappas(_learnt(places, own, grades), grades, folds, every)]
        beside["learnt_processor_s_a_fold"] = round((time.process_time() - began) / (folds.max() + 1), 1)
    return Result("places", means["highest"] - means["means"], "mean kappa gained", beside, len(draws))


def _seen(pixels: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, Tensor, np.ndarray]:
    """The network's own features, those with the highest places behind them, a patch's places, and local density."""
    net = frozen_network(PRETRAINED, PATCH_PX, place_pooling=HIGHEST)
    maps: list[Tensor] = []
    hook = net.backbone.places.register_forward_pre_hook(lambda _, given: maps.extend(given[0]))  # type: ignore[union-attr]
    features, places, density = [], [], []
    with torch.inference_mode():
        for at in range(0, len(rows), AT_ONCE):
            patches = pixels.read(rows[at : at + AT_ONCE])
            density += [local_density(patch, PATCH_MPP) for patch in patches]
            images = torch.from_numpy(patches).permute(0, 3, 1, 2)
            features.append(net.embed(images).numpy())
            places.append(_chosen(torch.cat([functional.max_pool2d(maps[0], 2), maps[1]], dim=1).flatten(2)))
            maps.clear()
    hook.remove()
    placed = np.concatenate(features)
    channels = places[0].shape[2]
    return placed[:, : -2 * channels], placed, torch.cat(places), np.stack(density)


def _chosen(maps: Tensor) -> Tensor:
    """Of maps, (n, channels, places), the places that most channels have among their four highest.

    Shape (n, PLACES, channels).
    """
    highest = maps.topk(4, dim=2).indices.flatten(1)
    votes = torch.zeros(len(maps), maps.shape[2]).scatter_add_(1, highest, torch.ones(highest.shape))
    chosen = votes.topk(PLACES, dim=1).indices
    return maps.gather(2, chosen[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)


def _few_of(slide: np.ndarray, seed: int) -> np.ndarray:
    """Which patches are known where each slide has `FEW` labels."""
    rng, known = np.random.default_rng(seed), np.zeros(len(slide), bool)
    for number in np.unique(slide):
        known[rng.permutation(np.flatnonzero(slide == number))[:FEW]] = True
    return known


def _kappas(told: Told, grades: np.ndarray, folds: np.ndarray, known: np.ndarray) -> list[float]:
    """Quadratic kappa of each task over all patches, each told by heads that saw nothing of its patient."""
    said = np.full(grades.shape, UNKNOWN)
    for fold in range(folds.max() + 1):
        out = np.flatnonzero(folds == fold)
        said[out] = told(np.flatnonzero((folds != fold) & known), out)
    return [
        quadratic_kappa(grades[said[:, n] >= 0, n].astype(int), said[said[:, n] >= 0, n], len(task.grades))
        for n, task in enumerate(TASKS)
    ]


def _heads(features: np.ndarray, grades: np.ndarray) -> Told:
    """As the light model learns: reduced, then one regression a task, all of them of these features."""
    moments = Moments()
    moments.add(features)
    reduced = moments.reduction()(features)

    def told(learnt: np.ndarray, out: np.ndarray) -> np.ndarray:
        said = np.full((len(out), len(TASKS)), UNKNOWN)
        for n, task in enumerate(TASKS):
            head = fit_head(reduced[learnt], grades[learnt, n], len(task.grades))
            said[:, n] = likeliest_grade(head.probabilities(reduced[out]))
        return said

    return told


class _PlaceNet(nn.Module):
    """Two layers on every place; a patch is their mean beside the mean of the four highest, beside its own feature."""

    def __init__(self, width: int, own: int) -> None:
        super().__init__()
        self.place = nn.Sequential(nn.Linear(width, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
        self.heads = nn.ModuleList(nn.Linear(128 + own, len(task.grades)) for task in TASKS)

    def forward(self, places: Tensor, own: Tensor) -> list[Tensor]:
        seen = self.place(places)
        patch = torch.cat([seen.mean(dim=1), seen.topk(4, dim=1).values.mean(dim=1), own], dim=1)
        return [head(patch) for head in self.heads]


def _learnt(places: Tensor, own: np.ndarray, grades: np.ndarray) -> Told:
    """Place layers and heads learnt together on one thread, grades weighed by the root of their rarity."""
    torch.set_num_threads(1)
    scaled = (places - places.mean(dim=(0, 1))) / (places.std(dim=(0, 1)) + 1e-3)
    moments = Moments()
    moments.add(own)
    beside = torch.from_numpy(moments.reduction()(own)).float()
    wanted = torch.from_numpy(grades.astype(np.int64))

    def told(learnt: np.ndarray, out: np.ndarray) -> np.ndarray:
        torch.manual_seed(0)
        net, rows = _PlaceNet(scaled.shape[2], beside.shape[1]), torch.from_numpy(learnt)
        optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.02)
        counts = [torch.bincount(wanted[rows, n], minlength=len(task.grades)).float() for n, task in enumerate(TASKS)]
        weights = [(count.sum() / (count + 1)).sqrt() for count in counts]
        for _ in range(EPOCHS):
            for batch in rows[torch.randperm(len(rows))].split(32):
                noisy = scaled[batch] + 0.05 * torch.randn(len(batch), *scaled.shape[1:])
                said = net(noisy, beside[batch])
                loss = sum(
                    functional.cross_entropy(logits, wanted[batch, n], weight=weights[n] / weights[n].mean())
                    for n, logits in enumerate(said)
                )
                optimizer.zero_grad()
                loss.backward()  # type: ignore[union-attr]
                optimizer.step()
        with torch.inference_mode():
            said = net(scaled[out], beside[out])
        return torch.stack([logits.argmax(dim=1) for logits in said], dim=1).numpy()

    return told
