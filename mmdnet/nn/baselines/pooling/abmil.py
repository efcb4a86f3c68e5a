r"""ABMIL (also called DeepMIL): gated attention pooling.

Ilse, Tomczak, Welling: Attention-based deep multiple instance learning. ICML 2018, eq. 8 and 9.

.. math:: a = \operatorname{softmax}_k \; u^\top \bigl(\tanh(V z_k) \odot \sigma(U z_k)\bigr), \qquad
          b = \sum_k a_k z_k, \qquad O = W b + d
"""

from torch import Tensor

from mmdnet.nn.baselines.contract import BagOutput, Branch, BranchShape
from mmdnet.nn.pooling.attention import GatedAttention


class ABMIL(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.pool = GatedAttention(shape.projection, shape.hidden)
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        bag, attention = self.pool(z, mask)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag)
