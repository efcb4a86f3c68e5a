"""The training loop: full (end to end, as the paper) or fast (frozen backbone, stored features), one code for both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdnet.bags.bag import Bag, natural_bags, with_ignored
from mmdnet.bags.cohort import Cohort, PixelSource, trained_on
from mmdnet.bags.sampler import PositiveFirstSampler
from mmdnet.bags.single import SinglePatches
from mmdnet.bags.splits import Split
from mmdnet.errors import LabError
from mmdnet.nn.io import ModelCard, save_model, start_from
from mmdnet.nn.mmdnet import Architecture, MMDNet
from mmdnet.nn.together import place
from mmdnet.training.check import CheckReport, check
from mmdnet.training.checkpoint import Progress, load_checkpoint, save_checkpoint
from mmdnet.training.choices import TrainingChoices
from mmdnet.training.evaluate import Embed, evaluate, pixels_to_features, store_features
from mmdnet.training.feed import batches, in_steps
from mmdnet.training.history import write_history
from mmdnet.training.memory import keep_freed_memory
from mmdnet.training.schedules import domain_strength, learning_rate_share
from mmdnet.training.sharing import sharing
from mmdnet.training.step import LossIsNoNumber, Stepper
from mmdnet.training.weighing import loss_weights

# Choices of how, not of what: a run may go on with others.
HOW_ONLY = ("device", "processes", "patches_at_once", "compile")
OnProgress = Callable[[dict[str, Any]], None]
IGNORED_SHARE = 1 / 8  # set-aside patches beside those in bags, for the quality gate
WARM_UP_BATCH = 16  # single patches in a step: more, smaller steps learn faster from scratch


def train(
    cohort: Cohort,
    pixels: PixelSource,
    choices: TrainingChoices,
    split: Split,
    folder: Path,
    on_progress: OnProgress = lambda facts: None,
    name: str = "MMD-Net",
    start: Path | None = None,
) -> ModelCard:
    """Train until validation stops getting better, or to the last epoch; go on by itself where a killed run stopped.

    Writes into `folder`: checkpoint.safetensors (every epoch, atomically), metrics.csv, tensorboard/, and at the end
    model/ with weights.safetensors and card.json.

    Args:
        cohort: slides, patches, labels.
        pixels: the patches' pixels, in the cohort's order.
        choices: how.
        split: which slides train, validate, test.
        folder: kept between the attempts of one run.
        on_progress: told after every step "epoch", "epochs", "share" (0-1), "loss", "losses", "metrics" (of the last
            epoch done), "eta_s", "message"; what it raises ends the training, which then goes on from its last epoch.
        name: of the model.
        start: weights of a backbone warmed up without labels; it still trains as one from scratch does.

    Returns:
        The card of the model in folder/model.

    Raises:
        LabError: it cannot start (nothing is written then), or the loss stops being a number.
    """
    report = check(cohort, choices, split)
    if len(pixels) != len(cohort.patch_id):
        raise LabError("The patches and their pixels are not equally many.")
    folder.mkdir(parents=True, exist_ok=True)
    share = Share(cohort, pixels, choices, split, folder, report, name, start)
    with sharing(choices, share, report.device, _run):
        return _run(share, on_progress)


@dataclass(frozen=True)
class Share:
    """What each process of a training is given."""

    cohort: Cohort
    pixels: PixelSource
    choices: TrainingChoices
    split: Split
    folder: Path
    report: CheckReport
    name: str
    start: Path | None = None


def _run(share: Share, on_progress: OnProgress = lambda facts: None) -> ModelCard:
    keep_freed_memory()
    run = Run(
        share.cohort, share.pixels, share.choices, share.split, share.folder, share.report, on_progress, share.name,
        share.start,
    )  # fmt: skip
    run.resume()
    while run.has_more():
        run.epoch()
    return run.finish()


def patch_side(pixels: PixelSource) -> int:
    """Side of a source's patches in pixels."""
    return int(pixels.read(np.zeros(1, np.int64)).shape[1]) if len(pixels) else 299


