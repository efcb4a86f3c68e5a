"""Trainings of an experiment, a variant under a seed each in a file of its own: what is there is not trained again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mmdnet.experiments.ablation import Say, Variant, kept_result
from mmdnet.files import write_aside
from mmdnet.slides.geometry import PATCH_PX

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.nn.mmdnet import MMDNet

Result = TypeVar("Result", bound=Mapping[str, object])


def run_cells(
    name: str,
    variants: Sequence[Variant],
    seeds: Sequence[int],
    folder: Path,
    train: Callable[[Variant, int], Result],
    tell: Callable[[Result], object],
    say: Say,
) -> list[Result]:
    """Train what is not there yet, seed by seed, and give all results.

    Args:
        name: of the setting.
        variants: in the order to be trained.
        seeds: each goes through all variants before the next.
        folder: of the results.
        train: trains one; what it gives is kept as JSON.
        tell: what of it is said.
        say: told when one ends.
    """
    results = []
    for seed in seeds:
        for variant in variants:
            path = _file(name, variant, seed, folder)
            kept = kept_result(path, variant.name, seed, say)
            if kept is None:
                result = train(variant, seed)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_aside(path, json.dumps(result, indent=1))
                say(f"{variant.name}, seed {seed}: {tell(result)}")
                kept = json.loads(path.read_text("utf-8"))
            results.append(kept)
    return results


def known_cells(
    name: str, variants: Sequence[Variant], seeds: Sequence[int], folder: Path, say: Say = lambda line: None
) -> list[Result]:
    """The results that are there; trains nothing."""
    known = (kept_result(_file(name, v, seed, folder), v.name, seed, say) for seed in seeds for v in variants)
    return [result for result in known if result is not None]


def _file(name: str, variant: Variant, seed: int, folder: Path) -> Path:
    return folder / "results" / name / f"{variant.name}-{seed}.json"


def patches_of(paths: Sequence[Path], patch_px: int, home: Path) -> tuple[Cohort, PixelSource]:
    """The patches of drawn slides, kept in `home`: the product's own, or their quarters."""
    from mmdnet.training.simulated import quartered_cohort, simulated_cohort

    cohort, pixels = simulated_cohort(paths, home / "patches")
    if patch_px == PATCH_PX:
        return cohort, pixels
    return quartered_cohort(paths, cohort, pixels, home / "quarters.npy")


def judge(net: MMDNet, cohort: Cohort, pixels: PixelSource, slides: Sequence[int]) -> dict[str, float | None]:
    """How far a network agrees with the truth of these slides, on bags drawn as they come."""
    import torch

    from mmdnet.bags.bag import natural_bags
    from mmdnet.training.evaluate import evaluate, pixels_to_features

    embed = pixels_to_features(net, torch.device("cpu"))
    return evaluate(net, cohort, natural_bags(cohort, slides, 16), pixels.read, embed, net.task_names)
