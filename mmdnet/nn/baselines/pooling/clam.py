r"""CLAM-SB and CLAM-MB: gated attention whose most and least attended instances are told apart.

Lu, Williamson, Chen, Chen, Barbieri, Mahmood: Data-efficient and weakly supervised computational pathology on
whole-slide images. Nature Biomedical Engineering 5, 2021.

SB pools as ABMIL does. MB has one attention branch for each output :math:`j` of the grade head:

.. math:: a_j = \operatorname{softmax}_k \; u_j^\top \bigl(\tanh(V z_k) \odot \sigma(U z_k)\bigr), \qquad
          b_j = \sum_k a_{jk} z_k, \qquad O_j = w_j^\top b_j + d_j

Both add a clustering loss. The true grade :math:`Y` has a two-way classifier :math:`c_Y`; the :math:`k` most attended
instances are its positives, the :math:`k` least attended its negatives:

.. math:: L = 0.7 \, L_{\text{bag}} + 0.3 \, \frac{1}{2k} \Bigl( \sum_{\text{top } k} \operatorname{CE}(c_Y(z), 1) +
          \sum_{\text{bottom } k} \operatorname{CE}(c_Y(z), 0) \Bigr), \qquad
          k = \min(8, \lfloor n / 2 \rfloor)

Simplified: cross-entropy in place of the smooth SVM loss; grades are ordered and not exclusive subtypes, so the other
grades' classifiers get no negatives (`subtyping` off in the original); a bag of one instance has no clustering loss,
where the original fails. In MB the instances are ranked by the mean of the branches' attentions.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, masked_softmax, top_instances
from mmdnet.nn.heads import weighted_mean
from mmdnet.nn.pooling.attention import GatedAttention

BAG_WEIGHT = 0.7
MOST = 8


class ClamSB(Branch):
    """See the module."""

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.head = self.head_on(shape.projection)
        self.clusters = nn.Linear(shape.projection, 2 * shape.classes)
        self._make_pool()

    def _make_pool(self) -> None:
        self.pool = GatedAttention(self.shape.projection, self.shape.hidden)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        bag, attention = self.pool(z, mask)
        return BagOutput(self.head(bag), attention, mask, z=z, bag=bag)

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        bags = self.grade_head.loss(output.logits, targets.grades, targets.weights)
        return BAG_WEIGHT * bags + (1 - BAG_WEIGHT) * self.clustering_loss(output, targets)

    def clustering_loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        """Cross-entropy of the true grade's classifier on the most and least attended instances, mean over bags."""
        assert output.z is not None
        each = (output.mask.sum(dim=1) // 2).clamp(max=MOST)
        attention = output.attention.detach()
        top = top_instances(attention, output.mask, each[:, None])
        bottom = top_instances(-attention, output.mask, each[:, None])
        logits = self.clusters(output.z).unflatten(-1, (self.shape.classes, 2))
        grades = targets.grades.clamp(min=0)
        own = logits[torch.arange(len(grades), device=grades.device), :, grades]
        loss = F.cross_entropy(own.flatten(0, 1).float(), top.flatten().long(), reduction="none")
        known = (targets.grades >= 0)[:, None] & (top | bottom)
        return weighted_mean(loss, (known / (2 * each[:, None]).clamp(min=1)).flatten())


class ClamMB(ClamSB):
    """See the module."""

    def _make_pool(self) -> None:
        shape = self.shape
        self.tanh = nn.Linear(shape.projection, shape.hidden)
        self.gate = nn.Linear(shape.projection, shape.hidden)
        self.score = nn.Linear(shape.hidden, self.head.linear.out_features)

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        z = self.project(h)
        scores = self.score(torch.tanh(self.tanh(z)) * torch.sigmoid(self.gate(z)))
        attention = masked_softmax(scores.transpose(1, 2), mask.unsqueeze(1))
        bags = attention @ z
        logits = (bags * self.head.linear.weight).sum(dim=-1) + self.head.linear.bias
        return BagOutput(logits, attention.mean(dim=1), mask, z=z, bag=bags.flatten(1))
