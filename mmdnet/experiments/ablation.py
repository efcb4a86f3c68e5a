"""Experiments on simulated slides: what each part of the network is worth, seed by seed.

One cohort is drawn once and kept. Each training (a variant under a seed) writes its own JSON file the moment it ends;
what is there is not done again, so an experiment can be stopped at any time and gone on with another night.

The seed moves everything but the slides: the split by patient, the weights at the start, the bags.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

import numpy as np

from mmdnet.evaluation.tables import NOTHING, Table, figure
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASK_NAMES, UNKNOWN
from mmdnet.labels.grading import task as task_called
from mmdnet.labels.label_efficiency import over_seeds
from mmdnet.nn.kinds import ALPHAS
from mmdnet.nn.registry import SMALL
from mmdnet.slides.geometry import PATCH_PX, QUARTER_PX
from mmdnet.training.config import PAPER

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort, PixelSource
    from mmdnet.bags.splits import Split

SEEDS = (0, 1, 2, 3, 4)
FULL = "full"
Say = Callable[[str], None]
Metrics = dict[str, dict[str, float | None]]  # by part, as in a model's card

Ends = tuple[float, float]
UNBOUNDED: Ends = (-math.inf, math.inf)
KAPPA_ENDS: Ends = (-1.0, 1.0)
SHARE_ENDS: Ends = (0.0, 1.0)


class Took(TypedDict):
    """What a training took, and when it ended."""

    wall_min: float
    processor_min: float
    at: str


class TrainingResult(Took):
    """One training's file: a variant under a seed. `setting` and `choices` are kept to be read by people."""

    setting: Mapping[str, object]
    variant: str
    seed: int
    metrics: Metrics
    choices: Mapping[str, object]
    best_epoch: int | None


