"""What goes in and out of the network's losses: outputs, predictions, what is known, and how losses are weighed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Output:
    """What the network says about a batch of bags (B bags of up to K instances).

    Attributes:
        logits: by task, (B, outputs).
        attention: by task, (B, K); sums to 1 over a bag, 0 on padding.
        bag_features: by task, (B, projection).
        instance_logits: by task, (B, K, outputs): the grade head on single instances.
        ignore_logits: (B, K): above 0, the patch should be set aside.
        domain_logits: (B, K, domains), or None where the domain branch is absent or left out.
        shared_attention: (B, K), what spares instances from the domain's reversed gradient.
        mask: (B, K), False on padding and on set-aside patches.
        holds_ignored: (B, 2), or None without that task: logits of "holds none" and "holds a set-aside patch".
        features: (B, K, width), what is made alike across domains where that is done without an adversary; else None.
    """

    logits: dict[str, Tensor]
    attention: dict[str, Tensor]
    bag_features: dict[str, Tensor]
    instance_logits: dict[str, Tensor]
    ignore_logits: Tensor
    domain_logits: Tensor | None
    shared_attention: Tensor
    mask: Tensor
    holds_ignored: Tensor | None = None
    features: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """Grades of B bags in one task: probabilities (B, classes), grade (B,), expected (B,), the mean grade."""

    probabilities: Tensor
    grade: Tensor
    expected: Tensor


@dataclass(frozen=True, slots=True)
class Targets:
    """What is known about a batch of bags; tasks in the network's order.

    Attributes:
        grades: (B, tasks), int64, -1 where unknown.
        label_confidence: (B, tasks), 0-1, how sure the bag's grade is (the share of its patches that a reader graded).
        instance_grades: (B, K, tasks), int64, -1 where unknown.
        domains: (B,), int64, -1 where unknown.
        ignored_mask: (B, K), True on set-aside patches: only the task "holds an ignored patch" sees them.
    """

    grades: Tensor
    label_confidence: Tensor
    instance_grades: Tensor
    domains: Tensor
    ignored_mask: Tensor


@dataclass(frozen=True)
class LossWeights:
    """How the parts of the loss are weighed.

    Attributes:
        tasks: by task; a task that is not named counts nothing. A tensor is learnt (see `offset`).
        classes: by task, weights of a bag's grades, (classes,); not named: all 1.
        instance_classes: the same for the grades of single patches.
        bag: of the tasks' losses on bags (0: warm-up on single patches).
        instance: of the auxiliary loss on single graded patches (0: bag labels alone, as the paper).
        ignore: of the quality gate.
        domain_by_attention: weigh the domain loss by attention (reversal mode `loss_attention`).
        offset: what learnt weights cost, or they would all fall to 0.
        alignment: of the distance between domains, where there is no adversary.
        bags: what each bag counts by its domain, (B,); None: all alike.
    """

    tasks: Mapping[str, float | Tensor]
    classes: Mapping[str, Tensor] = field(default_factory=dict)
    instance_classes: Mapping[str, Tensor] = field(default_factory=dict)
    bag: float = 1.0
    instance: float = 0.0
    ignore: float = 0.0
    domain_by_attention: bool = False
    offset: float | Tensor = 0.0
    alignment: float = 0.0
    bags: Tensor | None = None
