"""The augmentation experiment: what each way to vary patches is worth where training has never been.

Trained on H&E of two sites; tested on other patients of the same sites, on a third site whose scanner was never seen,
and on a trichrome stain, which training has not seen either. Each variant is trained from nothing under every seed,
warm-up included, since a backbone that has warmed up under one augmentation carries it on.

Patches that a diffusion model made take weights, which do not come with the program, and so are none of the variants.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from mmdnet.experiments.ablation import KAPPA_ENDS, Clock, Interval, Metrics, Say, Took, Variant, interval
from mmdnet.experiments.cells import judge, known_cells, patches_of, run_cells
from mmdnet.nn.registry import SMALL
from mmdnet.slides.geometry import QUARTER_PX

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource

WITHOUT = "no-stain"
PARTS = ("known_sites", "new_site", "new_stain")
AS_THEY_COME = {"bag_drawing": "random", "balance": False}
VARIANTS = (
    Variant("none", "neither varied nor drawn by grade", {"augment": False, **AS_THEY_COME}),
    Variant("sampling", "positive-first sampling alone", {"augment": False}),
    Variant(WITHOUT, "turns, blur and JPEG, colours as they are", {"stain_variation": "none"}),
    Variant("jitter", "and each dye stretched at random (the usual)", {}),
    Variant("swap", "and the stains of other training slides", {"stain_variation": "swap"}),
    Variant("both", "and jitter and swaps", {"stain_variation": "both"}),
    Variant("all", "and jitter, swaps and another scanner", {"stain_variation": "both", "scanner_variation": True}),
)


class AugmentResult(Took):
    """One training's file: a variant under a seed, judged on three sets. `setting` is kept to be read by people."""

    setting: Mapping[str, object]
    variant: str
    seed: int
    metrics: Metrics
    kappa_mean: dict[str, float]


class AugmentFigures(TypedDict, total=False):
    """A variant over seeds: mean kappa by set, and what it adds to `no-stain` on the same seeds."""

    known_sites: Interval
    new_site: Interval
    new_stain: Interval
    added_on_new_site: Interval
    added_on_new_stain: Interval


@dataclass(frozen=True, slots=True)
class AugmentSetting:
    """Slides in each of the four sets, and the training they share; `size_px` is the side of a slide."""

    slides: int = 24
    cohort_seed: int = 0
    patch_px: int = QUARTER_PX
    warm_up: int = 16
    on_bags: int = 8
    size_px: int = 2400

    @property
    def name(self) -> str:
        drawn = f"{self.slides}x{self.cohort_seed}-{self.size_px}"
        return f"augment-{drawn}-{self.patch_px}px-{self.warm_up}+{self.on_bags}"


@dataclass(frozen=True)
class UnseenSets:
    """The cohort of all slides, and which positions are whose."""

    cohort: Cohort
    pixels: PixelSource
    slides: Mapping[str, tuple[int, ...]]


def unseen_sets(setting: AugmentSetting, folder: Path) -> UnseenSets:
    """The four sets, drawn on first use."""
    from mmdnet.experiments.simulated_cohorts import draw
    from mmdnet.simulate.recipes import unseen_recipes

    home = folder / f"augment-{setting.slides}-{setting.cohort_seed}-{setting.size_px}"
    drawn = unseen_recipes(setting.slides, setting.cohort_seed, setting.size_px)
    parts = {"training": drawn.training, "known_sites": drawn.known_sites, "new_site": drawn.new_site}
    parts["new_stain"] = drawn.new_stain
    paths = draw([recipe for part in parts.values() for recipe in part], home / "slides")
    cohort, pixels = patches_of(paths, setting.patch_px, home)
    n = setting.slides
    return UnseenSets(cohort, pixels, {name: tuple(range(k * n, (k + 1) * n)) for k, name in enumerate(parts)})


def run_augment(
    setting: AugmentSetting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path,
    say: Say = lambda line: None,
) -> list[AugmentResult]:  # fmt: skip
    """Train what is not there yet, seed by seed, and give all results."""
    sets = cache(lambda: unseen_sets(setting, folder))  # drawn once something is to be trained

    def trained(variant: Variant, seed: int) -> AugmentResult:
        return _train(setting, variant, seed, sets(), folder / "runs" / setting.name)

    def told(result: AugmentResult) -> str:
        return str(result["kappa_mean"])

    return run_cells(setting.name, variants, seeds, folder, trained, told, say)


def known_augment_results(
    setting: AugmentSetting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path
) -> list[AugmentResult]:
    """The results that are there; trains nothing."""
    return known_cells(setting.name, variants, seeds, folder)


def _train(setting: AugmentSetting, variant: Variant, seed: int, sets: UnseenSets, folder: Path) -> AugmentResult:
    from mmdnet.bags.splits import Split
    from mmdnet.nn.io import load_model
    from mmdnet.training.config import read_config
    from mmdnet.training.loop import train

    training = sets.slides["training"]
    held = {training[(seed + k) % len(training)] for k in range(0, len(training), 5)}  # of both sites, in turn
    trained = tuple(s for s in training if s not in held)
    split = Split(trained, tuple(sorted(held)), sets.slides["new_site"], "patient", seed)
    given = {
        "backbone": SMALL, "device": "cpu", "seed": seed, "projection": 128, "domain_key": "none",
        "epochs": setting.warm_up + setting.on_bags, "warm_up_epochs": setting.warm_up, "patience": setting.on_bags,
        "lr_backbone": 1e-3,
    }  # fmt: skip
    work = folder / f"{variant.name}-{seed}"
    with Clock() as clock:
        train(sets.cohort, sets.pixels, read_config(given | dict(variant.choices)), split, work)
    net, _ = load_model(work / "model")
    judged = {part: judge(net, sets.cohort, sets.pixels, sets.slides[part]) for part in PARTS}
    shutil.rmtree(work)
    return {
        "setting": asdict(setting),
        "variant": variant.name,
        "seed": seed,
        "metrics": judged,
        "kappa_mean": {part: round(of_part["kappa_mean"] or 0.0, 3) for part, of_part in judged.items()},
        **clock.took(),
    }


def augment_summary(results: Sequence[AugmentResult]) -> dict[str, AugmentFigures]:
    """By variant: mean kappa on each set, and what it adds to `no-stain` where training has never been, over seeds."""
    without = {r["seed"]: r["kappa_mean"] for r in results if r["variant"] == WITHOUT}
    figures: dict[str, AugmentFigures] = {}
    for variant in dict.fromkeys(r["variant"] for r in results):
        own = [r for r in results if r["variant"] == variant]
        of_variant = AugmentFigures(
            known_sites=interval([r["kappa_mean"]["known_sites"] for r in own], KAPPA_ENDS),
            new_site=interval([r["kappa_mean"]["new_site"] for r in own], KAPPA_ENDS),
            new_stain=interval([r["kappa_mean"]["new_stain"] for r in own], KAPPA_ENDS),
        )
        pairs = [(r["kappa_mean"], without[r["seed"]]) for r in own if r["seed"] in without]
        if variant != WITHOUT and pairs:
            of_variant["added_on_new_site"] = interval([a["new_site"] - b["new_site"] for a, b in pairs])
            of_variant["added_on_new_stain"] = interval([a["new_stain"] - b["new_stain"] for a, b in pairs])
        figures[variant] = of_variant
    return figures
