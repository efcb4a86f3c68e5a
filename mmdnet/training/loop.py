"""The training loop: full (end to end, as the paper) or fast (frozen backbone, stored features), one code for both."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmdnet.augment.variation import Variation
from mmdnet.bags.bag import Bag
from mmdnet.bags.cohort import Cohort, PixelSource
from mmdnet.bags.splits import Split
from mmdnet.errors import LabError
from mmdnet.nn.backbones import recipe_for
from mmdnet.nn.batch_norm import AT_ONCE, FITTED_ON, fit_batch_norms
from mmdnet.nn.card import Architecture, ModelCard
from mmdnet.nn.distributed import rank, world_size
from mmdnet.nn.io import save_model, start_from
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.nn.packaged import packaged_weights
from mmdnet.progress import Progress, silent
from mmdnet.training.batch_loader import BatchLoader, in_steps, training_variation
from mmdnet.training.check import CheckReport, check
from mmdnet.training.checkpoint import Identity, load_checkpoint, save_checkpoint
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.training.epoch_plan import EpochPlan
from mmdnet.training.evaluate import Embed, FeatureSource, evaluate, pixels_to_features, store_features
from mmdnet.training.history import write_history
from mmdnet.training.memory import keep_freed_memory
from mmdnet.training.processes import sharing
from mmdnet.training.provenance import RANDOM, backbone_origin, trained_on
from mmdnet.training.run_state import RunState
from mmdnet.training.schedules import domain_strength, learning_rate_share
from mmdnet.training.step import NonFiniteLoss, Stepper
from mmdnet.training.weighing import loss_weights

# Choices of how, not of what: a run may go on with others.
HOW_ONLY = ("device", "processes", "microbatch_size", "compile")


def train(
    cohort: Cohort,
    pixels: PixelSource,
    config: TrainingConfig,
    split: Split,
    folder: Path,
    progress: Progress = silent,
    name: str = "MMD-Net",
    start: Path | None = None,
    kept: FeatureSource | None = None,
) -> ModelCard:
    """Train until validation stops getting better, or to the last epoch; go on by itself where a killed run stopped.

    Writes into `folder`: checkpoint.safetensors (every epoch, atomically), metrics.csv, tensorboard/, and at the end
    model/ with weights.safetensors and card.json.

    Args:
        cohort: slides, patches, labels.
        pixels: the patches' pixels, in the cohort's order.
        config: how.
        split: which slides train, validate, test.
        folder: kept between the attempts of one run.
        progress: told after every step, with the numbers "epoch", "epochs", "loss", "losses", "metrics" (of the last
            epoch done) and "eta_s"; what it raises ends the training, which then goes on from its last epoch.
        name: of the model.
        start: weights of a backbone warmed up without labels; it still trains as one from scratch does.
        kept: features that were computed before; used where the backbone is frozen from the start and they are its own.

    Returns:
        The card of the model in folder/model.

    Raises:
        LabError: it cannot start (nothing is written then), or the loss stops being a number.
    """
    report = check(cohort, config, split)
    if len(pixels) != len(cohort.patch_id):
        raise LabError("The patches and their pixels are not equally many.")
    side = pixels.read(np.zeros(1, np.int64)).shape[1]
    if side != cohort.patch_px:
        raise LabError(f"The patches are {side} px wide; their slides say {cohort.patch_px} px. Nothing was trained.")
    folder.mkdir(parents=True, exist_ok=True)
    share = Share(cohort, pixels, config, split, folder, report, name, start, kept)
    with sharing(config, share, report.device, _run):
        return _run(share, progress)


@dataclass(frozen=True)
class Share:
    """What each process of a training is given."""

    cohort: Cohort
    pixels: PixelSource
    config: TrainingConfig
    split: Split
    folder: Path
    report: CheckReport
    name: str
    start: Path | None = None
    kept: FeatureSource | None = None


def _run(share: Share, progress: Progress = silent) -> ModelCard:
    keep_freed_memory()
    run = Run(
        share.cohort, share.pixels, share.config, share.split, share.folder, share.report, progress, share.name,
        share.start, share.kept,
    )  # fmt: skip
    run.resume()
    while run.has_more():
        run.epoch()
    return run.finish()


class Run:
    """One training under way; `train` is what to call."""

    def __init__(
        self,
        cohort: Cohort,
        pixels: PixelSource,
        config: TrainingConfig,
        split: Split,
        folder: Path,
        report: CheckReport,
        progress: Progress,
        name: str,
        start: Path | None = None,
        kept: FeatureSource | None = None,
    ) -> None:
        self.cohort, self.pixels, self.config, self.split = cohort, pixels, config, split
        self.folder, self.report, self.progress, self.name = folder, report, progress, name
        self.kept = kept
        self.rank = rank()
        own_gpu = world_size() > 1 and report.device == "cuda"
        self.device = torch.device(f"cuda:{self.rank}" if own_gpu else report.device)
        self.domains, self.domain_names = self._domains()
        self.epoch_plan = EpochPlan(cohort, split, config, report.warm_up)
        torch.manual_seed(config.seed)
        self.net = self._network(config.weights or start or packaged_weights(config.backbone))
        self.origin = backbone_origin(config, start)
        self.stepper = Stepper(self.net, config, report.trained_tasks, self.device, len(self.domain_names))
        self.optimizer = self.stepper.optimizer
        self.stored: np.ndarray | None = None
        self.best: dict[str, Tensor] = {}
        self.state = RunState(self._identity())
        self._variation: Variation | None = None

    def _domains(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """Each slide's place among the domains that training tells apart, -1 for the others."""
        of_slide, names = self.cohort.domains(self.config.domain_key)
        kept = self.report.domains
        return np.array([kept.index(names[d]) if d >= 0 and names[d] in kept else -1 for d in of_slide]), kept

    def _network(self, start: Path | None) -> MMDNet:
        config = self.config
        architecture = Architecture(
            backbone=config.backbone,
            recipe=recipe_for(config.backbone, start),
            patch_px=self.cohort.patch_px,
            head=config.head,
            projection=config.projection,
            place_pooling=config.place_pooling,
            pooling=config.pooling,
            ignored_task=config.ignored_task,
            domains=self.domain_names if config.domain_method == "adversary" else (),
        )
        net = MMDNet(architecture, config.reversal, config.attention_rule, config.domain_method)
        net.attending = self.report.trained_tasks
        if start:
            start_from(net, start)
        return net.to(self.device)

    def _identity(self) -> Identity:
        return {
            "choices": self.config.model_dump(mode="json", exclude=set(HOW_ONLY)),
            "labels": self.cohort.label_sha256(),
            "split": self.split.slide_ids(self.cohort),
        }

    # -- going on ------------------------------------------------------------------------------------------------

    def resume(self) -> None:
        kept = load_checkpoint(self.folder, self.state.identity, _as_of_now)
        if not kept:
            if self.origin.source == RANDOM:
                self._fit_batch_norms()
            return
        try:
            self.stepper.load(kept.tensors)
            self.optimizer.load_state_dict(kept.optimizer)
        except (RuntimeError, ValueError, KeyError) as problem:
            sentence = f"The checkpoint in {self.folder.name} is of another network; start a new training."
            raise LabError(sentence) from problem
        self.state, self.best = kept.state, kept.tensors.get("best", {})
        self._tell(self.state.epoch, {}, f"Going on after epoch {self.state.epoch}.")

    def _fit_batch_norms(self) -> None:
        """See `mmdnet.nn.batch_norm`: on patches of the training part, the same in all processes."""
        of_train = np.flatnonzero(np.isin(self.cohort.slide_index, self.epoch_plan.sampler.slides))
        drawn = np.random.default_rng((self.config.seed, 29)).permutation(of_train)[:FITTED_ON]
        parts = (drawn[at : at + AT_ONCE] for at in range(0, len(drawn), AT_ONCE))
        fit_batch_norms(
            self.net, (torch.from_numpy(self.pixels.read(part)).to(self.device).permute(0, 3, 1, 2) for part in parts)
        )

    def has_more(self) -> bool:
        done = self.state
        last_look = max(done.best_epoch, self.report.warm_up)
        waited = done.epoch - last_look if self.epoch_plan.validation else 0
        return done.epoch < self.config.epochs and waited < self.config.patience

    @property
    def warming_up(self) -> bool:
        return self.state.epoch < self.report.warm_up

    @property
    def frozen(self) -> bool:
        return self.report.mode == "fast" and not self.warming_up

    # -- one epoch -----------------------------------------------------------------------------------------------

    def epoch(self) -> None:
        number = self.state.epoch
        torch.manual_seed(self.config.seed * 100_003 + number)
        if self.frozen and self.stored is None:
            self.stored = self._store_features()
        began = time.monotonic()  # features are computed once and are no part of what each epoch takes
        bags, per_step = self.epoch_plan.epoch(number)
        cut = in_steps(bags, per_step)
        sums: dict[str, float] = {}
        self.net.train()
        self.stepper.heads_alone = 0 <= number - self.report.warm_up < self.config.heads_first
        for step, losses in enumerate(self._steps(bags, cut, number)):
            sums = {key: sums.get(key, 0.0) + value for key, value in losses.items()}
            done = number + (step + 1) / len(cut)
            self._tell(done, losses, f"Epoch {number + 1}, step {step + 1} of {len(cut)}")
        metrics: dict[str, float | None] = {}
        if not self.warming_up:
            with self.stepper.judged():
                metrics = self._validate()
        seconds = time.monotonic() - began
        self._close_epoch({key: value / len(cut) for key, value in sums.items()}, metrics, seconds)

    def _steps(self, bags: list[Bag], cut: list[Sequence[Bag]], number: int) -> Iterator[dict[str, float]]:
        weights = loss_weights(self.cohort, bags, self.config, self.report.trained_tasks, self.warming_up)
        extra = self.epoch_plan.beside(len(cut), number)
        read = self._read_stored if self.frozen else self.pixels.read
        varied = self.config.augment and not self.frozen
        random = np.random.default_rng((self.config.seed, 17, number)) if varied else None
        on_cpu = self.device.type == "cpu"
        variation = self.variation() if varied else None
        loader = BatchLoader(self.cohort, cut, self.domains, read, extra, random, on_cpu, True, variation)
        for step, batch in enumerate(loader):
            of_phase = self.epoch_plan.phase_share(number + step / len(cut))
            self.stepper.set_rates(learning_rate_share(of_phase))
            strength = None if self.warming_up else domain_strength(of_phase, self.config.alpha)
            try:
                yield self.stepper.step(batch, weights, strength, self.frozen, not self.warming_up)
            except NonFiniteLoss as problem:
                raise LabError(
                    f"Training stopped in epoch {number + 1}: the loss is no longer a number. "
                    "Choose a lower learning rate; the epochs before are kept."
                ) from problem

    def variation(self) -> Variation:
        """How patches are varied; the stains of the training slides are measured when they are first asked for."""
        if self._variation is None:
            self._variation = training_variation(self.cohort, self.pixels, self.config, self.epoch_plan.sampler.slides)
        return self._variation

    # -- frozen features -----------------------------------------------------------------------------------------

    def _read_stored(self, indices: np.ndarray) -> np.ndarray:
        assert self.stored is not None
        return self.stored[indices]

    def _store_features(self) -> np.ndarray:
        def say(message: str) -> None:
            self._tell(self.state.epoch, {}, message)

        return store_features(self.net, self.cohort, self.pixels, self.device, say, self.kept)

    # -- looking and keeping -------------------------------------------------------------------------------------

    def _judge(self, bags: list[Bag], told: Callable[[int], None] | None = None) -> dict[str, float | None]:
        if self.stored is not None:
            as_is: Embed = lambda data: torch.from_numpy(data).to(self.device)  # noqa: E731
            return evaluate(self.net, self.cohort, bags, self._read_stored, as_is, self.report.trained_tasks, told)
        embed = pixels_to_features(self.net, self.device)
        return evaluate(self.net, self.cohort, bags, self.pixels.read, embed, self.report.trained_tasks, told)

    def _validate(self) -> dict[str, float | None]:
        return self._judge(self.epoch_plan.validation) if self.epoch_plan.validation else {}

    def _close_epoch(self, losses: dict[str, float], metrics: dict[str, float | None], seconds: float) -> None:
        done = self.state
        if done.close(losses, metrics, seconds, bool(self.epoch_plan.validation), self.stepper.rate):
            with self.stepper.judged():
                self.best = {key: value.detach().clone() for key, value in self.net.state_dict().items()}
        if self.rank == 0:
            save_checkpoint(self.folder, self.stepper.tensors() | {"best": self.best}, self.optimizer, done)
            write_history(self.folder, done.history)
        kappa = metrics.get("kappa_mean")
        said = f"Epoch {done.epoch} of {self.config.epochs} done"
        self._tell(done.epoch, losses, said + (f", validation kappa {kappa:.2f}." if kappa is not None else "."))

    def _tell(self, epochs_done: float, losses: dict[str, float], message: str) -> None:
        numbers = self.state.numbers(self.config.epochs, epochs_done, losses)
        self.progress(epochs_done / self.config.epochs, message, **numbers)

    def finish(self) -> ModelCard:
        """Judge the best weights once on the test part, and save them with their card."""
        self._tell(self.config.epochs, {}, "Judging the weights that were kept")  # those left out are not to come
        if self.best:
            self.net.load_state_dict(self.best)
        if self.frozen and self.stored is None and self.epoch_plan.validation:
            self.stored = self._store_features()
        parts = {"validation": self.epoch_plan.validation}
        if self.split.test:
            parts["test"] = self.epoch_plan.natural(self.split.test)
        metrics: dict[str, dict[str, float | None]] = {}
        for part, bags in parts.items():
            metrics[part] = self._judge(bags, partial(self._tell_judged, part, len(bags))) if bags else {}
        card = self._card({part: of_part for part, of_part in metrics.items() if of_part})
        return save_model(self.net, self.folder / "model", card) if self.rank == 0 else card

    def _tell_judged(self, part: str, of: int, done: int) -> None:
        self._tell(self.config.epochs, {}, f"Judging the weights that were kept: {part} bags, {done} of {of}")

    def _card(self, metrics: dict[str, dict[str, float | None]]) -> ModelCard:
        config, state = self.config, self.state
        simulated = sum(self.cohort.slides[s].simulated for s in self.epoch_plan.sampler.slides)
        return ModelCard(
            name=self.name,
            **self.net.architecture.model_dump(),
            patch_mpp=self.cohort.patch_mpp,
            bag_size=config.bag_size,
            domain_key=config.domain_key if self.domain_names else "none",
            trained_tasks=self.report.trained_tasks,
            ignore_head=bool(len(self.epoch_plan.set_aside)),
            label_set_sha256=self.cohort.label_sha256(),
            split={part: tuple(ids) for part, ids in self.split.slide_ids(self.cohort).items()},
            metrics=metrics,
            trained_on=trained_on(self.cohort, self.epoch_plan.sampler.slides),
            choices=config.model_dump(mode="json", exclude={"weights"})
            | {"weights": config.weights.name if config.weights else None, "mode": self.report.mode},
            backbone_origin=self.origin,
            seed=config.seed,
            epochs=state.epoch,
            best_epoch=state.best_epoch,
            warnings=self.report.warnings,
            simulated=simulated > 0,
            simulated_slides=simulated,
        )


def _as_of_now(identity: Identity) -> Identity:
    """The identity of a run that an earlier build began: options by today's names, new ones as usual."""
    try:
        config = read_config(identity["choices"])
    except (LabError, KeyError, TypeError):
        return identity
    return identity | {"choices": config.model_dump(mode="json", exclude=set(HOW_ONLY))}
