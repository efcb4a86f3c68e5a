r"""What every method of the field gives and takes: bags of features in, ordinal grades of several tasks out.

A method grades one task (as its paper does); `BagModel` keeps one such branch per task, which share no parameter, so
that training them together equals training them one by one. What all methods have in common here, whatever their
papers chose: features come from a frozen extractor, a layer :math:`z_k = \operatorname{ReLU}(A h_k + c)` of their own
stands before the pooling, and the last layer is one of our grade heads (`mmdnet.nn.heads`) in place of a single logit.

Each branch is a function of the *set* of real instances: neither their order nor padding changes what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from mmdnet.nn.heads import HEADS, GradeHead, expected_grade
from mmdnet.nn.kinds import HeadKind
from mmdnet.nn.outputs import Prediction


@dataclass(frozen=True, slots=True)
class BranchShape:
    """Sizes of a branch.

    Attributes:
        width: length of an instance's feature.
        classes: grades of the task.
        head: what the logits mean, see `mmdnet.nn.heads`.
        projection: length of z.
        hidden: width of attention's hidden layer.
        dropout: of z, in training.
        domains: how many are told apart by a method with a domain part; fewer than two: it has none.
    """

    width: int
    classes: int
    head: HeadKind = "corn"
    projection: int = 128
    hidden: int = 64
    dropout: float = 0.25
    domains: int = 0


@dataclass(frozen=True, slots=True)
class BagOutput:
    """What a branch says of B bags of up to N instances.

    Attributes:
        logits: (B, outputs), read by the branch's `probabilities`.
        attention: (B, N), how much each instance counts: not negative, sums to 1, 0 on padding. A method without
            attention gives the share of its critical instances.
        mask: (B, N), as it came in.
        z: (B, N, projection), instances after the branch's own layer, where a loss asks for them.
        bag: (B, features), what the grade is read from, where there is such a thing.
        instance_logits: (B, N, outputs), where the method grades instances.
        critical_logits: (B, outputs), of the critical instances alone.
    """

    logits: Tensor
    attention: Tensor
    mask: Tensor
    z: Tensor | None = None
    bag: Tensor | None = None
    instance_logits: Tensor | None = None
    critical_logits: Tensor | None = None


@dataclass(frozen=True, slots=True)
class BagTargets:
    """What is known of the same bags in one task.

    Attributes:
        grades: (B,), int64, -1 where unknown.
        weights: (B,), weight of each bag's grade.
        instance_grades: (B, N), int64, -1 where unknown; methods that learn from bags alone do not look at them.
        domains: (B,), int64, -1 where unknown.
        strength: of a domain part's reversed gradient (lambda), 0-1.
        ignored: (B, N), True on patches that readers set aside; None where a method does not learn from them.
    """

    grades: Tensor
    weights: Tensor
    instance_grades: Tensor
    domains: Tensor
    strength: float = 0.0
    ignored: Tensor | None = None


class Branch(nn.Module):
    """One method on one task; its children are the methods.

    Attributes:
        stages: trainings one after another; between them `begin_stage` is called.
        scales: features of so many magnifications stand side by side in an instance's feature.
        learns_from_patches: it needs grades of single patches; the others see bags' grades alone.
    """

    stages: ClassVar[int] = 1
    scales: ClassVar[int] = 1
    learns_from_patches: ClassVar[bool] = False

    def __init__(self, shape: BranchShape) -> None:
        super().__init__()
        self.shape = shape

    def head_on(self, features: int) -> GradeHead:
        """A grade head of the shape's kind on features of this length."""
        return HEADS[self.shape.head](features, self.shape.classes)

    def projection(self) -> nn.Sequential:
        """The layer before the pooling."""
        return nn.Sequential(
            nn.Linear(self.shape.width, self.shape.projection), nn.ReLU(), nn.Dropout(self.shape.dropout)
        )

    @property
    def grade_head(self) -> GradeHead:
        """The head that the output's logits come from: `self.head` of every method."""
        head = self.head
        assert isinstance(head, GradeHead)
        return head

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        """Grade bags.

        Args:
            h: (B, N, width), anything finite on padding.
            mask: (B, N), True where an instance is real; at least one of each bag is.
        """
        raise NotImplementedError

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        """The bags' loss and what the method adds to it; 0 with its graph where nothing is known."""
        loss = self.grade_head.loss(output.logits, targets.grades, targets.weights)
        more = self.auxiliary_loss(output, targets)
        return loss if more is None else loss + more

    def auxiliary_loss(self, output: BagOutput, targets: BagTargets) -> Tensor | None:
        """What a method adds to the bags' loss; None where it adds nothing."""
        return None

    def augmented(self, h: Tensor, mask: Tensor, targets: BagTargets) -> tuple[Tensor, Tensor, BagTargets]:
        """The bags as the method trains on them."""
        return h, mask, targets

    def begin_stage(self, bags: Tensor, seed: int) -> None:
        """Called before each stage but the first with the bag features, (bags, features), of all training bags."""

    def probabilities(self, output: BagOutput) -> Tensor:
        """Of each grade, (B, classes)."""
        return self.grade_head.probabilities(output.logits.float())

    def prediction(self, output: BagOutput) -> Prediction:
        """Grade, probabilities and mean grade of each bag."""
        probabilities = self.probabilities(output)
        return Prediction(probabilities, self.grade_head.grade(output.logits), expected_grade(probabilities))


