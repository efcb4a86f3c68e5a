"""One training in several processes: sums over all of them, so that a mean is the mean over the whole step.

Each process computes its share of a step's bags. A loss divides by what the *whole* step weighs, so the processes'
losses, and their gradients, only need to be added. Alone, all of this is the identity.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed


def place() -> tuple[int, int]:
    """This process's rank, and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes, without a gradient; the value itself when there is one process."""
    if place()[1] == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients of all processes, in one message."""
    if place()[1] == 1:
        return
    gradients = [one.grad for one in parameters if one.grad is not None]
    flat = all_reduce_sum(torch.cat([one.flatten() for one in gradients]))
    for own, total in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
        own.copy_(total.view_as(own))
