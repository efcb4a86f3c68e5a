"""All methods learn at once: bags are drawn, read and padded once, and every method takes its step on them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mmdnet.bags.bag import Bag, with_ignored
from mmdnet.experiments.field.bags import FieldPart
from mmdnet.experiments.field.data import FieldData
from mmdnet.experiments.field.plan import FieldPlan
from mmdnet.experiments.field.result import Cell, Cost, Epoch, TaskSaid, TestedBags
from mmdnet.labels.grading import TASKS, UNKNOWN
from mmdnet.nn.baselines.contract import BagTargets, BranchShape
from mmdnet.nn.baselines.registry import BaselineEntry, create_baseline
from mmdnet.nn.outputs import Prediction
from mmdnet.progress import Progress, silent
from mmdnet.training.batch_loader import build_targets, in_steps
from mmdnet.training.metrics import agreement
from mmdnet.training.schedules import class_weights, domain_strength, learning_rate_share

CLIP = 1.0
CAP = 3.0  # most that a rare grade is lifted
BAGS_AT_ONCE = 64
WEIGHT_BYTES = 16  # of a parameter while it learns: itself, its gradient, AdamW's two moments, four bytes each
Done = Callable[[Cell], None]


@dataclass(frozen=True)
class Batch:
    """Some bags as tensors: features at each number of scales, mask, and what is known by task."""

    features: Mapping[int, Tensor]
    mask: Tensor
    targets: Mapping[str, BagTargets]

    def of_scales(self, scales: int) -> Tensor:
        return self.features[scales]


def trained_tasks(bags: Sequence[Bag]) -> dict[str, int]:
    """Number of grades by task, of the tasks in which these bags have at least two."""
    grades = np.stack([bag.grades for bag in bags])
    known = [np.unique(grades[grades[:, t] != UNKNOWN, t]) for t in range(len(TASKS))]
    return {task.name: task.highest + 1 for task, seen in zip(TASKS, known, strict=True) if len(seen) > 1}


def make_batch(data: FieldData, bags: Sequence[Bag], domains: np.ndarray, weights: Mapping[str, np.ndarray]) -> Batch:
    """Bags read and padded to the largest; `weights` of each grade by task."""
    mask, known = build_targets(data.cohort, bags, domains)
    rows = torch.from_numpy(np.concatenate([part for bag in bags for part in (bag.instances, bag.ignored)]))
    features = {1: data.features[rows]}
    if data.coarse is not None:
        features[2] = np.concatenate([data.features[rows], data.coarse[rows]], axis=1)
    targets = {}
    for t, task in enumerate(TASKS):
        grades = known.grades[:, t]
        of_grade = torch.from_numpy(weights[task.name])[grades.clamp(min=0)] if task.name in weights else 1.0
        targets[task.name] = BagTargets(
            grades, of_grade * known.label_confidence[:, t], known.instance_grades[..., t], known.domains,
            ignored=known.ignored_mask,
        )  # fmt: skip
    return Batch({scales: _padded(values, mask) for scales, values in features.items()}, mask, targets)


def _padded(values: np.ndarray, mask: Tensor) -> Tensor:
    """Rows of all bags one after another, (instances, width), as (B, N, width); 0 on padding."""
    padded = torch.zeros(*mask.shape, values.shape[1])
    padded[mask] = torch.from_numpy(values)
    return padded


class Learner:
    """One method under way: network, optimiser, the best weights so far.

    A method of two stages has half of the epochs for each; only the last stage is judged.
    """

    def __init__(
        self, entry: BaselineEntry, plan: FieldPlan, part: FieldPart, tasks: Mapping[str, int], width: int, domains: int
    ) -> None:
        self.entry, self.plan, self.part, self.tasks = entry, plan, part, dict(tasks)
        torch.manual_seed(part.seed)
        shape = BranchShape(
            width * entry.scales, 2, plan.head, plan.projection, plan.hidden, plan.dropout, domains=domains
        )
        self.model = create_baseline(entry, shape, self.tasks)
        self.random = torch.get_rng_state()
        self.stage, self.epochs_of_stage = 0, max(1, plan.epochs // self.model.stages)
        self.optimiser = self._optimiser()
        self.best: dict[str, Tensor] = {}
        self.best_kappa, self.best_epoch = -np.inf, 0
        self.curve: list[Epoch] = []
        self.seconds, self.kept_bytes = 0.0, 0

    def _optimiser(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.model.parameters(), lr=self.plan.rate, weight_decay=self.plan.decay, foreach=True)

    @property
    def last_stage(self) -> bool:
        return self.stage == self.model.stages - 1

    def learn(self, batches: Sequence[Batch], epoch: int) -> float:
        """An epoch of steps; the mean loss of a step."""
        began = time.process_time()
        within = epoch - self.stage * self.epochs_of_stage
        self.model.train()
        torch.set_rng_state(self.random)
        total = 0.0
        for number, batch in enumerate(batches):
            progress = (within + number / len(batches)) / self.epochs_of_stage
            for group in self.optimiser.param_groups:
                group["lr"] = self.plan.rate * learning_rate_share(min(progress, 1.0))
            strength = domain_strength(min(progress, 1.0), self.plan.alpha)
            targets = {name: replace(batch.targets[name], strength=strength) for name in self.tasks}
            with self._measured() if not self.kept_bytes else nullcontext():
                loss = self.model.training_loss(batch.of_scales(self.model.scales), batch.mask, targets)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
            self.optimiser.step()
            total += float(loss.detach())
        self.random = torch.get_rng_state()
        self.seconds += time.process_time() - began
        return total / len(batches)

    @contextmanager
    def _measured(self) -> Iterator[None]:
        """Note how many bytes a step keeps for the way back, beside the weights themselves; each storage once."""
        own = {parameter.untyped_storage().data_ptr() for parameter in self.model.parameters()}
        kept: dict[int, int] = {}

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in own:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            yield
        self.kept_bytes = sum(kept.values())

    @torch.no_grad()
    def predict(self, batches: Sequence[Batch]) -> dict[str, Prediction]:
        """Grades of all bags, by task."""
        self.model.eval()
        said = [self.model.predict(batch.of_scales(self.model.scales), batch.mask) for batch in batches]
        return {
            name: Prediction(*(
                torch.cat([getattr(of[name], what) for of in said]) for what in ("probabilities", "grade", "expected")
            ))
            for name in self.tasks
        }  # fmt: skip

    def judge(self, loss: float, epoch: int, batches: Sequence[Batch], truth: np.ndarray) -> None:
        """Note the epoch; keep the weights if validation was never better."""
        said = self.predict(batches)
        columns = [t for t, task in enumerate(TASKS) if task.name in self.tasks]
        grades = np.stack([said[name].grade.numpy() for name in self.tasks], axis=1)
        kappa = agreement(truth[:, columns], grades, self.tasks)["kappa_mean"]
        self.curve.append(Epoch(loss=loss, kappa=kappa, rate=self.optimiser.param_groups[0]["lr"]))
        if self.last_stage and (not self.best or (kappa if kappa is not None else -np.inf) > self.best_kappa):
            self.best_kappa, self.best_epoch = kappa if kappa is not None else -np.inf, epoch
            self.best = {key: value.clone() for key, value in self.model.state_dict().items()}

    @torch.no_grad()
    def maybe_next_stage(self, epoch: int, batches: Sequence[Batch]) -> None:
        """Begin the next stage where this one has had its epochs."""
        if self.last_stage or epoch + 1 < (self.stage + 1) * self.epochs_of_stage:
            return
        self.model.eval()
        outputs = [self.model(batch.of_scales(self.model.scales), batch.mask) for batch in batches]
        features = {}
        for name in self.tasks:
            bags = [output[name].bag for output in outputs]
            features[name] = torch.cat([bag for bag in bags if bag is not None])
        torch.set_rng_state(self.random)
        self.model.begin_stage(features, self.part.seed)
        self.random = torch.get_rng_state()
        self.stage += 1
        self.optimiser = self._optimiser()

    def has_stopped(self, epoch: int) -> bool:
        """Whether validation has not got better for as long as the plan waits."""
        return bool(self.best) and epoch - self.best_epoch >= self.plan.patience

    def cell(self, batches: Sequence[Batch], bags: TestedBags, warnings: Sequence[str]) -> Cell:
        """Test the best epoch's network, once."""
        self.model.load_state_dict(self.best)
        began = time.process_time()
        said = self.predict(batches)
        seconds = max(time.process_time() - began, 1e-6)
        patches = sum(int(batch.mask.sum()) for batch in batches)
        parameters = sum(p.numel() for p in self.model.parameters())
        return Cell(
            method=self.entry.name,
            part=self.part.name,
            seed=self.part.seed,
            bags=bags,
            said={name: _said(of) for name, of in said.items()},
            curve=tuple(self.curve),
            best_epoch=self.best_epoch + 1,
            cost=Cost(
                parameters=parameters,
                train_processor_s=round(self.seconds, 2),
                patches_per_s=round(patches / seconds, 1),
                step_mib=round((WEIGHT_BYTES * parameters + self.kept_bytes) / 2**20, 2),
            ),
            warnings=tuple(warnings),
        )


