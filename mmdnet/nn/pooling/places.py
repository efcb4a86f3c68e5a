"""Places, not only means: what a backbone's finer maps hold somewhere in a patch, beside its mean over all of it.

A focus or one ballooned cell covers about a hundredth of a patch, and a mean over the patch loses it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STRIDES = (8, 16)  # px of a patch between two places of a map; 4 and 8 µm at 0.5 µm/px


class HighestPlaces(nn.Module):
    r"""Of each channel of the maps, the mean over all places beside the mean over the highest.

    .. math:: f_c = \Bigl(\tfrac1P \sum_p m_{cp}, \; \tfrac1T \sum_{p \in \operatorname{top}_T} m_{cp}\Bigr)

    Both halves are normalised over their length each, so that neither drowns the other.
    """

    TOP = 4

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Pool the places.

        Args:
            maps: from fine to coarse, shape (images, channels, rows, columns) each. The finer are brought to the
                coarsest's places by their maximum.

        Returns:
            Shape (images, twice the channels of all maps).
        """
        size = tuple(maps[-1].shape[2:])
        alike = [F.adaptive_max_pool2d(fine, size) for fine in maps[:-1]]  # networks halve odd sides in two ways
        places = torch.cat([*alike, maps[-1]], dim=1).flatten(2)
        highest = places.topk(min(self.TOP, places.shape[2]), dim=2).values
        return torch.cat([F.layer_norm(half, half.shape[1:]) for half in (places.mean(2), highest.mean(2))], dim=1)
