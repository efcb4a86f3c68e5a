r"""TransMIL: self-attention among the instances, read from a class token.

Shao, Bian, Chen, Wang, Zhang, Ji, Zhang: TransMIL. NeurIPS 2021. Two layers over :math:`X = [c; z_1; \dots; z_n]`:

.. math:: X \leftarrow X + \operatorname{MSA}(\operatorname{LN}(X)), \qquad
          \operatorname{MSA}(X) = \operatorname{softmax}\Bigl(\frac{Q K^\top}{\sqrt d}\Bigr) V, \qquad
          O = W \operatorname{LN}(X)_c + d

Simplified, so that a bag is a set: softmax attention is computed exactly and masked (the original's Nyström
approximation takes means of neighbours in the sequence, which padding and order change; bags here are small enough),
and the convolutions over the sequence laid out as a square (PPEG) are left out, since the place of a randomly drawn
patch in its bag says nothing. Attention is the class token's in the last layer, mean over heads.
"""

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagOutput, Branch, BranchShape, masked_softmax

LAYERS, HEADS_EACH = 2, 4


class SelfAttention(nn.Module):
    """One layer of masked multi-head self-attention, added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, T, width) and the attention of each on each, (B, heads, T, T)."""
        query, key, value = self.qkv(self.norm(x)).unflatten(-1, (3, HEADS_EACH, -1)).permute(2, 0, 3, 1, 4)
        attention = masked_softmax(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5, mask[:, None, None])
        return x + self.out((attention @ value).transpose(1, 2).flatten(2)), attention


class TransMIL(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        width = max(HEADS_EACH, shape.projection // HEADS_EACH * HEADS_EACH)
        self.project = nn.Sequential(nn.Linear(shape.width, width), nn.ReLU(), nn.Dropout(shape.dropout))
        self.token = nn.Parameter(1e-6 * torch.randn(1, 1, width))
        self.layers = nn.ModuleList(SelfAttention(width) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(width)
        self.head = self.head_on(width)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        x = torch.cat([self.token.expand(len(h), -1, -1), self.project(h)], dim=1)
        seen = torch.cat([torch.ones_like(mask[:, :1]), mask], dim=1)
        attention = x
        for layer in self.layers:
            x, attention = layer(x, seen)
        bag = self.norm(x[:, 0])
        of_token = attention[:, :, 0, 1:].mean(dim=1)
        return BagOutput(self.head(bag), of_token / of_token.sum(dim=1, keepdim=True), mask, bag=bag)
