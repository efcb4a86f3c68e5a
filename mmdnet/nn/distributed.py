"""One training in several processes: sums over all of them, so that a mean is the mean over the whole step.

Each process computes its share of a step's bags. A loss divides by what the *whole* step weighs, so the processes'
losses, and their gradients, only need to be added. Alone, all of this is the identity.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed


def rank() -> int:
    """This process's number, from 0; 0 when it is alone."""
    return distributed.get_rank() if _shared() else 0


def world_size() -> int:
    """How many processes share the training."""
    return distributed.get_world_size() if _shared() else 1


def _shared() -> bool:
    return distributed.is_available() and distributed.is_initialized()


def all_reduce_sum(value: Tensor) -> Tensor:
    """The sum over all processes, without a gradient; the value itself when there is one process."""
    if world_size() == 1:
        return value
    total = value.detach().clone()
    distributed.all_reduce(total)
    return total


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients of all processes, in one message."""
    if world_size() == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = all_reduce_sum(torch.cat([g.flatten() for g in gradients]))
    for own, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        own.copy_(total.view_as(own))
