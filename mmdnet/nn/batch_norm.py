"""Statistics for batch normalisation in a network that starts at random.

In training the statistics stay as they are (see `mmdnet.nn.backbones.Backbone.train`): a pretrained backbone keeps
those of its weights. One from random weights would keep means of 0 and variances of 1, which normalise nothing; its
statistics are fitted once, before the first step, to patches of the lab's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from mmdnet.nn.mmdnet import MMDNet

FITTED_ON = 128  # patches: means and variances of maps with many places settle on fewer
AT_ONCE = 32  # of several slides, so that no slide's look is taken for all


def fit_batch_norms(net: MMDNet, batches: Iterable[Tensor]) -> bool:
    """Set mean and variance of each batch normalisation to the mean of those of some batches of patches.

    Each layer sees what the layers before it give when normalised by the batch, as in usual training.

    Args:
        net: whose backbone is fitted; its mode is kept.
        batches: patches, (n, 3, side, side) uint8 or float in 0-1, on the network's device; looked at once.

    Returns:
        Whether the backbone has any; without one no batch is looked at.
    """
    import torch

    norms = net.backbone.batch_norms()
    if not norms:
        return False
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over the batches
        norm.train()
    with torch.no_grad():
        for images in batches:
            net.embed(images)
    for norm, before in zip(norms, momentum, strict=True):
        norm.momentum = before
        norm.eval()
    return True
