r"""DSMIL: instances are weighed by their likeness to the critical one.

Li, Li, Eliceiri: Dual-stream multiple instance learning network for whole slide image classification with
self-supervised contrastive learning. CVPR 2021, eq. 2-5. For each output :math:`j` of the grade head:

.. math:: m_j = \operatorname{arg\,max}_k c_j(z_k), \qquad
          a_{jk} = \operatorname{softmax}_k \frac{q_k^\top q_{m_j}}{\sqrt{d}}, \qquad b_j = \sum_k a_{jk} z_k

.. math:: O = \tfrac 12 \bigl( c(z_m) + W [b_1; \dots; b_J] + e \bigr), \qquad
          L = \tfrac 12 \bigl( \ell(c(z_m), Y) + \ell(W b + e, Y) \bigr)

Simplified: the values are z itself (the original's default is a linear layer), no self-supervised features of its own.
Padding is never the critical instance; torchmil 1.0.2 may choose it.
"""

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, masked_softmax


class DSMIL(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.instance = self.head_on(shape.projection)
        self.query = nn.Linear(shape.projection, shape.hidden)
        self.outputs = self.instance.linear.out_features
        self.head = self.head_on(self.outputs * shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        instance = self.instance(z)
        critical, place = instance.masked_fill(~mask.unsqueeze(-1), -torch.inf).max(dim=1)
        query = self.query(z)
        of_critical = query.gather(1, place.unsqueeze(-1).expand(-1, -1, query.shape[-1]))
        attention = masked_softmax(of_critical @ query.transpose(1, 2) / query.shape[-1] ** 0.5, mask.unsqueeze(1))
        bag = (attention @ z).flatten(1)
        return BagOutput(
            0.5 * (critical + self.head(bag)), attention.mean(dim=1), mask, z, bag, instance, critical_logits=critical
        )

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.critical_logits is not None
        of_bag = 2 * output.logits - output.critical_logits
        by_critical = self.head.loss(output.critical_logits, targets.grades, targets.weights)
        return 0.5 * (by_critical + self.head.loss(of_bag, targets.grades, targets.weights))
