"""The domain experiment: in training the stain foretells the grade; what is left on sites where it does not?

Trained on North (H&E) and West (trichrome), where nine of ten ill livers are West's. Tested on the same two sites with
nothing tied, and on East, whose scanner was never seen. A fresh probe says how much of the stain the features still
tell: a logistic regression on frozen features of the untied slides, judged on slides it was not fitted on.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np

from mmdnet.experiments.ablation import KAPPA_ENDS, SHARE_ENDS, Clock, Interval, Metrics, Say, Took, Variant, interval
from mmdnet.experiments.cells import judge, known_cells, patches_of, run_cells
from mmdnet.nn.registry import SMALL

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.bags.splits import Split
    from mmdnet.nn.mmdnet import MMDNet

NONE = "no-domain"
STAIN: Mapping[str, Any] = {"domain_key": "scanner+stain", "alpha": 1.0}
SLIDE: Mapping[str, Any] = {"domain_key": "slide", "alpha": 1.0}
# By the other rule this weight is the relative one, see `mmdnet.nn.domains.domain.reversal_weight`.
HASHIMOTO: Mapping[str, Any] = {"reversal": "hashimoto", "attention_rule": "mean"}
VARIANTS = (
    Variant(NONE, "neither domain part nor stain balanced in the bags", {"domain_key": "none"}),
    Variant("balance-only", "stain balanced in the bags, no adversary", {**STAIN} | {"alpha": 0.0}),
    Variant("stain-uniform", "stain, plain DANN", {**STAIN} | {"reversal": "uniform"}),
    Variant("stain-relative", "stain, relative attention", STAIN),
    Variant("stain-product", "the product's own: the same, a tenth of the alpha", {**STAIN} | {"alpha": 0.1}),
    Variant("stain-hashimoto", "stain, Hashimoto's weight", {**STAIN, **HASHIMOTO}),
    Variant("stain-loss", "stain, loss by attention", {**STAIN} | {"reversal": "loss_attention"}),
    Variant("stain-coral", "stain, CORAL in the adversary's place", {**STAIN} | {"domain_method": "coral"}),
    Variant("stain-mmd", "stain, MMD in the adversary's place", {**STAIN} | {"domain_method": "mmd"}),
    Variant("stain-dro", "stain, GroupDRO in the adversary's place", {**STAIN} | {"domain_method": "group_dro"}),
    Variant("swap", "no domain part, stains of other slides", {"domain_key": "none", "stain_variation": "both"}),
    Variant("scanner", "no domain part, another scanner", {"domain_key": "none", "scanner_variation": True}),
    Variant("slide-relative", "slide, relative attention", SLIDE),
    Variant("slide-hashimoto", "slide, Hashimoto's weight", {**SLIDE, **HASHIMOTO}),
)


class DomainResult(Took):
    """One training's file: a variant under a seed, judged on three sets. `setting` is kept to be read by people."""

    setting: Mapping[str, object]
    variant: str
    seed: int
    metrics: Metrics
    kappa_mean: dict[str, float]
    probe: float
    best_epoch: int | None


class DomainFigures(TypedDict):
    """A variant over seeds."""

    known_sites: Interval
    new_site: Interval
    probe: Interval
    added_on_new_site: NotRequired[Interval]


@dataclass(frozen=True, slots=True)
class DomainSetting:
    """Slides in each of the three sets (training, known sites, new site), and the training they share."""

    slides: int = 24
    cohort_seed: int = 0
    patch_px: int = 150
    warm_up: int = 24
    on_bags: int = 12

    @property
    def name(self) -> str:
        return f"domain-{self.slides}x{self.cohort_seed}-{self.patch_px}px-{self.warm_up}+{self.on_bags}"


@dataclass(frozen=True)
class Sets:
    """The cohort of all slides and which positions are whose."""

    cohort: Cohort
    pixels: PixelSource
    training: tuple[int, ...]
    known_sites: tuple[int, ...]
    new_site: tuple[int, ...]


def sets_of(setting: DomainSetting, folder: Path) -> Sets:
    """The three sets, drawn on first use."""
    from mmdnet.experiments.simulated_cohorts import draw
    from mmdnet.simulate.recipes import domain_recipes

    home = folder / f"domain-{setting.slides}-{setting.cohort_seed}"
    drawn = domain_recipes(setting.slides, setting.cohort_seed)
    recipes = [*drawn.training, *drawn.known_sites, *drawn.new_site]
    paths = draw(recipes, home / "slides")
    cohort, pixels = patches_of(paths, setting.patch_px, home)
    n = setting.slides
    return Sets(cohort, pixels, tuple(range(n)), tuple(range(n, 2 * n)), tuple(range(2 * n, 3 * n)))