class BagModel(nn.Module):
    """A method on all tasks: one branch each.

    Args:
        method: the branches' class.
        shape: of a branch; the classes are each task's own.
        tasks: number of grades by task.
    """

    def __init__(self, method: type[Branch], shape: BranchShape, tasks: Mapping[str, int]) -> None:
        super().__init__()
        self.tasks = dict(tasks)
        self.branches = nn.ModuleDict({name: method(replace(shape, classes=n)) for name, n in tasks.items()})
        self.stages, self.scales, self.learns_from_patches = method.stages, method.scales, method.learns_from_patches

    def branch(self, task: str) -> Branch:
        return self.branches[task]  # type: ignore[return-value]

    def forward(self, h: Tensor, mask: Tensor) -> dict[str, BagOutput]:
        """What each task's branch says; shapes as in `Branch.forward`."""
        return {name: self.branch(name)(h, mask) for name in self.tasks}

    def training_loss(self, h: Tensor, mask: Tensor, targets: Mapping[str, BagTargets]) -> Tensor:
        """The sum of the tasks' losses on these bags, as the method trains on them."""
        losses = []
        for name in self.tasks:
            branch = self.branch(name)
            seen, real, known = branch.augmented(h, mask, targets[name])
            losses.append(branch.loss(branch(seen, real), known))
        return torch.stack(losses).sum()

    def predict(self, h: Tensor, mask: Tensor) -> dict[str, Prediction]:
        """Grades of each bag, by task."""
        return {name: self.branch(name).prediction(output) for name, output in self(h, mask).items()}

    def begin_stage(self, bags: Mapping[str, Tensor], seed: int) -> None:
        """Tell every branch that its next stage begins."""
        for name, features in bags.items():
            self.branch(name).begin_stage(features, seed)


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis, in float32; 0 where `mask` (broadcastable) is False.

    Raises:
        ValueError: a bag without any instance.
    """
    if not mask.any(dim=-1).all():
        raise ValueError("a bag needs at least one instance")
    return scores.float().masked_fill(~mask, -torch.inf).softmax(dim=-1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real instances: (B, N, F) and (B, N) to (B, F)."""
    return (values * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def even_attention(mask: Tensor) -> Tensor:
    """All real instances count alike, (B, N)."""
    return mask.float() / mask.sum(dim=1, keepdim=True)


def top_instances(scores: Tensor, mask: Tensor, most: int | Tensor) -> Tensor:
    """True on the real instances with the highest scores, (B, N), `most` of each bag: one number, or (B, 1)."""
    rank = scores.masked_fill(~mask, -torch.inf).argsort(dim=1, descending=True).argsort(dim=1)
    return mask & (rank < most)
