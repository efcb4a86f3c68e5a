"""Training from grades of whole slides alone, not one patch label: bags of ungraded patches, patients kept apart."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import Result
from mmdnet.bags.bag import natural_bags
from mmdnet.bags.cohort import Cohort, SlideInfo
from mmdnet.bags.splits import Split, splits_by
from mmdnet.experiments.simulated_cohorts import draw
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN
from mmdnet.nn.mmdnet import MMDNet, scatter
from mmdnet.simulate.cohorts import CohortPlan, cohort_recipes
from mmdnet.simulate.truth import load_truth
from mmdnet.training.config import TrainingConfig
from mmdnet.training.simulated import StoredSource, simulated_cohort

HOME = Path("lab-data") / "benchmarks" / "slide-only"
SLIDES, PATCHES, FOLDS = 60, 32, 3
REACH = {"steatosis": 0.6, "ballooning": 0.4, "inflammation": 0.4}
CHOICES: dict[str, Any] = {  # of `TrainingConfig`, whose types differ
    "learn_from": "slides", "slide_trust": 1.0, "bag_size": 16, "epochs": 40, "patience": 12, "device": "cpu",
    "domain_key": "none", "augment": False,
}  # fmt: skip


def run(quick: bool = False) -> Result:
    """60 slides of 30 patients with densities across the cuts; in three folds by patient each slide is tested once.

    `value` is the quadratic kappa of steatosis between test slides' own grades and the rounded mean grades of their
    bags; the other tasks stand beside it. Always answering with the most frequent grade has a kappa of 0. The backbone
    is frozen (a processor), so its features are computed once and shared by the folds; slides and features are kept
    between runs. Quick: twelve slides, eight patches of each, three epochs.
    """
    slides, patches = (12, 8) if quick else (SLIDES, PATCHES)
    home = HOME / ("quick" if quick else "full")
    cohort, pixels = slide_graded(slides, patches, home)
    config = TrainingConfig(**CHOICES | ({"epochs": 3} if quick else {}))
    expected = np.full((slides, len(TASK_NAMES)), np.nan)
    for fold in splits_by(cohort, "patient", FOLDS):
        net = _trained(cohort, pixels, config, fold.split, home, fold.name)
        features = np.load(home / "features.npy")
        expected[list(fold.split.test)] = _slide_grades(net, cohort, fold.split.test, features, config.bag_size)
        print(f"{fold.name}: {len(fold.split.test)} slides tested", flush=True)
    kappas = _kappas(cohort, expected)
    others = {f"{name} kappa": (kappas[name], "least", reach) for name, reach in REACH.items() if name != "steatosis"}
    beside = {"reach": REACH["steatosis"], "also": others, "mean": round(float(np.mean(list(kappas.values()))), 3)}
    beside |= {"most_frequent_grade": 0.0, "slides": slides, "ungraded_patches_a_slide": patches}
    return Result("slide-only", kappas["steatosis"], "quadratic kappa, steatosis", beside, FOLDS)


def slide_graded(slides: int, patches: int, home: Path) -> tuple[Cohort, StoredSource]:
    """Simulated slides that have their own grades and, of each, some patches that nobody graded."""
    recipes = cohort_recipes(CohortPlan(slides, seed=15, patches=2 * patches))
    paths = draw(recipes, home / "slides", lambda share, message, /, **_: print(f"{share:.0%} {message}", flush=True))
    whole, pixels = simulated_cohort(paths, home / "patches")
    random = np.random.default_rng(15)
    usable = [rows[~whole.ignored[rows]] for rows in map(whole.patches_of, range(slides))]
    kept = np.sort(np.concatenate([random.permutation(rows)[:patches] for rows in usable]))
    infos = [
        SlideInfo(
            slide.slide_id, slide.patient, slide.site, slide.scanner, slide.stain, dict(load_truth(path).grades),
            simulated=True, name=slide.name, patch_px=slide.patch_px, patch_mpp=slide.patch_mpp,
        )
        for slide, path in zip(whole.slides, paths, strict=True)
    ]  # fmt: skip
    ungraded = np.full((len(kept), len(TASK_NAMES)), UNKNOWN, np.int8)
    owner = whole.slide_index[kept]
    cohort = Cohort(tuple(infos), np.arange(len(kept)), owner, ungraded, np.zeros(len(kept), bool), slide_trust=1.0)
    return cohort, _Some(pixels, kept)  # type: ignore[return-value]


class _Some:
    """Some patches of a source, by their position among those."""

    def __init__(self, source: StoredSource, kept: np.ndarray) -> None:
        self._source, self._kept = source, kept

    def __len__(self) -> int:
        return len(self._kept)

    def read(self, indices: np.ndarray) -> np.ndarray:
        """Pixels, uint8, (n, side, side, 3)."""
        return self._source.read(self._kept[np.asarray(indices)])


def _trained(cohort: Cohort, pixels: Any, config: TrainingConfig, split: Split, home: Path, fold: str) -> MMDNet:
    """The network of one fold, trained as the product trains it; features of the frozen backbone are computed once."""
    from mmdnet.nn.io import load_model
    from mmdnet.training import loop

    own, kept = loop.store_features, home / "features.npy"

    def stored(net: MMDNet, *given: Any) -> np.ndarray:
        if not kept.exists():
            np.save(kept, own(net, *given))
        return np.load(kept)

    def told(share: float, message: str, /, **numbers: Any) -> None:
        if "eatures" in message or "done" in message:
            print(f"{fold}: {message}", flush=True)

    loop.store_features = stored  # type: ignore[assignment]
    try:
        loop.train(cohort, pixels, config, split, home / fold.replace(" ", "-"), told, name="slide-only")
    finally:
        loop.store_features = own
    return load_model(home / fold.replace(" ", "-") / "model")[0]


def _slide_grades(
    net: MMDNet, cohort: Cohort, slides: Sequence[int], features: np.ndarray, bag_size: int
) -> np.ndarray:
    """Mean grade of each slide's bags, (slides, tasks); NaN where the task was not trained."""
    import torch

    grades = np.full((len(slides), len(TASK_NAMES)), np.nan)
    net.eval()
    for place, slide in enumerate(slides):
        bags = natural_bags(cohort, [slide], bag_size)
        with torch.no_grad():
            of_bags = []
            for bag in bags:
                mask = torch.ones(1, len(bag.instances), dtype=torch.bool)
                output = net.from_features(scatter(torch.from_numpy(features[bag.instances]), mask), mask)
                said = net.predict(output)
                of_bags.append([float(said[name].expected[0]) if name in said else np.nan for name in TASK_NAMES])
        grades[place] = np.mean(of_bags, axis=0)
    return grades


def _kappas(cohort: Cohort, expected: np.ndarray) -> dict[str, float]:
    """Quadratic kappa of rounded grades with the slides' own, by task."""
    from sklearn.metrics import cohen_kappa_score

    truth = np.stack([cohort.slide_grades(s) for s in range(len(cohort.slides))])
    return {
        name: round(float(cohen_kappa_score(truth[:, t], np.round(expected[:, t]), weights="quadratic")), 3)
        for t, name in enumerate(TASK_NAMES)
    }