def _said(of: Prediction) -> TaskSaid:
    return TaskSaid(
        grades=tuple(of.grade.tolist()),
        expected=tuple(np.round(of.expected.double().numpy(), 5).tolist()),
        probabilities=tuple(map(tuple, np.round(of.probabilities.double().numpy(), 5).tolist())),
    )


def learn_part(
    data: FieldData, part: FieldPart, entries: Sequence[BaselineEntry], plan: FieldPlan, done: Done,
    progress: Progress = silent,
) -> list[str]:  # fmt: skip
    """Train these methods on one part and test each; `done` gets a method's cell as soon as it has stopped.

    What could not be trained is told, in sentences.

    Heads are so small that a second thread costs more than it does, and on a busy machine the first waits for it; each
    takes its steps in one thread.

    Raises:
        LabError: no task has two grades in the training bags.
    """
    with _one_thread():
        return _learn_part(data, part, entries, plan, done, progress)


@contextmanager
def _one_thread() -> Iterator[None]:
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(usual)


def _learn_part(
    data: FieldData, part: FieldPart, entries: Sequence[BaselineEntry], plan: FieldPlan, done: Done, progress: Progress
) -> list[str]:
    from mmdnet.errors import LabError

    domains, names = data.cohort.domains("scanner+stain")
    first = part.training_bags(0)
    tasks = trained_tasks(first)
    if not tasks:
        raise LabError(f"{part.name}: no feature has two grades among the training bags, so nothing can be learnt.")
    entries, left_out = _trainable(data, part, entries, first)
    judged = part.validation if plan.judged == "validation" else part.test
    warnings = (*part.warnings, *_lacking(judged, tasks, plan.judged))
    learners = [Learner(entry, plan, part, tasks, data.features.shape[1], len(names)) for entry in entries]
    validation, test = ([*_batches(data, bags, domains, BAGS_AT_ONCE)] for bags in (part.validation, judged))
    truth = np.stack([bag.grades for bag in part.validation])
    tested = _tested(data, judged)
    for epoch in range(plan.epochs):
        bags = first if epoch == 0 else part.training_bags(epoch)
        kinds = {learner.entry.ignored_task for learner in learners}
        batches_of = {kind: _training_batches(data, part, bags, domains, plan, epoch, kind) for kind in kinds}
        for number, learner in enumerate(learners):
            batches = batches_of[learner.entry.ignored_task]
            progress((epoch + number / len(learners)) / plan.epochs, f"epoch {epoch + 1}, {learner.entry.title}")
            learner.judge(learner.learn(batches, epoch), epoch, validation, truth)
            learner.maybe_next_stage(epoch, batches)
        last = epoch + 1 == plan.epochs
        ended = [learner for learner in learners if last or learner.has_stopped(epoch)]
        for learner in ended:
            done(learner.cell(test, tested, warnings))
        learners = [learner for learner in learners if learner not in ended]
        if not learners:
            break
    return left_out


