r"""Heinemann et al.: patches are graded one by one; what they say together becomes a continuous score.

Heinemann, Gross, Zeuzem, Qian, Friedrich-Rust, ...: Deep learning-based quantification of NAFLD/NASH progression in
human liver biopsies. Scientific Reports 12, 2022.

A patch classifier gives :math:`p_k = \operatorname{softmax}(W z_k + d)`. A bag is described by each class's share and
the entropy of its distribution over patches, and by the mean grade and its logarithm, 2C + 2 numbers:

.. math:: s_c = \frac 1n \sum_k p_{kc}, \qquad e_c = -\sum_j \pi_{cj} \log_2 \pi_{cj}, \qquad
          g = \sum_c c \, s_c, \qquad \log(g + \varepsilon)

where :math:`\pi_{cj}` is the share of patches whose :math:`p_{kc}` lies in bin j. A small network makes of them a score
in [0, C - 1], learnt by squared error:

.. math:: y = \tfrac{C - 1}{2} \bigl(1 + \tanh(\text{MLP}(s, e, g, \log g))\bigr), \qquad L = \omega_Y (y - Y)^2

Simplified or mended: 20 fixed bins (theirs are the distinct values, so that their entropy measures the number of
patches); no class "ignore" (such patches are in no bag); both parts train at once, the second without a gradient into
the first; the score's probabilities lie on the two grades beside it. It learns from grades of single patches.
"""

import torch
from torch import Tensor, nn

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, even_attention, masked_mean
from mmdnet.nn.heads import CrossEntropyHead, weighted_mean

BINS, EPSILON = 20, 1e-3


class Heinemann(Branch):
    """See the module. Its logits are logarithms of the grades' probabilities."""

    learns_from_patches = True

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        self.project = self.projection()
        self.head = CrossEntropyHead(shape.projection, shape.classes)
        self.score = nn.Sequential(
            nn.Linear(2 * shape.classes + 2, 100), nn.ELU(), nn.Dropout(0.5), nn.Linear(100, 100), nn.ReLU(),
            nn.Linear(100, 1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        instance = self.head(self.project(h))
        described = describe(instance.detach().float().softmax(dim=-1), mask)
        score = 0.5 * (self.shape.classes - 1) * (1 + self.score(described).squeeze(-1))
        logits = between_grades(score, self.shape.classes).clamp(min=1e-6).log()
        return BagOutput(logits, even_attention(mask), mask, bag=score.unsqueeze(-1), instance_logits=instance)

    def loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        assert output.bag is not None
        assert output.instance_logits is not None
        known = torch.where(targets.grades >= 0, targets.weights, 0).float()
        of_score = weighted_mean((output.bag.squeeze(-1) - targets.grades) ** 2, known)
        grades = torch.where(output.mask, targets.instance_grades, -1).flatten()
        return of_score + self.head.loss(output.instance_logits.flatten(0, 1), grades, torch.ones_like(grades))


def describe(probabilities: Tensor, mask: Tensor) -> Tensor:
    """A bag's 2C + 2 numbers, (B, 2C + 2), of its patches' probabilities, (B, N, C)."""
    share = masked_mean(probabilities, mask)
    bins = (probabilities * BINS).long().clamp(max=BINS - 1)
    counts = torch.zeros(len(mask), BINS, probabilities.shape[-1], device=mask.device)
    counts.scatter_add_(1, bins, mask.unsqueeze(-1).expand_as(bins).float())
    part = counts / mask.sum(dim=1)[:, None, None]
    entropy = -(part * part.clamp(min=1e-12).log2()).sum(dim=1)
    mean = (share * torch.arange(share.shape[-1], device=share.device)).sum(dim=-1, keepdim=True)
    return torch.cat([share, entropy, mean, (mean + EPSILON).log()], dim=-1)


def between_grades(score: Tensor, classes: int) -> Tensor:
    """Probabilities of the two grades beside a score, by how near they are, (B, classes)."""
    apart = (score.unsqueeze(-1) - torch.arange(classes, device=score.device)).abs()
    return (1 - apart).clamp(min=0)
