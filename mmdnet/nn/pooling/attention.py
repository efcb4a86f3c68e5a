"""Gated attention pooling: how the instances of a bag become one feature, and dropout alike for all of a bag."""

import torch
from torch import Tensor, nn

from mmdnet.nn.distributed import all_reduce_sum, rank, world_size


class GatedAttention(nn.Module):
    r"""Attention pooling with a gate (Ilse et al. 2018, eq. 9).

    .. math:: a_k = \operatorname{softmax}_k \; u^\top \bigl(\tanh(V z_k) \odot \sigma(U z_k)\bigr), \qquad
              b = \sum_k a_k z_k
    """

    def __init__(self, features: int, hidden: int = 128) -> None:
        super().__init__()
        self.tanh = nn.Linear(features, hidden)
        self.gate = nn.Linear(features, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, z: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the instances of each bag.

        Args:
            z: instance features, shape (bags, instances, features).
            mask: True where an instance is real and not padding, shape (bags, instances).

        Returns:
            Bag features, shape (bags, features), and attention, shape (bags, instances): it sums to 1 over a bag and
            is 0 on padding.

        Raises:
            ValueError: a bag without any instance.
        """
        if not mask.any(dim=1).all():
            raise ValueError("a bag needs at least one instance")
        score = self.score(torch.tanh(self.tanh(z)) * torch.sigmoid(self.gate(z))).squeeze(-1)
        # In float32 whatever the autocast: the tail of a softmax is what the attention map shows.
        attention = score.float().masked_fill(~mask, -torch.inf).softmax(dim=1).to(z.dtype)
        return torch.einsum("bk,bkf->bf", attention, z), attention


class BagDropout(nn.Dropout):
    """Dropout that leaves out the same features for a whole bag: its instances are then seen as the bag is.

    One draw per bag instead of one per instance is also what makes it cheap: drawing was a quarter of a step on stored
    features. Several processes draw for all bags of the step, so that each bag sees the mask it would see in one.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features of shape (bags, ..., features), some set to 0 and the others enlarged; as they are in evaluation."""
        if not self.training or not self.p:
            return features
        keep = 1 - self.p
        processes = world_size()
        bags = len(features) if processes == 1 else int(all_reduce_sum(features.new_tensor(len(features))))
        drawn = torch.rand(bags, features.shape[-1], device=features.device)[rank() :: processes] < keep
        mask = (drawn / keep).to(features.dtype)
        return features * mask.view(len(features), *[1] * (features.ndim - 2), -1)
