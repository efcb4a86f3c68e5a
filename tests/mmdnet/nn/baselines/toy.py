"""Toy bags that every method is held against: each bag's grade is that of its worst instance."""

import torch

from mmdnet.nn.baselines.contract import BagModel, BagTargets, BranchShape
from mmdnet.nn.baselines.registry import BaselineEntry, create_baseline

WIDTH, TASKS = 12, {"ballooning": 3, "steatosis": 4}
SHAPE = BranchShape(width=WIDTH, classes=2, projection=16, hidden=8, dropout=0.0, domains=2)


def model_of(entry: BaselineEntry, seed: int = 0, shape: BranchShape = SHAPE) -> BagModel:
    """A method on the toy tasks, in evaluation mode."""
    torch.manual_seed(seed)
    return create_baseline(entry, shape, TASKS).eval()


def bags(count: int, instances: int = 8, seed: int = 0):
    """Features (B, N, width), mask (B, N) of bags of different sizes, and targets by task.

    An instance of grade g in a task has its feature number g (of the task) raised by 3; grade 0 raises none.
    """
    torch.manual_seed(seed)
    mask = torch.arange(instances) < torch.randint(3, instances + 1, (count, 1))
    h = torch.randn(count, instances, WIDTH)
    targets = {}
    domains = torch.arange(count) % 2
    for place, (name, classes) in enumerate(TASKS.items()):
        ceiling = torch.randint(classes, (count, 1))
        grade = torch.randint(classes, (count, instances)).clamp(max=ceiling).where(mask, torch.tensor(-1))
        rows, columns = torch.nonzero(grade > 0, as_tuple=True)
        h[rows, columns, 5 * place + grade[rows, columns]] += 3
        targets[name] = BagTargets(
            grade.amax(dim=1), torch.ones(count), grade, domains, strength=0.1, ignored=torch.zeros_like(mask)
        )
    return h, mask, targets
