"""Grade heads: from a feature to the probability of each grade, and the loss against a known grade.

A loss here is a weighted mean over the items whose grade is known. Items without one weigh nothing (a mean over nothing
would be NaN); with none left the loss is 0 and still hangs on the graph.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.distributed import all_reduce_sum

LEAST = torch.finfo(torch.float32).tiny


class GradeHead(nn.Module):
    """Linear grade head; its children differ in what the outputs mean.

    Args:
        features: length of the input feature.
        classes: number of grades, at least 2.
        outputs: number of logits.
    """

    def __init__(self, features: int, classes: int, outputs: int) -> None:
        super().__init__()
        self.classes = classes
        self.linear = nn.Linear(features, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Logits, shape (..., outputs), of features of shape (..., features)."""
        return self.linear(features)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Probability of each grade, shape (..., classes); sums to 1."""
        raise NotImplementedError

    def grade(self, logits: Tensor) -> Tensor:
        """The predicted grade, shape (...), int64."""
        raise NotImplementedError

    def _loss(self, logits: Tensor, grades: Tensor, weights: Tensor) -> Tensor:
        raise NotImplementedError

    def loss(self, logits: Tensor, grades: Tensor, weights: Tensor) -> Tensor:
        """Weighted mean loss over the items with a known grade.

        Args:
            logits: shape (items, outputs).
            grades: shape (items,), int64, -1 where unknown.
            weights: shape (items,), not negative: class weight times trust in the label.

        Returns:
            A scalar; 0 with its graph kept when nothing counts.
        """
        weights = torch.where(grades >= 0, weights, 0).float()
        return self._loss(logits.float(), grades.clamp(min=0), weights)


class CrossEntropyHead(GradeHead):
    r"""Softmax over the grades: the paper's head.

    .. math:: L = \frac{\sum_i w_i \, (-\log p_{i, y_i})}{\sum_i w_i}
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes, classes)

    def probabilities(self, logits: Tensor) -> Tensor:
        return logits.softmax(dim=-1)

    def grade(self, logits: Tensor) -> Tensor:
        return logits.argmax(dim=-1)

    def _loss(self, logits: Tensor, grades: Tensor, weights: Tensor) -> Tensor:
        return weighted_mean(F.cross_entropy(logits, grades, reduction="none"), weights)


class CornHead(GradeHead):
    r"""Ordinal head of conditional steps (CORN; Shi, Cao, Raschka 2021, eq. 3-5).

    Logit :math:`j` is the step :math:`P(y > j \mid y \ge j)`; their running product is :math:`P(y > j)`, which can only
    fall, so the grades stay in order.

    .. math:: L = \frac{\sum_i w_i \sum_{j \le y_i} \operatorname{BCE}\bigl(o_{ij}, [y_i > j]\bigr)}
                       {\sum_i w_i \, |\{j : j \le y_i\}|}

    With all weights 1 this is the loss of the authors' library; that one takes no weights.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__(features, classes, classes - 1)

    def _exceeds(self, logits: Tensor) -> Tensor:
        return torch.sigmoid(logits.float()).cumprod(dim=-1)

    def probabilities(self, logits: Tensor) -> Tensor:
        exceeds = self._exceeds(logits)
        edges = torch.cat([torch.ones_like(exceeds[..., :1]), exceeds, torch.zeros_like(exceeds[..., :1])], dim=-1)
        return edges[..., :-1] - edges[..., 1:]

    def grade(self, logits: Tensor) -> Tensor:
        return (self._exceeds(logits) > 0.5).sum(dim=-1)

    def _loss(self, logits: Tensor, grades: Tensor, weights: Tensor) -> Tensor:
        step = torch.arange(self.classes - 1, device=logits.device)
        asked = (grades[:, None] >= step) * weights[:, None]
        answer = (grades[:, None] > step).to(logits.dtype)
        return weighted_mean(F.binary_cross_entropy_with_logits(logits, answer, reduction="none"), asked)


def weighted_mean(losses: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean over the whole step; 0 with its graph where all weights are 0. Nothing here waits for a GPU."""
    return (losses * weights).sum() / all_reduce_sum(weights.sum()).clamp(min=LEAST)


HEADS: dict[str, type[CrossEntropyHead] | type[CornHead]] = {"ce": CrossEntropyHead, "corn": CornHead}


def expected_grade(probabilities: Tensor) -> Tensor:
    """Mean grade under the probabilities, shape (...), of probabilities of shape (..., classes)."""
    grades = torch.arange(probabilities.shape[-1], device=probabilities.device, dtype=probabilities.dtype)
    return (probabilities * grades).sum(dim=-1)
