r"""MMD-Net's own heads on stored features, in the field's contract.

The formula is that of `mmdnet.nn.mmdnet`: a projection, gated attention and grade head of its own for each task, and
one domain adversary that spares the instances any task attends to. Unlike the other methods it has something that the
tasks share: a layer :math:`h' = \operatorname{LN}(B h + c)`, which stands for the end of the extractor (frozen here)
and is what the adversary acts on.

`MultiTaskMIL` has no adversary (MTL-MIL in the paper's Table 2). `MMDNetFourTasks` has a fourth head, which alone sees
the patches :math:`I` that readers set aside and learns whether a bag holds one:

.. math:: L_4 = L + \operatorname{CE}\bigl(O^{(4)}(\{h'_k\}), [\{h_k\} \cap I \neq \emptyset]\bigr)

`MMDNetWithPatches` also learns from grades of single
patches, as this program's trainings do unless told otherwise, and is not to be compared with methods that do not.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagModel, BagOutput, BagTargets, Branch, BranchShape
from mmdnet.nn.card import Architecture
from mmdnet.nn.domains.domain import DomainPredictor, domain_loss, reversal_weight, shared_attention
from mmdnet.nn.domains.gradient_reversal import reverse_gradient
from mmdnet.nn.mmdnet import TaskHead


class TaskBranch(Branch):
    """One task's head of MMD-Net as a branch; its input is the shared layer's output."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        architecture = Architecture(
            head=shape.head, projection=shape.projection, attention_hidden=shape.hidden, dropout=shape.dropout
        )
        self.own = TaskHead(shape.width, shape.classes, architecture)
        self.head = self.own.grade

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        logits, attention, bag, of_instances = self.own(h, mask)
        return BagOutput(logits, attention, mask, bag=bag, instance_logits=of_instances)


class MMDNetHeads(BagModel):
    """See the module."""

    adversary: ClassVar[bool] = True
    instance_weight: ClassVar[float] = 0.0

    def __init__(self, method: type[Branch], shape: BranchShape, tasks: Mapping[str, int]) -> None:
        super().__init__(method, shape, tasks)
        self.learns_from_patches = self.instance_weight > 0
        self.shared = nn.Sequential(
            nn.Linear(shape.width, shape.width), nn.LayerNorm(shape.width, elementwise_affine=False)
        )
        has_domain = self.adversary and shape.domains > 1
        self.domain = DomainPredictor(shape.width, shape.domains) if has_domain else None

    def forward(self, h: Tensor, mask: Tensor) -> dict[str, BagOutput]:
        return super().forward(self.shared(h), mask)

    def training_loss(self, h: Tensor, mask: Tensor, targets: Mapping[str, BagTargets]) -> Tensor:
        shared = self.shared(h)
        outputs = super().forward(shared, mask)
        losses = [self.branch(name).loss(output, targets[name]) for name, output in outputs.items()]
        if self.instance_weight:
            by_patch = [self._of_instances(name, output, targets[name]) for name, output in outputs.items()]
            losses += [self.instance_weight * loss for loss in by_patch]
        if self.domain is not None:
            known = next(iter(targets.values()))
            spared = shared_attention([output.attention for output in outputs.values()])
            weight = reversal_weight(spared, known.strength, "relative")
            told = self.domain(reverse_gradient(shared, weight.unsqueeze(-1)))
            losses.append(domain_loss(told, known.domains, mask))
        return torch.stack(losses).sum()

    def _of_instances(self, name: str, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.instance_logits is not None
        grades = torch.where(output.mask, targets.instance_grades, -1).flatten()
        return self.branch(name).grade_head.loss(
            output.instance_logits.flatten(0, 1), grades, torch.ones_like(grades, dtype=torch.float32)
        )


class MultiTaskMIL(MMDNetHeads):
    """See the module."""

    adversary = False


class MMDNetFourTasks(MMDNetHeads):
    """See the module. Without targets that say what was set aside, the fourth head learns nothing."""

    def __init__(self, method: type[Branch], shape: BranchShape, tasks: Mapping[str, int]) -> None:
        super().__init__(method, shape, tasks)
        architecture = Architecture(
            projection=shape.projection, attention_hidden=shape.hidden, dropout=shape.dropout
        )  # fmt: skip
        self.holds_ignored = TaskHead(shape.width, 2, architecture, "ce")

    def training_loss(self, h: Tensor, mask: Tensor, targets: Mapping[str, BagTargets]) -> Tensor:
        ignored = next(iter(targets.values())).ignored
        if ignored is None:
            return super().training_loss(h, mask, targets)
        holds = ignored.any(dim=1).long()
        said = self.holds_ignored(self.shared(h), mask)[0]
        fourth = self.holds_ignored.grade.loss(said, holds, torch.ones_like(holds, dtype=torch.float32))
        return super().training_loss(h, mask & ~ignored, targets) + fourth


class MMDNetWithPatches(MMDNetHeads):
    """See the module."""

    instance_weight = 1.0
