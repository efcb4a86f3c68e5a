import torch

from mmdnet.nn.domains.gradient_reversal import reverse_gradient


def test_features_pass_unchanged_and_their_gradient_is_turned_and_weighted():
    h = torch.randn(2, 3, 4, requires_grad=True)
    weight = torch.rand(2, 3, 1)
    out = reverse_gradient(h, weight)
    assert torch.equal(out, h)
    upstream = torch.randn_like(out)
    out.backward(upstream)
    assert torch.allclose(h.grad, -weight * upstream)


def test_the_weight_gets_no_gradient():
    h = torch.randn(1, 2, 3, requires_grad=True)
    weight = torch.rand(1, 2, 1, requires_grad=True)
    reverse_gradient(h, weight).sum().backward()
    assert weight.grad is None


def test_what_stands_behind_the_reversal_learns_with_its_own_gradient():
    h = torch.randn(5, 3, requires_grad=True)
    head = torch.nn.Linear(3, 2)
    head(reverse_gradient(h, torch.full((5, 1), 0.25))).pow(2).sum().backward()
    reversed_, turned = head.weight.grad.clone(), h.grad.clone()
    head.zero_grad()
    h.grad = None
    head(h).pow(2).sum().backward()
    assert torch.allclose(reversed_, head.weight.grad)
    assert torch.allclose(turned, -0.25 * h.grad)
