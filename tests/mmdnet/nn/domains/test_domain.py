import pytest
import torch

from mmdnet.experiments.domain import VARIANTS
from mmdnet.nn.domains.domain import DomainPredictor, domain_loss, reversal_weight, shared_attention
from mmdnet.nn.domains.gradient_reversal import reverse_gradient

ATTENTION = torch.tensor([[0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("hashimoto", [[0.0, 0.16, 0.24], [0, 0, 0]]),
        ("relative", [[0.0, 0.32, 0.48], [0, 0, 0]]),
        ("uniform", [[0.8] * 3, [0.8] * 3]),
        ("loss_attention", [[0.8] * 3, [0.8] * 3]),
    ],
)
def test_the_most_attended_instance_is_spared_as_the_mode_says(mode, expected):
    assert torch.allclose(reversal_weight(ATTENTION, 0.8, mode), torch.tensor(expected), atol=1e-6)


def test_the_feature_gradient_is_minus_lambda_times_distance_to_the_top_attention():
    torch.manual_seed(0)
    h = torch.randn(2, 3, 4, requires_grad=True)
    predictor = DomainPredictor(4, 2).eval()
    mask, domains = torch.ones(2, 3, dtype=torch.bool), torch.tensor([0, 1])
    domain_loss(predictor(h), domains, mask).backward()
    plain, h.grad = h.grad.clone(), None
    head_gradient = [p.grad.clone() for p in predictor.parameters()]
    predictor.zero_grad()
    weight = reversal_weight(ATTENTION, 0.8, "hashimoto").unsqueeze(-1)
    domain_loss(predictor(reverse_gradient(h, weight)), domains, mask).backward()
    assert torch.allclose(h.grad, -weight * plain, atol=1e-7)
    assert (h.grad[0, 0] == 0).all()
    for before, after in zip(head_gradient, predictor.parameters(), strict=True):
        assert torch.allclose(before, after.grad)


def test_an_instance_that_one_task_needs_is_spared_for_all():
    a, b = torch.tensor([[0.8, 0.1, 0.1]]), torch.tensor([[0.1, 0.1, 0.8]])
    assert torch.allclose(shared_attention([a, b]), torch.tensor([[1.0, 0.125, 1.0]]))
    assert torch.allclose(shared_attention([a, b], "mean"), torch.tensor([[0.45, 0.1, 0.45]]))


def test_hashimotos_weight_is_another_than_the_relative_one_by_mean_attention_only():
    """Relative to each task's maximum the largest share is 1, and both weights are the same."""
    tasks = [ATTENTION, ATTENTION.flip(1)]
    for rule, same in (("relative_max", True), ("mean", False)):
        shared = shared_attention(tasks, rule)
        hashimoto, relative = reversal_weight(shared, 0.8, "hashimoto"), reversal_weight(shared, 0.8, "relative")
        assert torch.allclose(hashimoto, relative) is same
    compared = [variant.choices for variant in VARIANTS if variant.choices.get("reversal") == "hashimoto"]
    assert compared
    assert {choices["attention_rule"] for choices in compared} == {"mean"}


def test_attention_given_to_the_domain_branch_carries_no_gradient():
    assert not shared_attention([ATTENTION.clone().requires_grad_()]).requires_grad


def test_bags_of_unknown_domain_and_padding_do_not_count():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 2, requires_grad=True)
    mask = torch.tensor([[True, True, False], [True, True, True]])
    loss = domain_loss(logits, torch.tensor([1, -1]), mask)
    assert torch.allclose(loss, torch.nn.functional.cross_entropy(logits[0, :2], torch.tensor([1, 1])))
    nothing = domain_loss(logits, torch.tensor([-1, -1]), mask)
    nothing.backward()
    assert nothing.item() == 0
    assert torch.isfinite(logits.grad).all()
