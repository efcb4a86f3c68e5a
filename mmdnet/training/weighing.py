"""How the losses of an epoch are weighed, given its bags."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from mmdnet.bags.bag import Bag
from mmdnet.bags.cohort import Cohort
from mmdnet.labels.grading import TASKS
from mmdnet.nn.outputs import LossWeights
from mmdnet.training.config import TrainingConfig
from mmdnet.training.schedules import class_weights


def loss_weights(
    cohort: Cohort, bags: Sequence[Bag], config: TrainingConfig, trained: Sequence[str], warming_up: bool
) -> LossWeights:
    """Weights of tasks, grades and parts of the loss; while warming up single patches count and bags do not."""
    of_bags = np.stack([bag.grades for bag in bags])
    of_patches = cohort.grades[np.concatenate([bag.instances for bag in bags])].astype(np.int64)

    def by_task(grades: np.ndarray) -> dict[str, Tensor]:
        if not config.balance:
            return {}
        weights = [
            class_weights(grades[:, t], task.highest + 1, config.class_weight_cap) for t, task in enumerate(TASKS)
        ]
        return {task.name: torch.from_numpy(of_task) for task, of_task in zip(TASKS, weights, strict=True)}

    return LossWeights(
        tasks=dict.fromkeys(trained, 1.0),
        classes=by_task(of_bags),
        instance_classes=by_task(of_patches),
        bag=0.0 if warming_up else 1.0,
        instance=1.0 if warming_up else config.aux_instance_weight,
        ignore=config.ignore_weight,
        domain_by_attention=config.reversal == "loss_attention",
    )
