r"""MMD-Net: multi-task multiple-instance learning with a domain adversary.

A bag of patches of one slide is graded for every task at once. With the shared extractor :math:`F`, for task :math:`t`:

.. math::
    h_k = \operatorname{LN}(F(x_k)), \quad z_{tk} = \operatorname{ReLU}(A_t h_k + c_t), \quad
    a_t = \operatorname{softmax}_k \, u_t^\top \bigl(\tanh(V_t z_{tk}) \odot \sigma(U_t z_{tk})\bigr), \quad
    b_t = \sum_k a_{tk} z_{tk}, \quad o_t = W_t \operatorname{dropout}(b_t) + d_t

and, for every instance, the domain :math:`g_k = G(R(h_k))` behind the gradient reversal :math:`R`, which spares the
instances a task attends to. :math:`A_t, V_t, U_t, u_t, W_t` belong to one task alone;
:math:`F` and :math:`G` are shared.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.errors import LabError
from mmdnet.nn.backbones import build_backbone
from mmdnet.nn.card import Architecture
from mmdnet.nn.distributed import all_reduce_sum
from mmdnet.nn.domains.alignment import DISTANCES, alignment_loss
from mmdnet.nn.domains.domain import (
    AttentionRule,
    DomainPredictor,
    ReversalMode,
    domain_loss,
    reversal_weight,
    shared_attention,
)
from mmdnet.nn.domains.gradient_reversal import reverse_gradient
from mmdnet.nn.heads import HEADS, GradeHead, expected_grade, weighted_mean
from mmdnet.nn.kinds import DomainMethod, HeadKind
from mmdnet.nn.outputs import LossWeights, Output, Prediction, Targets
from mmdnet.nn.pooling.attention import BagDropout
from mmdnet.nn.registry import load, pooling_entry

WIDEST = 512  # a task's own features, unless chosen otherwise


def projection_of(architecture: Architecture, width: int) -> int:
    """Length of a task's own features: as chosen, or as long as the extractor's, 512 at most."""
    return architecture.projection or min(WIDEST, width)


class TaskHead(nn.Module):
    """One task's own projection, attention and grade head; no parameter is shared with another task."""

    def __init__(self, width: int, classes: int, architecture: Architecture, head: HeadKind | None = None) -> None:
        super().__init__()
        projection = projection_of(architecture, width)
        self.project = nn.Linear(width, projection)
        self.attention = load(pooling_entry(architecture.pooling).factory)(projection, architecture.attention_hidden)
        self.dropout = BagDropout(architecture.dropout)
        self.grade: GradeHead = HEADS[head or architecture.head](projection, classes)

    def forward(self, h: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Bag logits (B, outputs), attention (B, K), bag features (B, P), instance logits (B, K, outputs)."""
        z = F.relu(self.project(h))
        bag, attention = self.attention(z, mask)
        of_instances = self.grade(self.dropout(z))
        # The grade head is affine, attention sums to 1 and a bag has one dropout mask: the logits of the bag feature
        # are the attended mean of its instances' logits, and the bag feature itself costs no gradient.
        logits = torch.einsum("bk,bko->bo", attention, of_instances)
        return logits, attention, bag, of_instances


class MMDNet(nn.Module):
    """The network of the module's formula. `embed` sees pixels; all else works on features.

    Args:
        architecture: what to build; weights start at random.
        reversal_mode: how attention spares instances, see `mmdnet.nn.domains.domain.reversal_weight`.
        attention_rule: how the tasks' attentions become one, see `mmdnet.nn.domains.domain.shared_attention`.
        domain_method: how it is made insensitive to the domain; the branch is an adversary's alone.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        architecture: Architecture,
        reversal_mode: ReversalMode = "relative",
        attention_rule: AttentionRule = "relative_max",
        domain_method: DomainMethod = "adversary",
    ) -> None:
        super().__init__()
        self.domain_method: DomainMethod = domain_method
        self.reversal_mode: ReversalMode = reversal_mode
        self.attention_rule: AttentionRule = attention_rule
        self.attending: tuple[str, ...] = tuple(architecture.tasks)  # tasks whose attention spares instances
        self.backbone = build_backbone(
            architecture.backbone, architecture.patch_px, architecture.recipe, architecture.place_pooling
        )
        self.width = self.backbone.width
        mean, std = architecture.mean or self.backbone.mean, architecture.std or self.backbone.std
        own = {"projection": projection_of(architecture, self.width), "mean": mean, "std": std}
        self.architecture = architecture.model_copy(update=own)
        # Every reader of h is a linear layer, so the norm needs no scale of its own.
        self.norm = nn.LayerNorm(self.width, elementwise_affine=False)
        self.heads = nn.ModuleDict(
            {name: TaskHead(self.width, n, architecture) for name, n in architecture.tasks.items()}
        )
        self.ignore = nn.Linear(self.width, 1)
        self.holds_ignored = TaskHead(self.width, 2, architecture, "ce") if architecture.ignored_task else None
        domains = len(architecture.domains)
        self.domain = DomainPredictor(self.width, domains) if domains > 1 else None
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def task_names(self) -> tuple[str, ...]:
        return tuple(self.architecture.tasks)

    def head(self, task: str) -> TaskHead:
        return self.heads[task]  # type: ignore[return-value]

    def embed(self, images: Tensor) -> Tensor:
        """Features of single patches.

        Args:
            images: (n, 3, h, w), either uint8 or float in 0-1, RGB.

        Returns:
            (n, width), normalised over their length.
        """
        h = self.backbone(self._sized(self.normalised(images)))
        return self.norm(h.float())

    def normalised(self, images: Tensor) -> Tensor:
        """Images less the backbone's mean over its deviation, channels last in memory, in one pass over whole rows."""
        n, _, height, width = images.shape
        scale = 1 / self.std.flatten()
        shift = -self.mean.flatten() * scale
        rows = images.permute(0, 2, 3, 1).reshape(n, height, 3 * width).float()
        of_bytes = 255 if images.dtype == torch.uint8 else 1
        pixels = torch.addcmul(shift.repeat(width), rows, (scale / of_bytes).repeat(width))
        return pixels.view(n, height, width, 3).permute(0, 3, 1, 2)

    def _sized(self, images: Tensor) -> Tensor:
        """Normalised images of the side the backbone takes, if it takes one alone."""
        side = self.backbone.input_px
        if side is None or images.shape[-1] == side:
            return images
        return F.interpolate(images, (side, side), mode=self.backbone.interpolation, antialias=True)

    def from_features(
        self, h: Tensor, mask: Tensor, reversal: float | None = None, ignored_mask: Tensor | None = None
    ) -> Output:
        """Grade bags of features.

        Args:
            h: (B, K, width), as `embed` gives them; anything finite on padding.
            mask: (B, K), True where an instance is real.
            reversal: strength of the domain's reversed gradient (lambda); None leaves the domain branch out.
            ignored_mask: (B, K), True on patches that readers set aside; only the task "holds an ignored patch" sees
                them.

        Raises:
            LabError: a bag without a patch, or features that are not finite numbers.
        """
        if h.ndim != 3 or h.shape[-1] != self.width:
            raise LabError(f"These features are {h.shape[-1]} numbers long; the model needs {self.width}.")
        if not mask.any(dim=1).all():
            raise LabError("A bag holds no patch, so it cannot be graded.")
        if not torch.isfinite(h.sum()):  # a sum of normalised features stays finite unless one of them is not
            raise LabError("Some patch features are not finite numbers; the weights or the features are damaged.")
        holds = self.holds_ignored(h, mask)[0] if self.holds_ignored is not None else None
        mask = mask if ignored_mask is None else mask & ~ignored_mask
        parts = {name: self.head(name)(h, mask) for name in self.task_names}
        attention = {name: part[1] for name, part in parts.items()}
        shared = shared_attention([attention[name] for name in self.attending], self.attention_rule)
        return Output(
            logits={name: part[0] for name, part in parts.items()},
            attention=attention,
            bag_features={name: part[2] for name, part in parts.items()},
            instance_logits={name: part[3] for name, part in parts.items()},
            ignore_logits=self.ignore(h).squeeze(-1),
            domain_logits=self._domain_logits(h, shared, reversal),
            shared_attention=shared,
            mask=mask,
            holds_ignored=holds,
            features=h if self.domain_method in DISTANCES and reversal is not None else None,
        )

    def _domain_logits(self, h: Tensor, shared: Tensor, reversal: float | None) -> Tensor | None:
        if self.domain is None or reversal is None or self.domain_method != "adversary":
            return None
        weight = reversal_weight(shared, reversal, self.reversal_mode)
        return self.domain(reverse_gradient(h, weight.unsqueeze(-1)))

    def forward(self, images: Tensor, mask: Tensor, reversal: float | None = None) -> Output:
        """Grade bags of patches.

        Args:
            images: (B, K, 3, h, w), uint8 or float in 0-1; padding is never looked at.
            mask: (B, K), True where an instance is real.
            reversal: strength of the domain's reversed gradient (lambda); None leaves the domain branch out.
        """
        return self.from_features(scatter(self.embed(images[mask]), mask), mask, reversal)

    def compute_loss(
        self, output: Output, targets: Targets, weights: LossWeights, ignored: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The named parts of the loss, and their weighted sum as "total".

        Args:
            output: of `forward` or `from_features`.
            targets: what is known about the same bags.
            weights: how the parts are weighed.
            ignored: ignore logits of patches that readers set aside, (n,); such patches are never part of a bag.

        Returns:
            Scalars: one per task, "instance", "ignore", "total", and where they are there "holds_ignored" and "domain".
            A part for which nothing is known is 0, never NaN.
        """
        parts: dict[str, Tensor] = {}
        instance = output.ignore_logits.sum() * 0.0
        total = instance
        for t, name in enumerate(self.task_names):
            weight = weights.tasks.get(name, 0.0)
            by_bag, by_instance = self._task_losses(name, t, output, targets, weights)
            parts[name] = by_bag
            instance = instance + weight * by_instance
            total = total + weight * weights.bag * by_bag
        parts["instance"] = instance
        parts["ignore"] = ignore_loss(output, targets, ignored)
        total = total + weights.instance * instance + weights.ignore * parts["ignore"]
        if output.holds_ignored is not None:
            parts["holds_ignored"] = self._holds_loss(output.holds_ignored, targets.ignored_mask)
            total = total + weights.bag * parts["holds_ignored"]
        if output.domain_logits is not None:
            by = output.shared_attention if weights.domain_by_attention else None
            parts["domain"] = domain_loss(output.domain_logits, targets.domains, output.mask, by)
            total = total + weights.bag * parts["domain"]  # its grip on the extractor is already in the reversal
        if output.features is not None:
            parts["domain"] = alignment_loss(self.domain_method, output.features, targets.domains, output.mask)
            total = total + weights.bag * weights.alignment * parts["domain"]
        parts["total"] = total + weights.offset
        return parts

    def _holds_loss(self, logits: Tensor, ignored_mask: Tensor) -> Tensor:
        assert self.holds_ignored is not None
        truth = ignored_mask.any(dim=1).long()
        return self.holds_ignored.grade.loss(logits, truth, torch.ones_like(truth, dtype=torch.float32))

    def _task_losses(
        self, name: str, t: int, output: Output, targets: Targets, weights: LossWeights
    ) -> tuple[Tensor, Tensor]:
        head = self.head(name).grade
        grades = targets.grades[:, t]
        weight = _class_weight(weights.classes, name, head.classes, grades) * targets.label_confidence[:, t]
        counts = torch.ones_like(weight) if weights.bags is None else weights.bags
        by_bag = head.loss(output.logits[name], grades, weight * counts)
        grades = torch.where(output.mask, targets.instance_grades[..., t], -1)
        weight = _class_weight(weights.instance_classes, name, head.classes, grades) * counts[:, None]
        return by_bag, head.loss(output.instance_logits[name].flatten(0, 1), grades.flatten(), weight.flatten())

    @torch.no_grad()
    def bag_losses(self, output: Output, targets: Targets) -> Tensor:
        """The loss of each bag alone, (B,), the mean over tasks whose grade is known; 0 where none is."""
        losses = output.mask.new_zeros(len(output.mask), len(self.task_names), dtype=torch.float32)
        for t, name in enumerate(self.task_names):
            head, weight = self.head(name).grade, torch.ones(1, device=losses.device)
            for b in range(len(losses)):
                losses[b, t] = head.loss(output.logits[name][b : b + 1], targets.grades[b : b + 1, t], weight)
        known = (targets.grades[:, : losses.shape[1]] >= 0).float()
        return (losses * known).sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def predict(self, output: Output) -> dict[str, Prediction]:
        """Grade, probabilities and mean grade of each bag, by task."""
        predictions = {}
        for name, logits in output.logits.items():
            head = self.head(name).grade
            probabilities = head.probabilities(logits.float())
            predictions[name] = Prediction(probabilities, head.grade(logits), expected_grade(probabilities))
        return predictions

    def instance_probabilities(self, h: Tensor) -> dict[str, Tensor]:
        """Grade probabilities of single patches, by task (n, classes), of features (n, width)."""
        result = {}
        for name in self.task_names:
            head = self.head(name)
            result[name] = head.grade.probabilities(head.grade(F.relu(head.project(h))).float())
        return result


def _class_weight(classes: Mapping[str, Tensor], task: str, n: int, grades: Tensor) -> Tensor:
    """Weight of each item by its grade, in the shape of `grades`; anything where the grade is unknown."""
    weights = classes.get(task, torch.ones(n)).to(grades.device)
    return weights[grades.clamp(min=0)]


def scatter(features: Tensor, mask: Tensor) -> Tensor:
    """Features of the real instances, (n, width), laid into padded bags, (B, K, width); 0 on padding."""
    padded = features.new_zeros(*mask.shape, features.shape[-1])
    padded[mask] = features
    return padded


def ignore_loss(output: Output, targets: Targets, ignored: Tensor | None) -> Tensor:
    """Loss of the quality gate: patches set aside against patches that got a grade, both halves weighing the same.

    A patch nobody looked at is on neither side. 0 with graph unless both sides are there.
    """
    graded = (output.mask & (targets.instance_grades >= 0).any(dim=-1)).flatten().float()
    kept = F.softplus(output.ignore_logits.flatten().float())
    if ignored is None:
        ignored = output.ignore_logits.new_empty(0)
    counted = torch.ones_like(ignored, dtype=torch.float32)
    both = (all_reduce_sum(graded.sum()) > 0) & (all_reduce_sum(counted.sum()) > 0)
    return 0.5 * both * (weighted_mean(F.softplus(-ignored.float()), counted) + weighted_mean(kept, graded))
