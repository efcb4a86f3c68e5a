"""Gradient reversal: what makes an extractor unlearn the domain (Ganin et al. 2016, section 4.2)."""

from typing import Any

import torch
from torch import Tensor


class _Reversal(torch.autograd.Function):
    """Identity forwards; backwards the gradient times minus the weight."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        return -weight * gradients[0], None


def reverse_gradient(features: Tensor, weight: Tensor) -> Tensor:
    r"""Pass features on unchanged and turn their gradient round.

    .. math:: R(h) = h, \qquad \frac{\partial L}{\partial h} = -w \, \frac{\partial L}{\partial R}

    Only what flows back into `features` is reversed and weighted: whatever stands behind (the domain predictor) learns
    with its own, untouched gradient.

    Args:
        features: any shape, here instance features (bags, instances, features).
        weight: how strongly each one is reversed, broadcastable to `features`, here (bags, instances, 1). It gets no
            gradient.
    """
    return _Reversal.apply(features, weight.detach())
