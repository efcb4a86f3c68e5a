r"""Two stages: a filter keeps the regions that may hold a lesion, then attention pools those alone.

In the form of Junaid et al. and of Ahmadvand et al. as the MMD-Net paper names them: regions of interest first, then
MIL. The filter is a maximum detector on weak labels, :math:`f_k = v^\top z_k + e`, learnt from whether the bag's grade
is above 0; what passes is the higher half:

.. math:: L_f = \operatorname{BCE}\bigl(\max_k f_k, [Y > 0]\bigr), \qquad
          R = \operatorname{top}_{\lceil n/2 \rceil} f, \qquad b = \sum_{k \in R} a_k z'_k, \qquad O = W b + d

Simplified: both stages see features of the same patches (the originals filter on an overview) and train at once,
without a gradient between them.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, top_instances
from mmdnet.nn.heads import weighted_mean
from mmdnet.nn.pooling.attention import GatedAttention


class TwoStage(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.filter = nn.Sequential(self.projection(), nn.Linear(shape.projection, 1))
        self.project = self.projection()
        self.pool = GatedAttention(shape.projection, shape.hidden)
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        interest = self.filter(h).squeeze(-1)
        half = (mask.sum(dim=1, keepdim=True) + 1) // 2
        kept = top_instances(interest.detach(), mask, half)
        z = self.project(h)
        bag, attention = self.pool(z, kept)
        highest = interest.masked_fill(~mask, -torch.inf).amax(dim=1, keepdim=True)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag, critical_logits=highest)

    def auxiliary_loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.critical_logits is not None
        lesion = (targets.grades > 0).float()
        loss = F.binary_cross_entropy_with_logits(output.critical_logits.squeeze(-1), lesion, reduction="none")
        return weighted_mean(loss, (targets.grades >= 0).float())
