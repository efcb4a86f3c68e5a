r"""IBMIL: a bag is judged beside each of the confounders that the training bags fall into.

Lin, Yu, Hu, Xu, Chen: Interventional bag multi-instance learning on whole-slide pathological images. CVPR 2023.

Stage 1 trains ABMIL. k-means of the training bags' features :math:`b` gives the confounders :math:`C_1, \dots, C_K`.
Stage 2 trains anew, by the backdoor adjustment :math:`P(Y \mid do(X)) = \sum_i P(Y \mid X, C_i) P(C_i)`:

.. math:: \alpha = \operatorname{softmax}_i \frac{(W_q b)^\top W_k C_i}{\sqrt{d}}, \qquad
          O = W \Bigl[b; \sum_i \alpha_i \, C_i\Bigr] + e

with the confounders equally likely, as in the authors' experiments. Simplified: one k (8; they try 2 to 16), and both
stages have the same length.
"""

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagOutput, BranchShape
from mmdnet.nn.baselines.pooling.abmil import ABMIL

CONFOUNDERS = 8


class IBMIL(ABMIL):
    """See the module. Without a dictionary yet (stage 1), the confounders' half of the bag is 0."""

    stages = 2
    dictionary: Tensor
    present: Tensor

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.query = nn.Linear(shape.projection, shape.hidden)
        self.key = nn.Linear(shape.projection, shape.hidden)
        self.head = self.head_on(2 * shape.projection)
        self.register_buffer("dictionary", torch.zeros(CONFOUNDERS, shape.projection))
        self.register_buffer("present", torch.zeros(CONFOUNDERS, dtype=torch.bool))

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        bag, attention = self.pool(z, mask)
        both = torch.cat([bag, self._context(bag)], dim=1)
        return BagOutput(self.head(both), attention, mask, z=z, bag=bag)

    def _context(self, bag: Tensor) -> Tensor:
        if not self.present.any():
            return torch.zeros_like(bag)
        scores = self.query(bag) @ self.key(self.dictionary).T / self.shape.hidden**0.5
        return scores.masked_fill(~self.present, -torch.inf).softmax(dim=1) @ self.dictionary

    def begin_stage(self, bags: Tensor, seed: int) -> None:
        from sklearn.cluster import KMeans

        apart = torch.unique(bags.detach().float().cpu(), dim=0).double().numpy()
        count = min(CONFOUNDERS, len(apart))
        centres = KMeans(count, n_init=4, random_state=seed).fit(apart).cluster_centers_
        self.dictionary.zero_()
        self.dictionary[:count] = torch.from_numpy(centres).to(self.dictionary)
        self.present[:] = torch.arange(CONFOUNDERS) < count
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()
