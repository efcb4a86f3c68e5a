"""Augmentation of training patches where they are computed on: stained anew, bag by bag.

Stain changes in optical density, where it is additive (Beer-Lambert; Ruifrok & Johnston 2001), and alike for all
patches of a bag: a bag stays one slide.
"""

import math

import torch
from torch import Tensor

# Ruifrok & Johnston 2001, optical density of haematoxylin and eosin per RGB, and what is left. For other stains the
# rows are only a basis to stretch along, which is all that is asked of them here.
STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
STRENGTH = 0.2  # each stain's amount is scaled by 0.8-1.2
MIXING = 0.03  # standard deviation of a scanner's colour matrix
BRIGHTNESS = 0.04  # of optical density, either way


def stain_matrices(bags: int, generator: torch.Generator) -> Tensor:
    """Random changes of optical density, one per bag, shape (bags, 3, 3), to be multiplied from the left."""
    stains = torch.tensor(STAINS).T  # columns: OD of one unit of each stain
    factors = 1 + STRENGTH * (2 * torch.rand(bags, 3, generator=generator) - 1)
    matrices = stains @ torch.diag_embed(factors) @ torch.linalg.inv(stains)
    return matrices + MIXING * torch.randn(bags, 3, 3, generator=generator)


def restain(images: Tensor, bag_of: Tensor, generator: torch.Generator) -> Tensor:
    r"""Give every bag another stain and brightness: :math:`I' = \min(1, e^{M \ln((I+1)/256) - s})`.

    Args:
        images: (n, 3, side, side), uint8.
        bag_of: (n,), int64 from 0: which bag a patch belongs to.
        generator: on the CPU, so that the draw is the same on every device.

    Returns:
        (n, 3, side, side), float32 in 0-1, channels last in memory.
    """
    n, bags = len(images), int(bag_of.max()) + 1 if len(bag_of) else 0
    matrices = stain_matrices(bags, generator)
    brighter = BRIGHTNESS * (2 * torch.rand(bags, 1, 1, generator=generator) - 1)
    shifts = -math.log(256) * matrices.sum(dim=2, keepdim=True) + brighter
    matrix, shift = (part[bag_of].to(images.device) for part in (matrices, shifts))
    result = torch.empty(images.shape, device=images.device, memory_format=torch.channels_last)
    at_once = max(n, 1) if images.is_cuda else 1  # on a CPU a patch at a time stays in the processor's cache
    for at in range(0, n, at_once):
        part = slice(at, at + at_once)
        light = images[part].float().add_(1).log_().flatten(2)
        changed = torch.baddbmm(shift[part], matrix[part], light).exp_().clamp_(max=1)
        result[part] = changed.unflatten(2, images.shape[2:])
    return result