class Run:
    """One training under way; `train` is what to call."""

    def __init__(
        self,
        cohort: Cohort,
        pixels: PixelSource,
        choices: TrainingChoices,
        split: Split,
        folder: Path,
        report: CheckReport,
        on_progress: OnProgress,
        name: str,
        start: Path | None = None,
    ) -> None:
        self.cohort, self.pixels, self.choices, self.split = cohort, pixels, choices, split
        self.folder, self.report, self.on_progress, self.name = folder, report, on_progress, name
        self.rank, processes = place()
        own_gpu = processes > 1 and report.device == "cuda"
        self.device = torch.device(f"cuda:{self.rank}" if own_gpu else report.device)
        self.domains, self.domain_names = self._domains()
        self.sampler = PositiveFirstSampler(
            cohort, split.train, choices.bag_size, choices.seed, choices.bags_per_epoch, choices.domain_key,
            choices.natural_share if choices.balance else 1.0, choices.bag_drawing,
        )  # fmt: skip
        self.validation = natural_bags(cohort, split.validation, choices.bag_size)
        torch.manual_seed(choices.seed)
        self.net = self._network(choices.weights or start)
        self.stepper = Stepper(self.net, choices, report.trained_tasks, self.device)
        self.optimizer = self.stepper.optimizer
        self.stored: np.ndarray | None = None
        self.best: dict[str, Tensor] = {}
        self.progress = Progress(self._identity())
        of_train = np.isin(cohort.slide_index, list(split.train))
        self.set_aside = np.flatnonzero(cohort.ignored & of_train) if choices.ignore_weight else np.empty(0, np.int64)

    def _domains(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Each slide's place among the domains that training tells apart, -1 for the others."""
        of_slide, names = self.cohort.domains(self.choices.domain_key)
        kept = self.report.domains
        return np.array([kept.index(names[d]) if d >= 0 and names[d] in kept else -1 for d in of_slide]), kept

    def _network(self, start: Path | None) -> MMDNet:
        choices = self.choices
        architecture = Architecture(
            backbone=choices.backbone, patch_px=patch_side(self.pixels), head=choices.head,
            projection=choices.projection, ignored_task=choices.ignored_task, domains=self.domain_names,
        )  # fmt: skip
        net = MMDNet(architecture, choices.reversal, choices.attention_rule)
        net.attending = self.report.trained_tasks
        if start:
            start_from(net, start)
        return net.to(self.device)

    def _identity(self) -> dict[str, Any]:
        return {
            "choices": self.choices.model_dump(mode="json", exclude=set(HOW_ONLY)),
            "labels": self.cohort.label_sha256(),
            "split": self.split.slide_ids(self.cohort),
        }

    # -- going on ------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        found = load_checkpoint(self.folder, self.progress.identity)
        if not found:
            return
        try:
            self.stepper.load(found.tensors)
            self.optimizer.load_state_dict(found.optimizer)
        except (RuntimeError, ValueError, KeyError) as problem:
            sentence = f"The checkpoint in {self.folder.name} is of another network; start a new training."
            raise LabError(sentence) from problem
        self.progress, self.best = found.progress, found.tensors.get("best", {})
        self._tell(self.progress.epoch, 0.0, {}, f"Going on after epoch {self.progress.epoch}.")

    def has_more(self) -> bool:
        done = self.progress
        last_look = max(done.best_epoch, self.report.warm_up)
        waited = done.epoch - last_look if self.validation else 0
        return done.epoch < self.choices.epochs and waited < self.choices.patience

    @property
    def warming_up(self) -> bool:
        return self.progress.epoch < self.report.warm_up

    @property
    def frozen(self) -> bool:
        return self.choices.mode == "fast" and not self.warming_up

    # -- one epoch -----------------------------------------------------------------------------------------------

    def epoch(self) -> None:
        began = time.monotonic()
        number = self.progress.epoch
        torch.manual_seed(self.choices.seed * 100_003 + number)
        if self.frozen and self.stored is None:
            self.stored = self._store_features()
        bags, per_step = self._bags(number)
        cut = in_steps(bags, per_step)
        sums: dict[str, float] = {}
        self.net.train()
        for step, losses in enumerate(self._steps(bags, cut, number)):
            sums = {key: sums.get(key, 0.0) + value for key, value in losses.items()}
            done = number + (step + 1) / len(cut)
            self._tell(done, losses["total"], losses, f"Epoch {number + 1}, step {step + 1} of {len(cut)}")
        metrics: dict[str, float | None] = {}
        if not self.warming_up:
            with self.stepper.judged():
                metrics = self._validate()
        seconds = time.monotonic() - began
        self._close_epoch({key: value / len(cut) for key, value in sums.items()}, metrics, seconds)

    def _bags(self, number: int) -> tuple[list[Bag], int]:
        """An epoch's bags and how many make a step; while warming up, as many single patches as bags would hold."""
        if not self.warming_up:
            return self._with_ignored(self.sampler.epoch(number), number), self.choices.bags_per_step
        single = SinglePatches(self.cohort, self.split.train, self.choices.seed)
        return single.epoch(number, self.choices.bag_size * self.sampler.bags_per_epoch), WARM_UP_BATCH

    def _with_ignored(self, bags: list[Bag], number: int) -> list[Bag]:
        if not self.choices.ignored_task:
            return bags
        return with_ignored(self.cohort, bags, np.random.default_rng((self.choices.seed, 23, number)))

    def _steps(self, bags: list[Bag], cut: list[Sequence[Bag]], number: int) -> Iterator[dict[str, float]]:
        weights = loss_weights(self.cohort, bags, self.choices, self.report.trained_tasks, self.warming_up)
        extra = self._set_aside(len(cut), number)
        read = self._read_stored if self.frozen else self.pixels.read
        varied = self.choices.augment and not self.frozen
        random = np.random.default_rng((self.choices.seed, 17, number)) if varied else None
        on_cpu = self.device.type == "cpu"
        for step, batch in enumerate(batches(self.cohort, cut, self.domains, read, extra, random, on_cpu, True)):
            of_phase = self._phase_share(number + step / len(cut))
            self.stepper.set_rates(learning_rate_share(of_phase))
            strength = None if self.warming_up else domain_strength(of_phase, self.choices.alpha)
            try:
                yield self.stepper.step(batch, weights, strength, self.frozen, not self.warming_up)
            except LossIsNoNumber as problem:
                raise LabError(
                    f"Training stopped in epoch {number + 1}: the loss is no longer a number. "
                    "Choose a lower learning rate; the epochs before are kept."
                ) from problem

    def _phase_share(self, epochs_done: float) -> float:
        """Share of the present phase done: warm-up and the training on bags each have their own schedule."""
        warm, total = self.report.warm_up, self.choices.epochs
        return epochs_done / warm if epochs_done < warm else (epochs_done - warm) / (total - warm)

    def _set_aside(self, steps: int, number: int) -> list[np.ndarray]:
        """Set-aside patches to go along with each step, for the quality gate."""
        if not len(self.set_aside):
            return []
        random = np.random.default_rng((self.choices.seed, 11, number))
        beside = WARM_UP_BATCH if self.warming_up else self.choices.bag_size * self.choices.bags_per_step
        count = min(len(self.set_aside), max(1, round(beside * IGNORED_SHARE)))
        return [random.choice(self.set_aside, count, replace=False) for _ in range(steps)]

    # -- frozen features -----------------------------------------------------------------------------------------

    def _read_stored(self, indices: np.ndarray) -> np.ndarray:
        assert self.stored is not None
        return self.stored[indices]

    def _store_features(self) -> np.ndarray:
        def say(message: str) -> None:
            self._tell(self.progress.epoch, 0.0, {}, message)

        return store_features(self.net, self.cohort, self.pixels, self.device, say)

    # -- looking and keeping -------------------------------------------------------------------------------------

    def _judge(self, bags: list[Bag]) -> dict[str, float | None]:
        bags = self._with_ignored(bags, self.choices.epochs)  # a draw no epoch of training makes
        if self.stored is not None:
            as_is: Embed = lambda data: torch.from_numpy(data).to(self.device)  # noqa: E731
            return evaluate(self.net, self.cohort, bags, self._read_stored, as_is, self.report.trained_tasks)
        embed = pixels_to_features(self.net, self.device)
        return evaluate(self.net, self.cohort, bags, self.pixels.read, embed, self.report.trained_tasks)

    def _validate(self) -> dict[str, float | None]:
        return self._judge(self.validation) if self.validation else {}

    def _close_epoch(self, losses: dict[str, float], metrics: dict[str, float | None], seconds: float) -> None:
        done = self.progress
        done.epoch += 1
        done.seconds += seconds
        kappa, loss = metrics.get("kappa_mean"), metrics.get("loss")
        score = (kappa if kappa is not None else -2.0, -loss if loss is not None else 0.0)
        if not self.validation or (metrics and score > done.best_score):
            done.best_epoch, done.best_score = done.epoch, score
            with self.stepper.judged():
                self.best = {key: value.detach().clone() for key, value in self.net.state_dict().items()}
        row: dict[str, Any] = {"epoch": done.epoch, "seconds": round(seconds, 3), "loss": losses["total"]}
        row |= {f"loss_{key}": value for key, value in losses.items() if key != "total"}
        row |= {f"validation_{key}": value for key, value in metrics.items()}
        done.history.append(row)
        if self.rank == 0:
            save_checkpoint(self.folder, self.stepper.tensors() | {"best": self.best}, self.optimizer, done)
            write_history(self.folder, done.history)
        self._tell(done.epoch, losses["total"], losses, self._epoch_message(kappa))

    def _epoch_message(self, kappa: float | None) -> str:
        said = f"Epoch {self.progress.epoch} of {self.choices.epochs} done"
        return said + (f", validation kappa {kappa:.2f}." if kappa is not None else ".")

    def _tell(self, epochs_done: float, loss: float, losses: dict[str, float], message: str) -> None:
        done = self.progress
        last = done.history[-1] if done.history else {}
        metrics = {
            key.removeprefix("validation_"): value for key, value in last.items() if key.startswith("validation_")
        }
        left = self.choices.epochs - epochs_done
        self.on_progress(
            {
                "epoch": done.epoch,
                "epochs": self.choices.epochs,
                "share": epochs_done / self.choices.epochs,
                "loss": loss,
                "losses": losses,
                "metrics": metrics,
                "eta_s": done.seconds / done.epoch * left if done.epoch else None,
                "message": message,
            }
        )

    def finish(self) -> ModelCard:
        """Judge the best weights once on the test part, and save them with their card."""
        if self.best:
            self.net.load_state_dict(self.best)
        if self.frozen and self.stored is None and self.validation:
            self.stored = self._store_features()
        metrics = {"validation": self._validate()}
        if self.split.test:
            metrics["test"] = self._judge(natural_bags(self.cohort, self.split.test, self.choices.bag_size))
        card = self._card({part: found for part, found in metrics.items() if found})
        return save_model(self.net, self.folder / "model", card) if self.rank == 0 else card

    def _card(self, metrics: dict[str, dict[str, float | None]]) -> ModelCard:
        choices, progress = self.choices, self.progress
        return ModelCard(
            name=self.name,
            **self.net.architecture.model_dump(),
            bag_size=choices.bag_size,
            domain_key=choices.domain_key if self.domain_names else "none",
            trained_tasks=self.report.trained_tasks,
            ignore_head=bool(len(self.set_aside)),
            label_set_sha256=self.cohort.label_sha256(),
            split=self.split.slide_ids(self.cohort),
            metrics=metrics,
            trained_on=trained_on(self.cohort, self.sampler.slides),
            choices=choices.model_dump(mode="json", exclude={"weights"})
            | {"weights": choices.weights.name if choices.weights else None},
            seed=choices.seed,
            epochs=progress.epoch,
            best_epoch=progress.best_epoch,
            warnings=self.report.warnings,
            simulated=any(self.cohort.slides[s].simulated for s in self.sampler.slides),
        )