class Interval(TypedDict):
    """Mean over `n` seeds with its 95 % interval, which takes two."""

    mean: float
    n: int
    interval: NotRequired[list[float]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all trainings of an experiment have in common.

    Attributes:
        slides: simulated slides, two of each patient.
        cohort_seed: of the slides.
        patch_px: 299, the product's patches, or 150: their quarters, for many trainings on a processor.
        warm_up: epochs on single patches; done once a seed and shared by the variants that do not change it.
        on_bags: epochs on bags after it.
        backbone_rate: learning rate of the backbone on bags.
        graded: patches of each training slide whose grades are known, drawn at random; none: all of them. Validation
            and test patients are always judged by all of theirs.
        table: of the paper, whose networks are trained; it keeps their results apart from others of the same name.
    """

    slides: int = 192
    cohort_seed: int = 2
    patch_px: int = QUARTER_PX
    warm_up: int = 5
    on_bags: int = 2
    backbone_rate: float = 1e-3
    graded: int | None = None
    table: int | None = None

    @property
    def name(self) -> str:
        name = f"{self.slides}x{self.cohort_seed}-{self.patch_px}px-{self.warm_up}+{self.on_bags}"
        name = name if self.graded is None else f"{name}-{self.graded}graded"
        return name if self.table is None else f"{name}-table{self.table}"


FULL_SIZE = Setting(patch_px=PATCH_PX, warm_up=7, on_bags=3)
FEW_GRADES = Setting(graded=24)


@dataclass(frozen=True, slots=True)
class Variant:
    """A network to train: what differs from the full one, and the only task it is taught (None: all three)."""

    name: str
    what: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None


ABLATION = (
    Variant(FULL, "the full network"),
    Variant("no-domain", "without the domain part (bags stay balanced)", {"alpha": 0.0}),
    Variant("by-slide", "without positive-first sampling", {"bag_drawing": "by_slide"}),
    Variant("no-balance", "without balance of grades and domains", {"balance": False}),
    Variant("random-bags", "random bags, nothing balanced", {"bag_drawing": "random", "balance": False}),
    *(Variant(f"only-{task}", f"{task} alone", {}, task) for task in TASK_NAMES),
)
FULL_ALONE = ABLATION[:1]
PAPERS = {name: PAPER[name] for name in ("domain_key", "reversal", "attention_rule")}
TABLE_2 = (
    Variant(FULL, "MTL-DA-MIL, three tasks (MMD-Net)", PAPERS),
    Variant("four-tasks", "MTL-DA-MIL, four tasks", {**PAPERS, "ignored_task": True}),
    Variant("mtl-mil", "MTL-MIL, no domain part", {"domain_key": "none", "alpha": 0.0}),
    *(Variant(f"only-{task}", f"DA-MIL, {task} alone", PAPERS, task) for task in TASK_NAMES),
)
"""The networks of the paper's Table 2, drawn bags and warm-up as ours: from random weights none would train without."""
ALPHA_GRID = tuple(
    Variant(f"alpha-{alpha:g}", f"the full network with alpha {alpha:g}", {"alpha": alpha}) for alpha in ALPHAS
)


def home_of(folder: Path, slides: int, cohort_seed: int) -> Path:
    """Where an experiments' folder keeps a cohort."""
    return folder / f"simulated-{slides}-{cohort_seed}"


def cohort_of(setting: Setting, folder: Path) -> tuple[Cohort, PixelSource]:
    """The slides of a setting, drawn on first use, with patches of the setting's size."""
    from mmdnet.experiments.simulated_cohorts import draw_cohort
    from mmdnet.training.simulated import quartered_cohort

    home = home_of(folder, setting.slides, setting.cohort_seed)
    drawn = draw_cohort(setting.slides, setting.cohort_seed, home)
    if setting.patch_px == PATCH_PX:
        return drawn.cohort, drawn.pixels
    return quartered_cohort(drawn.paths, drawn.cohort, drawn.pixels, home / "quarters.npy")


def taught(cohort: Cohort, task: str | None) -> Cohort:
    """The cohort as a network of one task sees it: the other tasks' grades unknown."""
    if task is None:
        return cohort
    grades = cohort.grades.copy()
    grades[:, [t for t, name in enumerate(TASK_NAMES) if name != task]] = UNKNOWN
    return replace(cohort, grades=grades)


def with_few_grades(cohort: Cohort, split: Split, graded: int, seed: int) -> Cohort:
    """The cohort as a lab has it: on each training slide only so many patches, drawn at random, have grades."""
    grades = cohort.grades.copy()
    for slide in split.train:
        rows = cohort.patches_of(slide)
        usable = rows[~cohort.ignored[rows]]
        order = np.random.default_rng((seed, 29, cohort.slides[slide].slide_id)).permutation(usable)
        grades[order[graded:]] = UNKNOWN
    return replace(cohort, grades=grades)


def run_variants(
    setting: Setting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path, say: Say = lambda line: None
) -> list[TrainingResult]:
    """Train what is not there yet, variant by variant, and give all results.

    Args:
        setting: cohort and epochs.
        variants: in the order to be trained; each goes through all seeds before the next.
        seeds: of split and training.
        folder: of slides, warm-ups and results.
        say: told when a training ends.

    Raises:
        LabError: a training could not start.
    """
    results = {(v.name, seed): _known(folder, setting, v.name, seed, say) for v in variants for seed in seeds}
    missing = [(v, seed) for v in variants for seed in seeds if results[v.name, seed] is None]
    if missing:
        cohort, pixels = cohort_of(setting, folder)
        for variant, seed in missing:
            result = _train(setting, variant, seed, cohort, pixels, folder)
            results[variant.name, seed] = result
            say(f"{variant.name}, seed {seed}: {_kappas(result)}, {result['processor_min']} processor-min")
    return [result for result in results.values() if result is not None]


def known_results(
    setting: Setting, variants: Sequence[Variant], seeds: Sequence[int], folder: Path, say: Say = lambda line: None
) -> list[TrainingResult]:
    """The results that are there; trains nothing."""
    known = (_known(folder, setting, variant.name, seed, say) for variant in variants for seed in seeds)
    return [result for result in known if result is not None]


def _file(folder: Path, setting: Setting, variant: str, seed: int) -> Path:
    return folder / "results" / setting.name / f"{variant}-{seed}.json"


def _known(folder: Path, setting: Setting, variant: str, seed: int, say: Say) -> TrainingResult | None:
    return kept_result(_file(folder, setting, variant, seed), variant, seed, say, "metrics")


def kept_result(path: Path, variant: str, seed: int, say: Say, *needed: str) -> Any:
    """A training's result, as JSON gives it; None where there is none.

    One that is damaged or of another version of the program, which has not all that is `needed`, is said and does not
    count: it is done anew.
    """
    if not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text("utf-8"))
        if (kept["variant"], kept["seed"]) == (variant, seed) and all(kept[name] is not None for name in needed):
            return kept
    except (OSError, ValueError, KeyError, TypeError):
        pass
    say(f"{path.name} is damaged or of another version of the program; it does not count.")
    return None


