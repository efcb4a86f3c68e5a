r"""A graph of patches, in the spirit of Xfibrosis and Patch-GCN: each patch hears from those it is like.

Xfibrosis (2024) builds graphs of segmented vessels and fibres to stage fibrosis. **Vessels and fibres are not segmented
here**; what is kept is the form: nodes, neighbours, messages, a pooled graph. Layers after Kipf, Welling:
Semi-supervised classification with graph convolutional networks. ICLR 2017; residual and attention pooling as in Chen
et al.: Whole slide images are 2D point clouds (Patch-GCN). MICCAI 2021.

Each patch has its :math:`m = 4` most similar ones (cosine of features) as neighbours; with the symmetric adjacency
:math:`A`, :math:`\hat A = D^{-1/2} (A + I) D^{-1/2}`, two layers

.. math:: Z \leftarrow Z + \operatorname{ReLU}(\hat A Z \Theta), \qquad b = \sum_k a_k Z_k, \qquad O = W b + d

with ABMIL's attention. Neighbours are by likeness, not by place: a bag's patches are drawn from all over the slide.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.baselines.contract import BagOutput, Branch, BranchShape
from mmdnet.nn.pooling.attention import GatedAttention

NEIGHBOURS, LAYERS = 4, 2


class PatchGraph(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.layers = nn.ModuleList(nn.Linear(shape.projection, shape.projection) for _ in range(LAYERS))
        self.pool = GatedAttention(shape.projection, shape.hidden)
        self.head = self.head_on(shape.projection)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        passed = normalised_adjacency(h, mask)
        z = self.project(h)
        for layer in self.layers:
            z = z + F.relu(passed @ layer(z))
        bag, attention = self.pool(z, mask)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag)


def normalised_adjacency(h: Tensor, mask: Tensor) -> Tensor:
    """The symmetric normalised adjacency with self-loops, (B, N, N); padding hears and is heard by nobody."""
    unit = F.normalize(h.detach().float(), dim=-1)
    own = torch.eye(h.shape[1], dtype=torch.bool, device=h.device)
    both = mask.unsqueeze(1) & mask.unsqueeze(2)
    likeness = (unit @ unit.transpose(1, 2)).masked_fill(~both | own, -torch.inf)
    nearest = likeness.topk(min(NEIGHBOURS, h.shape[1]), dim=2).indices
    linked = torch.zeros_like(both).scatter_(2, nearest, True) & both & ~own
    adjacency = (linked | linked.transpose(1, 2) | (own & both)).to(h.dtype)
    scale = adjacency.sum(dim=2).clamp(min=1).rsqrt()
    return scale.unsqueeze(2) * adjacency * scale.unsqueeze(1)
