r"""Single-instance learning ("Vanilla"): every instance is given its bag's grade and learnt by itself.

Ray, Craven: Supervised versus multiple instance learning. ICML 2005; the "Vanilla" row of MMD-Net's comparison.

.. math:: o_k = W z_k + d, \qquad L = \sum_i \frac{1}{n_i} \sum_k \ell(o_{ik}, Y_i), \qquad O = \frac 1n \sum_k o_k

Simplified: a bag's logits are the mean of its instances' logits (the geometric mean of their odds).
"""

from torch import Tensor

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, even_attention, masked_mean


class SingleInstance(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        logits = self.head(self.project(h))
        return BagOutput(masked_mean(logits, mask), even_attention(mask), mask, instance_logits=logits)

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.instance_logits is not None
        return instance_loss(self, output.instance_logits, even_attention(output.mask), targets)


def instance_loss(branch: Branch, logits: Tensor, share: Tensor, targets: BagTargets) -> Tensor:
    """Loss of instances against their bag's grade: logits (B, N, outputs), each with its share (B, N) of the bag."""
    grades = targets.grades[:, None].expand_as(share).flatten()
    weights = (targets.weights[:, None] * share).flatten()
    return branch.grade_head.loss(logits.flatten(0, 1), grades, weights)