def _train(
    setting: Setting, variant: Variant, seed: int, cohort: Cohort, pixels: PixelSource, folder: Path
) -> TrainingResult:
    from mmdnet.bags.splits import split_by_patient
    from mmdnet.training.config import read_config
    from mmdnet.training.loop import train

    split = split_by_patient(cohort, seed)
    cohort = taught(cohort, variant.task)
    if setting.graded is not None:
        cohort = with_few_grades(cohort, split, setting.graded, seed)
    start = warm_up(setting, seed, variant, cohort, pixels, split, folder)
    given = {
        "backbone": SMALL, "device": "cpu", "seed": seed, "projection": 128, "epochs": setting.on_bags,
        "warm_up_epochs": 0, "patience": setting.on_bags, "weights": start, "lr_backbone": setting.backbone_rate,
    }  # fmt: skip
    choices = read_config(given | dict(variant.choices))
    work = folder / "runs" / setting.name / f"{variant.name}-{seed}"
    with Clock() as clock:
        card = train(cohort, pixels, choices, split, work)
    result: TrainingResult = {
        "setting": asdict(setting),
        "variant": variant.name,
        "seed": seed,
        "metrics": card.metrics,
        "choices": {key: value for key, value in card.choices.items() if key != "weights"},
        "best_epoch": card.best_epoch,
        **clock.took(),
    }
    path = _file(folder, setting, variant.name, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_aside(path, json.dumps(result, indent=1))
    shutil.rmtree(work)
    return result


def warm_up(
    setting: Setting, seed: int, of: Variant, cohort: Cohort, pixels: PixelSource, split: Split, folder: Path
) -> Path:
    """Weights after the warm-up on single patches, made on first use; what it took stands beside them.

    Variants that differ on bags alone share it; one without balance sees single patches as they come, too.

    A network of one task sees a third as many patches: its share of what the three tasks together see.
    """
    from mmdnet.training.config import read_config
    from mmdnet.training.loop import train

    balance = of.choices.get("balance", True)
    name = f"warm-up-{of.task or 'all'}{'' if balance else '-as-they-come'}"
    work = folder / "runs" / setting.name / f"{name}-{seed}"
    weights, note = work / "model" / "weights.safetensors", work / "took.json"
    if note.is_file():
        return weights
    train_slides = len(set(split.train) & set(cohort.labelled_slides()))
    given = {
        "backbone": SMALL, "device": "cpu", "seed": seed, "projection": 128, "epochs": setting.warm_up,
        "warm_up_epochs": setting.warm_up,
        "bags_per_epoch": 5 * train_slides // (3 if of.task else 1), "balance": balance, "class_weight_cap": 3.0,
    }  # fmt: skip
    with Clock() as clock:
        train(cohort, pixels, read_config(given), split, work)
    write_aside(note, json.dumps(clock.took()))
    return weights


class Clock:
    """Wall and processor time of a block."""

    def __enter__(self) -> Clock:
        self._wall, self._processor = time.monotonic(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_min = (time.monotonic() - self._wall) / 60
        self.processor_min = (time.process_time() - self._processor) / 60

    def took(self) -> Took:
        return {
            "wall_min": round(self.wall_min, 2),
            "processor_min": round(self.processor_min, 2),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
        }


# -- what came out ---------------------------------------------------------------------------------------------------


def kappas(result: TrainingResult, part: str = "test") -> dict[str, float]:
    """Quadratic kappa by task (those that are defined), and their mean as "mean"."""
    metrics = result["metrics"].get(part, {})
    return {name: k for name in (*TASK_NAMES, "mean") if (k := metrics.get(f"kappa_{name}")) is not None}


def _kappas(result: TrainingResult) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in kappas(result).items())


def interval(values: Sequence[float], ends: Ends = UNBOUNDED) -> Interval:
    """Mean over seeds and its 95 % interval (Student's t); no interval from a single value.

    Args:
        ends: of the measure's scale: the interval is cut there, so near them it is not symmetric.
    """
    mean, low, high = (round(float(figure), 3) for figure in over_seeds(values, ends))
    n = len(values)
    return {"mean": mean, "n": n, "interval": [low, high]} if n > 1 else {"mean": mean, "n": n}


def summary(results: Sequence[TrainingResult], part: str = "test") -> dict[str, dict[str, Interval]]:
    """By variant: the interval of each task's kappa and of their mean."""
    variants = dict.fromkeys(result["variant"] for result in results)
    return {
        variant: {
            name: interval(values, KAPPA_ENDS)
            for name in (*TASK_NAMES, "mean")
            if (values := [k[name] for k in _of(results, variant, part) if name in k])
        }
        for variant in variants
    }


def variants_table(results: Sequence[TrainingResult], variants: Sequence[Variant], part: str = "test") -> Table:
    """Quadratic kappa of each variant with its interval over seeds, and how much higher the full network's is."""
    figures, lost = summary(results, part), worth(results, part)
    rows = []
    for variant in variants:
        if variant.name in figures:
            cells = (_words(figures[variant.name].get(name)) for name in (*TASK_NAMES, "mean"))
            rows.append((variant.what, *cells, _words(lost.get(variant.name))))
    columns = ("Network", *(task_called(name).title for name in TASK_NAMES), "Mean", "Full network ahead")
    return Table(f"Quadratic κ of bags of {part} patients", columns, tuple(rows))


def _words(of: Interval | None) -> str:
    if of is None:
        return NOTHING
    between = of.get("interval")
    return figure(of["mean"]) + (f" ({figure(between[0])} to {figure(between[1])})" if between else "")


def worth(results: Sequence[TrainingResult], part: str = "test") -> dict[str, Interval]:
    """By variant: how much higher the full network's mean kappa is on the same seeds (for one task, that task's)."""
    full = {r["seed"]: kappas(r, part) for r in results if r["variant"] == FULL}
    differences = {}
    for variant in dict.fromkeys(r["variant"] for r in results if r["variant"] != FULL):
        name = variant.removeprefix("only-") if variant.startswith("only-") else "mean"
        pairs = list(_pairs(results, variant, full, part, name))
        if pairs:
            differences[variant] = interval(pairs)
    return differences


def _pairs(
    results: Sequence[TrainingResult], variant: str, full: Mapping[int, dict[str, float]], part: str, name: str
) -> Iterator[float]:
    for result in results:
        own = kappas(result, part)
        if result["variant"] == variant and name in own and name in full.get(result["seed"], {}):
            yield full[result["seed"]][name] - own[name]


def _of(results: Sequence[TrainingResult], variant: str, part: str) -> list[dict[str, float]]:
    return [kappas(result, part) for result in results if result["variant"] == variant]
