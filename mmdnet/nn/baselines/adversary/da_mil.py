r"""DA-MIL and its multi-scale form: attention pooling with a domain adversary that spares attended instances.

Hashimoto, Fukushima, Koga, Takagi, Ko, Kohno, Nakaguro, Nakamura, Hontani, Takeuchi: Multi-scale domain-adversarial
multiple-instance CNN for cancer subtype classification with unannotated histopathological images. CVPR 2020.

.. math:: a = \operatorname{softmax}_k u^\top \tanh(V z_k), \qquad b = \sum_k a_k z_k, \qquad O = W b + d

.. math:: L = \ell(O, Y) + \frac 1n \sum_k \operatorname{CE}\bigl(G(R_{w_k}(z_k)), q\bigr), \qquad
          w_k = \lambda (\max_j a_j - a_k)

where :math:`R_w` reverses the gradient and weighs it by :math:`w`. The multi-scale form lets one attention look at the
instances of all magnifications at once, :math:`\{z_k^{(1)}\} \cup \{z_k^{(2)}\}`, and has no domain part, as its second
stage there.

Simplified: what the adversary acts on is the layer before the pooling, since the extractor behind the features is
frozen; the multi-scale form learns both magnifications' layers at once instead of one after another.
"""

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, masked_softmax
from mmdnet.nn.domains.domain import DomainPredictor, domain_loss, reversal_weight
from mmdnet.nn.domains.gradient_reversal import reverse_gradient


class DAMIL(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.score = attention_scores(shape)
        self.head = self.head_on(shape.projection)
        self.domain = DomainPredictor(shape.projection, shape.domains) if shape.domains > 1 else None

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        attention = masked_softmax(self.score(z).squeeze(-1), mask)
        bag = torch.einsum("bn,bnf->bf", attention, z)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag)

    def auxiliary_loss(self, output: BagOutput, targets: BagTargets) -> Tensor | None:
        if self.domain is None:
            return None
        assert output.z is not None
        weight = reversal_weight(output.attention.detach(), targets.strength, "hashimoto")
        told = self.domain(reverse_gradient(output.z, weight.unsqueeze(-1)))
        return domain_loss(told, targets.domains, output.mask)


class MultiScaleDAMIL(Branch):
    """See the module. An instance's feature is that of both magnifications, one after the other."""

    scales = 2

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        if shape.width % self.scales:
            raise ValueError("features of two magnifications have an even length")
        self.projects = nn.ModuleList(
            nn.Sequential(nn.Linear(shape.width // self.scales, shape.projection), nn.ReLU(), nn.Dropout(shape.dropout))
            for _ in range(self.scales)
        )
        self.score = attention_scores(shape)
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        parts = h.chunk(self.scales, dim=-1)
        z = torch.cat([project(part) for project, part in zip(self.projects, parts, strict=True)], dim=1)
        attention = masked_softmax(self.score(z).squeeze(-1), mask.repeat(1, self.scales))
        bag = torch.einsum("bn,bnf->bf", attention, z)
        by_patch = torch.stack(attention.chunk(self.scales, dim=1)).sum(dim=0)
        return BagOutput(self.head(bag), by_patch, mask, bag=bag)


def attention_scores(shape: BranchShape) -> nn.Sequential:
    """The authors' ungated attention, before its softmax."""
    return nn.Sequential(nn.Linear(shape.projection, shape.hidden), nn.Tanh(), nn.Linear(shape.hidden, 1))
