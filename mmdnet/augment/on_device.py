"""Augmentation of training patches where they are computed on: turned and mirrored one by one, stained anew by bag.

Stain changes in optical density, where it is additive (Beer-Lambert; Ruifrok & Johnston 2001), and alike for all
patches of a bag: a bag stays one slide.
"""

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


def turn(images: Tensor, turns: Tensor) -> Tensor:
    """Turn square images by quarter turns and mirror some.

    Args:
        images: (n, channels, side, side).
        turns: (n,), 0-7: quarter turns (0-3), and from 4 on mirrored first.
    """
    images = images.contiguous()
    result = torch.empty_like(images)
    for place, one in enumerate(turns.tolist()):
        image = images[place].flip(2) if one >= 4 else images[place]
        result[place] = torch.rot90(image, one % 4, dims=(1, 2))
    return result


def augment(images: Tensor, bag_of: Tensor, generator: torch.Generator) -> Tensor:
    """Turn every patch and restain every bag.

    Args:
        images: (n, 3, side, side), uint8.
        bag_of: (n,), int64 from 0: which bag a patch belongs to.
        generator: on the CPU, so that the draw is the same on every device.

    Returns:
        (n, 3, side, side), float32 in 0-1.
    """
    n, bags = len(images), int(bag_of.max()) + 1 if len(bag_of) else 0
    turns = torch.randint(8, (n,), generator=generator)
    matrices = stain_matrices(bags, generator)
    brighter = BRIGHTNESS * (2 * torch.rand(bags, 1, 1, generator=generator) - 1)
    turned = turn(images, turns)
    density = (turned.flatten(2).float() + 1).div_(256).log_().neg_()
    matrix, shift = (part.to(images.device)[bag_of.to(images.device)] for part in (matrices, brighter))
    density = torch.baddbmm(shift.expand(n, 3, 1), matrix, density)
    return density.neg_().exp_().clamp_(0, 1).unflatten(2, images.shape[2:])
