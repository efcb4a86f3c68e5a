r"""ReMix: bags are reduced to prototypes and mixed with another bag of the same grade.

Yang, Chen, Zhao, Yang, Zhang, He, Yao: ReMix: a general and efficient framework for multiple instance learning based
whole slide image classification. MICCAI 2022. In training alone, k-means reduces a bag to prototypes
:math:`p_1, \dots, p_K`. With chance 1/2 another bag of the batch with the same grade is mixed in: for each
:math:`p_i`, chosen with chance 1/2, and its nearest prototype :math:`q` there,

.. math:: \text{append: } \{p\} \cup \{q\}, \quad \text{replace: } p_i \leftarrow q, \quad
          \text{interpolate: } p_i \leftarrow (1 - \lambda) p_i + \lambda q, \quad
          \text{covary: } p_i \leftarrow p_i + \lambda \, \delta, \; \delta \sim \mathcal N(0, \Sigma_q)

one of the four at random, :math:`\lambda \sim U(0, 1)`. ABMIL learns from what comes out.

Simplified: K = 8, five rounds of k-means; the covariance of a prototype's instances is diagonal; bags are mixed within
a task, whose grade they share. Judged on whole bags.
"""

from dataclasses import replace

import torch
from torch import Tensor

from mmdnet.nn.baselines.contract import BagTargets
from mmdnet.nn.baselines.pooling.abmil import ABMIL

PROTOTYPES, ROUNDS, CHANCE = 8, 5, 0.5


class ReMix(ABMIL):
    """See the module."""

    def augmented(self, h: Tensor, mask: Tensor, targets: BagTargets) -> tuple[Tensor, Tensor, BagTargets]:
        if not self.training:
            return h, mask, targets
        means, variances, there = prototypes(h, mask)
        other = partners(targets.grades)
        mixed, seen = mix(means, there, means[other], variances[other], there[other], other != torch.arange(len(h)))
        unknown = torch.full(seen.shape, -1, dtype=torch.int64)
        return mixed, seen, replace(targets, instance_grades=unknown)


def prototypes(h: Tensor, mask: Tensor, count: int = PROTOTYPES) -> tuple[Tensor, Tensor, Tensor]:
    """k-means of each bag's real instances.

    Returns:
        Means (B, K, F), variances (B, K, F) and which of them have instances (B, K).
    """
    order = torch.rand(mask.shape).masked_fill(~mask, 2.0).argsort(dim=1)[:, :count]
    means = h.gather(1, order.unsqueeze(-1).expand(-1, -1, h.shape[-1]))
    there = mask.gather(1, order)
    share = torch.zeros(*mask.shape, means.shape[1])
    for _ in range(ROUNDS):
        apart = torch.cdist(h, means).masked_fill(~there.unsqueeze(1), torch.inf)
        share = torch.nn.functional.one_hot(apart.argmin(dim=2), means.shape[1]) * mask.unsqueeze(-1)
        number = share.sum(dim=1).unsqueeze(-1)
        means = torch.where(number > 0, share.float().transpose(1, 2) @ h / number.clamp(min=1), means)
    number = share.sum(dim=1).unsqueeze(-1).clamp(min=1)
    square = share.float().transpose(1, 2) @ h**2 / number
    return means, (square - means**2).clamp(min=0), there


def partners(grades: Tensor) -> Tensor:
    """For each bag another one of the same known grade, drawn at random; itself where there is none, or by chance."""
    same = (grades[:, None] == grades) & (grades >= 0) & ~torch.eye(len(grades), dtype=torch.bool)
    chosen = torch.rand(same.shape).masked_fill(~same, -1.0).argmax(dim=1)
    mixes = same.any(dim=1) & (torch.rand(len(grades)) < CHANCE)
    return torch.where(mixes, chosen, torch.arange(len(grades)))


def mix(
    means: Tensor, there: Tensor, others: Tensor, variances: Tensor, others_there: Tensor, mixes: Tensor
) -> tuple[Tensor, Tensor]:
    """Mix prototypes of bags with those of their partners, each bag in one of the four ways.

    Args:
        means, there: (B, K, F) and (B, K) of the bags.
        others, variances, others_there: of their partners.
        mixes: (B,), False where a bag stays as it is.

    Returns:
        Instances (B, 2K, F) and which are real (B, 2K): the second half holds what was appended.
    """
    apart = torch.cdist(means, others).masked_fill(~others_there.unsqueeze(1), torch.inf)
    nearest = apart.argmin(dim=2, keepdim=True).expand(-1, -1, means.shape[-1])
    q, variance = others.gather(1, nearest), variances.gather(1, nearest)
    chosen = there & mixes[:, None] & (torch.rand(there.shape) < CHANCE)
    way = torch.randint(4, (len(means), 1))
    share = torch.rand(len(means), 1, 1)
    ways = torch.stack([
        means, q, (1 - share) * means + share * q, means + share * variance.sqrt() * torch.randn(means.shape)
    ])  # fmt: skip
    changed = ways[way.squeeze(1), torch.arange(len(means))]
    first = torch.where(chosen.unsqueeze(-1), changed, means)
    return torch.cat([first, q], dim=1), torch.cat([there, chosen & (way == 0)], dim=1)