def run_domain(
    setting: DomainSetting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path,
    say: Say = lambda line: None,
) -> list[DomainResult]:  # fmt: skip
    """Train what is not there yet, seed by seed, and give all results."""
    sets = cache(lambda: sets_of(setting, folder))  # drawn once something is to be trained

    def trained(variant: Variant, seed: int) -> DomainResult:
        return _train(setting, variant, seed, sets(), folder / "runs" / setting.name)

    def told(result: DomainResult) -> str:
        return f"{result['kappa_mean']}, probe {result['probe']:.2f}"

    return run_cells(setting.name, variants, seeds, folder, trained, told, say)


def known_domain_results(
    setting: DomainSetting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path
) -> list[DomainResult]:
    """The results that are there; trains nothing."""
    return known_cells(setting.name, variants, seeds, folder)


def split_of(sets: Sets, seed: int) -> Split:
    """The training slides 3 to 1 into training and validation; the new site tests."""
    from mmdnet.bags.splits import Split

    order = np.random.default_rng(seed).permutation(len(sets.training))
    held = {int(sets.training[i]) for i in order[: len(order) // 4]}
    train = tuple(s for s in sets.training if s not in held)
    return Split(train, tuple(sorted(held)), sets.new_site, "patient", seed)


def _train(setting: DomainSetting, variant: Variant, seed: int, sets: Sets, folder: Path) -> DomainResult:
    from mmdnet.nn.io import load_model
    from mmdnet.training.config import read_config
    from mmdnet.training.loop import train

    split = split_of(sets, seed)
    common = {
        "backbone": SMALL, "device": "cpu", "seed": seed, "projection": 128, "class_weight_cap": 3.0,
        "unsteered_fraction": 0.0,
    }  # fmt: skip
    first = folder / f"warm-up-{seed}"
    weights = first / "model" / "weights.safetensors"
    if not weights.is_file():
        given = common | {"epochs": setting.warm_up, "warm_up_epochs": setting.warm_up, "domain_key": "none"}
        train(sets.cohort, sets.pixels, read_config(given), split, first)
    given = common | {
        "epochs": setting.on_bags, "warm_up_epochs": 0, "patience": setting.on_bags, "weights": weights,
        "lr_backbone": 1e-3,
    }  # fmt: skip
    work = folder / f"{variant.name}-{seed}"
    with Clock() as clock:
        train(sets.cohort, sets.pixels, read_config(given | dict(variant.choices)), split, work)
    net, card = load_model(work / "model")
    judged = {name: judge(net, sets.cohort, sets.pixels, getattr(sets, name)) for name in ("known_sites", "new_site")}
    judged["validation"] = card.metrics["validation"]
    shutil.rmtree(work)
    return {
        "setting": asdict(setting),
        "variant": variant.name,
        "seed": seed,
        "metrics": judged,
        "kappa_mean": {part: round(of_part["kappa_mean"] or 0.0, 3) for part, of_part in judged.items()},
        "probe": probe(net, sets, sets.known_sites),
        "best_epoch": card.best_epoch,
        **clock.took(),
    }


def probe(net: MMDNet, sets: Sets, slides: Sequence[int], seed: int = 0) -> float:
    """Balanced accuracy of a fresh linear probe that names a patch's stain, over five folds of whole slides; 0.5 is
    chance."""
    import torch
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from mmdnet.training.evaluate import pixels_to_features

    cohort = sets.cohort
    rows = np.flatnonzero(np.isin(cohort.slide_index, slides) & ~cohort.ignored)
    embed = pixels_to_features(net.eval(), torch.device("cpu"))
    with torch.no_grad():
        h = np.concatenate([embed(sets.pixels.read(rows[at : at + 64])).numpy() for at in range(0, len(rows), 64)])
    stain = np.array([cohort.slides[s].stain for s in cohort.slide_index[rows]])
    reader = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500, class_weight="balanced"))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    said = cross_val_predict(reader, h, stain, groups=cohort.slide_index[rows], cv=folds)
    return float(balanced_accuracy_score(stain, said))


def domain_summary(results: Sequence[DomainResult]) -> dict[str, DomainFigures]:
    """By variant: mean kappa on the untied known sites and on the new site, what the domain part adds there on the same
    seeds, and the probe's accuracy; each with its interval over seeds."""
    without = {r["seed"]: r["kappa_mean"] for r in results if r["variant"] == NONE}
    figures: dict[str, DomainFigures] = {}
    for variant in dict.fromkeys(r["variant"] for r in results):
        own = [r for r in results if r["variant"] == variant]
        figures[variant] = {
            "known_sites": interval([r["kappa_mean"]["known_sites"] for r in own], KAPPA_ENDS),
            "new_site": interval([r["kappa_mean"]["new_site"] for r in own], KAPPA_ENDS),
            "probe": interval([r["probe"] for r in own], SHARE_ENDS),
        }
        pairs = [r["kappa_mean"]["new_site"] - without[r["seed"]]["new_site"] for r in own if r["seed"] in without]
        if variant != NONE and pairs:
            figures[variant]["added_on_new_site"] = interval(pairs)
    return figures
