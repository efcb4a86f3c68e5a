r"""IDaRS: each pass learns from the instances it now thinks worst and from some drawn at random.

Bilal, Raza, Azam, Graham, Ilyas, Cree, Snead, Minhas, Rajpoot: Development and validation of a weakly supervised deep
learning framework to predict the status of molecular pathways and key mutations in colorectal cancer from routine
histology images. Lancet Digital Health 3, 2021.

.. math:: D = \operatorname{top}_k \{ E[y \mid z_j] \} \cup \operatorname{random}_r, \qquad
          L = \frac{1}{|D|} \sum_{j \in D} \ell(W z_j + d, Y), \qquad
          O = \frac 1k \sum_{j \in \operatorname{top}_k} (W z_j + d)

Simplified: ranks are taken within a bag and in the same pass, not over a slide and from the pass before; k and r are a
quarter of the bag each (5 and 45 tiles of a slide there).
"""

import torch
from torch import Tensor

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, top_instances
from mmdnet.nn.baselines.instances.single_instance import instance_loss
from mmdnet.nn.heads import expected_grade


class IDaRS(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        logits = self.head(self.project(h))
        share = self._top(logits, mask).float()
        share = share / share.sum(dim=1, keepdim=True)
        bag = torch.einsum("bn,bno->bo", share, logits)
        return BagOutput(bag, share, mask, instance_logits=logits)

    def _top(self, logits: Tensor, mask: Tensor) -> Tensor:
        worst = expected_grade(self.head.probabilities(logits.detach().float()))
        return top_instances(worst, mask, _quarter(mask))

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.instance_logits is not None
        top = output.attention > 0
        drawn = top_instances(torch.rand(top.shape, device=top.device), output.mask & ~top, _quarter(output.mask))
        learnt = (top | drawn).float()
        return instance_loss(self, output.instance_logits, learnt / learnt.sum(dim=1, keepdim=True), targets)


def _quarter(mask: Tensor) -> Tensor:
    """A quarter of each bag's instances, at least one, (B, 1)."""
    return (mask.sum(dim=1, keepdim=True) // 4).clamp(min=1)
