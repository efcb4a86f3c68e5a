"""Make the demo model: simulate slides that are not the demo's, train on them, and say how well it went.

`python -m mmdnet.experiments.demo_model` remakes `models/demo`. The slides, the split and the training are seeded; on
another processor the last digits may differ.
"""

import argparse
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from mmdnet.bags.splits import split_by_patient
from mmdnet.errors import LabError
from mmdnet.experiments.simulated_cohorts import draw_cohort
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASKS
from mmdnet.nn.card import CARD, ModelCard
from mmdnet.nn.recipe import WEIGHTS
from mmdnet.nn.registry import SMALL
from mmdnet.scoring.calibration.after_training import calibrate
from mmdnet.scoring.calibration.guard import GUARD
from mmdnet.training.config import TrainingConfig
from mmdnet.training.loop import train

SLIDES, SEED = 64, 2
CHOICES = TrainingConfig(
    backbone=SMALL, mode="fast", warm_up_epochs=22, epochs=60, patience=12, projection=128, lr_backbone=2e-3,
    device="cpu",
)  # fmt: skip
README = """# Demo model

Trained on {slides} simulated slides of {patients} simulated patients, none of them a slide or patient of the demo
project. It shows what reports look like. It has never seen a real liver: it must not be used to read one.

Made by `python -m mmdnet.experiments.demo_model --slides {slides} --seed {seed}`. Choices, split and label set are in
`{card}`.

Agreement with the drawn truth on natural bags of {bag_size} patches, patients never trained on (quadratic kappa):

| task | validation | test |
|---|---|---|
{rows}

The test patients were looked at once, after training had ended; the validation patients chose the epoch ({best} of
{epochs}).
"""


def _tell_drawn(share: float, _: str, /, **__: Any) -> None:
    _say(f"{time.strftime('%H:%M:%S')} {share:.0%} of the slides drawn")


def make(work: Path, out: Path, slides: int = SLIDES, seed: int = SEED, choices: TrainingConfig = CHOICES) -> ModelCard:
    """Simulate, train, and put the model with its card and a README into `out`.

    Args:
        work: folder for slides, patches and the run; an interrupted making goes on there.
        out: folder of the finished model.
        slides: how many to simulate, two per patient.
        seed: of the slides.
        choices: of the training.
    """
    _, cohort, pixels = draw_cohort(slides, seed, work, _tell_drawn)
    split = split_by_patient(cohort, choices.seed)
    train(cohort, pixels, choices, split, work / "run", _progress, name="Demo model (simulated slides)")
    card = calibrate(work / "run" / "model", cohort, pixels, split)
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CARD, GUARD):
        if (work / "run" / "model" / name).is_file():
            shutil.copyfile(work / "run" / "model" / name, out / name)
    write_aside(out / "README.md", _readme(card, slides, seed))
    return card


def _readme(card: ModelCard, slides: int, seed: int) -> str:
    def cell(part: str, task: str) -> str:
        kappa = card.metrics.get(part, {}).get(f"kappa_{task}")
        return "not defined" if kappa is None else f"{kappa:.2f}"

    named = [(task.title, task.name) for task in TASKS] + [("Mean", "mean")]
    rows = "\n".join(f"| {title} | {cell('validation', name)} | {cell('test', name)} |" for title, name in named)
    return README.format(
        slides=slides, patients=-(-slides // 2), seed=seed, card=CARD, bag_size=card.bag_size, rows=rows,
        best=card.best_epoch, epochs=card.epochs,
    )  # fmt: skip


def _progress(share: float, message: str, /, **numbers: Any) -> None:
    if "done" in message:
        losses = ", ".join(f"{name} {value:.2f}" for name, value in numbers["losses"].items())
        kappas = ", ".join(
            f"{k} {v:.2f}" for k, v in numbers["metrics"].items() if v is not None and k.startswith("kappa")
        )
        _say(f"{time.strftime('%H:%M:%S')} {message} {losses} {kappas}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m mmdnet.experiments.demo_model", description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("lab-data/demo-model"), help="slides, patches and the run")
    parser.add_argument("--out", type=Path, default=Path("models/demo"), help="the finished model")
    parser.add_argument("--slides", type=int, default=SLIDES)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    try:
        make(given.work, given.out, given.slides, given.seed)
    except LabError as problem:
        _say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
