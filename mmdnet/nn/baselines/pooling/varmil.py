r"""VarMIL: the attended variance of a bag beside its attended mean, so that heterogeneity is seen.

Schirris, Gavves, Nederlof, Horlings, Teuwen: DeepSMILE. Medical Image Analysis 79, 2022, eq. 3.

.. math:: m = \sum_k a_k z_k, \qquad v = \frac{n}{n - 1} \sum_k a_k (z_k - m)^2, \qquad O = W [m; v] + d

with ABMIL's attention. A bag of one instance has :math:`v = 0`. The variance, not the deviation: its gradient at 0 is
finite.
"""

import torch
from torch import Tensor

from mmdnet.nn.baselines.contract import BagOutput, Branch, BranchShape
from mmdnet.nn.pooling.attention import GatedAttention


class VarMIL(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.pool = GatedAttention(shape.projection, shape.hidden)
        self.head = self.head_on(2 * shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        mean, attention = self.pool(z, mask)
        count = mask.sum(dim=1, keepdim=True)
        unbiased = count / (count - 1).clamp(min=1)
        variance = unbiased * torch.einsum("bn,bnf->bf", attention, (z - mean.unsqueeze(1)) ** 2)
        bag = torch.cat([mean, variance], dim=1)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag)