def _trainable(
    data: FieldData, part: FieldPart, entries: Sequence[BaselineEntry], bags: Sequence[Bag]
) -> tuple[list[BaselineEntry], list[str]]:
    """The methods that these training bags can teach, and why others are left out."""
    cohort = data.cohort
    slides = list({bag.slide_index for bag in bags})
    if (cohort.ignored & np.isin(cohort.slide_index, slides)).any():
        return list(entries), []
    said = "no patch of its training slides is set aside, so the fourth task cannot be learnt."
    left_out = [f"{part.name}: {entry.title} was left out, since {said}" for entry in entries if entry.ignored_task]
    return [entry for entry in entries if not entry.ignored_task], left_out


def _training_batches(
    data: FieldData,
    part: FieldPart,
    bags: Sequence[Bag],
    domains: np.ndarray,
    plan: FieldPlan,
    epoch: int,
    ignored: bool,
) -> list[Batch]:
    """An epoch's steps; `ignored`: half of the bags hold a patch that was set aside as well."""
    if ignored:
        bags = with_ignored(data.cohort, bags, np.random.default_rng((part.seed, 23, epoch)))
    return [*_batches(data, bags, domains, plan.bags_per_step, grade_weights(bags))]


def grade_weights(bags: Sequence[Bag]) -> dict[str, np.ndarray]:
    """Weights of the grades of these bags, by task."""
    grades = np.stack([bag.grades for bag in bags])
    return {task.name: class_weights(grades[:, t], task.highest + 1, CAP) for t, task in enumerate(TASKS)}


def _batches(
    data: FieldData, bags: Sequence[Bag], domains: np.ndarray, per_step: int,
    weights: Mapping[str, np.ndarray] | None = None,
) -> Iterator[Batch]:  # fmt: skip
    return (make_batch(data, chosen, domains, weights or {}) for chosen in in_steps(bags, per_step))


def _tested(data: FieldData, bags: Sequence[Bag]) -> TestedBags:
    slides = [data.cohort.slides[bag.slide_index] for bag in bags]
    grades = np.stack([bag.grades for bag in bags])
    of_slides = np.stack([data.cohort.slide_grades(bag.slide_index) for bag in bags])
    return TestedBags(
        patients=tuple(slide.person for slide in slides),
        slides=tuple(slide.slide_id for slide in slides),
        truth={task.name: tuple(map(int, grades[:, t])) for t, task in enumerate(TASKS)},
        of_slides={task.name: tuple(map(int, of_slides[:, t])) for t, task in enumerate(TASKS)},
    )


def _lacking(bags: Sequence[Bag], tasks: Mapping[str, int], judged: str) -> list[str]:
    """Tasks that cannot be judged on these bags, and grades that none of them has, in sentences."""
    grades = np.stack([bag.grades for bag in bags])
    said = []
    for t, task in enumerate(TASKS):
        seen = set(np.unique(grades[:, t]).tolist()) - {UNKNOWN}
        if task.name not in tasks:
            said.append(f"{task.title} has no two grades among the training bags, so it was not learnt.")
        elif missing := sorted(set(range(task.highest + 1)) - seen):
            said.append(f"No {judged} bag has {task.title.lower()} {', '.join(map(str, missing))}.")
    return said
