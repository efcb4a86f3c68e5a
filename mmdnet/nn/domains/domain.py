"""The domain branch: who scanned and stained this, and how hard the extractor is to forget it.

Attention-weighted domain adversary after Hashimoto et al. 2020 (DA-MIL): instances that the grade hangs on are spared.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.heads import weighted_mean
from mmdnet.nn.kinds import AttentionRule, ReversalMode
from mmdnet.nn.pooling.attention import BagDropout


class DomainPredictor(nn.Module):
    """Names the domain of each instance: a perceptron with two hidden layers (the paper: 1024 and 256, dropout 0.5).

    A narrow extractor gets narrower hidden layers (at most twice, then once its width): the adversary would else be
    larger than the network it watches.
    """

    def __init__(self, features: int, domains: int) -> None:
        super().__init__()
        first, second = min(1024, 2 * features), min(256, features)
        self.layers = nn.Sequential(
            nn.Linear(features, first), nn.ReLU(), BagDropout(0.5),
            nn.Linear(first, second), nn.ReLU(), BagDropout(0.5),
            nn.Linear(second, domains),
        )  # fmt: skip

    def forward(self, features: Tensor) -> Tensor:
        """Domain logits, shape (bags, ..., domains), of features of shape (bags, ..., features)."""
        return self.layers(features)


def shared_attention(attentions: Iterable[Tensor], rule: AttentionRule = "relative_max") -> Tensor:
    """One attention for the domain branch out of one per task; never carries a gradient.

    Args:
        attentions: per task, shape (bags, instances).
        rule: `relative_max` takes the largest share of a task's own maximum, so an instance that any task needs is
            spared; `mean` is the mean over tasks, nearest to the paper.

    Returns:
        Shape (bags, instances).
    """
    stacked = torch.stack([attention.detach().float() for attention in attentions])
    if rule == "mean":
        return stacked.mean(dim=0)
    return (stacked / stacked.amax(dim=2, keepdim=True)).amax(dim=0)


def reversal_weight(attention: Tensor, strength: float, mode: ReversalMode = "relative") -> Tensor:
    r"""How strongly the domain gradient of each instance is reversed (:math:`\lambda` = strength).

    * `hashimoto`: :math:`\lambda (\max_k a_k - a_k)`: the original; idle when attention is flat, fades as bags grow
      (with the mean of attentions; by `relative_max` the top is 1 and this is `relative`).
    * `relative`: :math:`\lambda (1 - a_k / \max_k a_k)`: does not fade with the bag's size.
    * `uniform`: :math:`\lambda`: plain DANN.
    * `loss_attention`: :math:`\lambda`, while the domain loss itself is weighted by attention (see `domain_loss`).

    Args:
        attention: shape (bags, instances).
        strength: 0 turns the domain branch's grip on the extractor off.
        mode: one of the above.

    Returns:
        Shape (bags, instances), not negative.
    """
    top = attention.amax(dim=1, keepdim=True)
    if mode == "hashimoto":
        return strength * (top - attention)
    if mode == "relative":
        return strength * (1 - attention / top)
    return torch.full_like(attention, strength)


def domain_loss(logits: Tensor, domains: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean cross-entropy over real instances of bags whose domain is known; 0 with graph when there is none.

    Args:
        logits: shape (bags, instances, domains).
        domains: shape (bags,), int64, -1 where unknown.
        mask: shape (bags, instances), False on padding.
        weights: shape (bags, instances), attention for the mode `loss_attention`; else every instance counts alike.
    """
    counts = mask & (domains >= 0)[:, None]
    truth = domains.clamp(min=0)[:, None].expand_as(counts).flatten()
    loss = F.cross_entropy(logits.flatten(0, 1).float(), truth, reduction="none")
    weight = counts.float() if weights is None else torch.where(counts, weights.float(), 0)
    return weighted_mean(loss, weight.flatten())
