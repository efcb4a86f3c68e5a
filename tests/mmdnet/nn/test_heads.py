import pytest
import torch
from coral_pytorch.dataset import corn_label_from_logits
from coral_pytorch.losses import corn_loss

from mmdnet.nn.heads import HEADS, CornHead, CrossEntropyHead, expected_grade


@pytest.mark.parametrize("kind", ["ce", "corn"])
def test_probabilities_are_a_distribution_over_the_grades(kind):
    head = HEADS[kind](6, 4)
    p = head.probabilities(head(torch.randn(7, 6)))
    assert p.shape == (7, 4)
    assert (p >= 0).all()
    assert torch.allclose(p.sum(-1), torch.ones(7), atol=1e-6)


@pytest.mark.parametrize("kind", ["ce", "corn"])
def test_without_any_known_grade_the_loss_is_zero_with_finite_gradients(kind):
    head = HEADS[kind](6, 3)
    loss = head.loss(head(torch.randn(4, 6)), torch.full((4,), -1), torch.ones(4))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(head.linear.weight.grad).all()


@pytest.mark.parametrize("kind", ["ce", "corn"])
def test_items_of_unknown_grade_do_not_count(kind):
    torch.manual_seed(0)
    head, h = HEADS[kind](6, 4), torch.randn(5, 6)
    grades = torch.tensor([3, -1, 0, -1, 2])
    known = grades >= 0
    everything = head.loss(head(h), grades, torch.ones(5))
    assert torch.allclose(everything, head.loss(head(h[known]), grades[known], torch.ones(3)))


def test_the_ordinal_loss_and_grade_are_those_of_the_authors_library():
    torch.manual_seed(0)
    head = CornHead(6, 4)
    logits, grades = head(torch.randn(32, 6)), torch.randint(0, 4, (32,))
    assert torch.allclose(head.loss(logits, grades, torch.ones(32)), corn_loss(logits, grades, 4), atol=1e-6)
    assert torch.equal(head.grade(logits), corn_label_from_logits(logits))


def test_the_softmax_loss_is_the_weighted_mean_of_the_library():
    torch.manual_seed(0)
    head = CrossEntropyHead(6, 3)
    logits, grades, by_class = head(torch.randn(9, 6)), torch.randint(0, 3, (9,)), torch.tensor([1.0, 2.0, 0.5])
    ours = head.loss(logits, grades, by_class[grades])
    assert torch.allclose(ours, torch.nn.functional.cross_entropy(logits, grades, weight=by_class))


def test_the_mean_grade_of_an_ordinal_head_is_the_sum_of_its_steps():
    head = CornHead(6, 4)
    logits = head(torch.randn(5, 6))
    steps = torch.sigmoid(logits).cumprod(dim=-1)
    assert torch.allclose(expected_grade(head.probabilities(logits)), steps.sum(-1), atol=1e-6)
