r"""Mean and maximum pooling: the floor that attention has to beat.

Wang, Yan, Tang, Bai, Liu: Revisiting multiple instance neural networks. Pattern Recognition 74, 2018.

.. math:: b^{\text{mean}} = \frac 1n \sum_k z_k, \qquad b^{\max}_f = \max_k z_{kf}, \qquad O = W b + d

With the maximum, an instance's attention is the share of features in which it is the largest.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mmdnet.nn.baselines.contract import BagOutput, Branch, BranchShape, even_attention, masked_mean


class MeanPooling(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        bag = masked_mean(z, mask)
        return BagOutput(self.head(bag), even_attention(mask), mask, z=z, bag=bag)


class MaxPooling(MeanPooling):
    """See the module."""

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        bag, largest = z.masked_fill(~mask.unsqueeze(-1), -torch.inf).max(dim=1)
        # A feature that is 0 everywhere (after ReLU) tells no instance from another: it counts for none of them.
        told = (bag > 0).unsqueeze(-1) * F.one_hot(largest, h.shape[1])
        counts = told.sum(dim=1) + 1e-6 * mask
        return BagOutput(self.head(bag), counts / counts.sum(dim=1, keepdim=True), mask, z=z, bag=bag)
