"""Distances between domains: 0 for one distribution, and made smaller by following them; the worst domain counts more."""

import pytest
import torch

from mmdnet.nn.domains.alignment import DISTANCES, GroupWeights, alignment_loss, coral


@pytest.fixture(scope="module")
def sets():
    random = torch.Generator().manual_seed(0)
    first, again = (torch.randn(400, 3, generator=random) for _ in range(2))
    return first, again, again * 2, again + 1


def test_coral_is_its_formula():
    first, second = torch.tensor([[0.0, 0], [2, 0]]), torch.tensor([[1.0, 1], [1, 3]])
    # means (1, 0) and (1, 2); covariances diag(2, 0) and diag(0, 2)
    assert coral(first, second).item() == pytest.approx(4 / 2 + (4 + 4) / 4)


@pytest.mark.parametrize("method", DISTANCES)
def test_a_distance_is_small_for_one_distribution_and_large_for_another_spread_or_place(sets, method):
    first, same, spread, moved = sets
    distance = DISTANCES[method]
    assert distance(first, first).item() == pytest.approx(0, abs=1e-6)
    assert 5 * distance(first, same) < min(distance(first, spread), distance(first, moved))


@pytest.mark.parametrize("method", DISTANCES)
def test_the_loss_sees_known_domains_and_real_instances_alone_and_can_be_followed(sets, method):
    features = torch.stack([sets[0][:8], sets[3][:8], sets[2][:8]]).requires_grad_()
    mask = torch.ones(3, 8, dtype=torch.bool)
    mask[0, 5:] = False
    loss = alignment_loss(method, features, torch.tensor([0, 1, -1]), mask)
    loss.backward()
    assert features.grad[:2][mask[:2]].abs().sum() > 0
    assert (features.grad[2] == 0).all() and (features.grad[0, 5:] == 0).all()


@pytest.mark.parametrize("domains", [[0, 0], [-1, -1], [0, -1]])
def test_one_domain_alone_costs_nothing_and_keeps_its_graph(domains):
    features = torch.randn(2, 4, 3, requires_grad=True)
    loss = alignment_loss("coral", features, torch.tensor(domains), torch.ones(2, 4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0 and features.grad is not None


def test_the_domain_that_is_graded_worst_counts_more_and_all_counts_together_stay():
    groups = GroupWeights(3, 0.5)
    domains = torch.tensor([0, 1, 1, -1])
    assert groups.of_bags(domains).tolist() == pytest.approx([1, 1, 1, 1])
    for _ in range(3):
        groups.update(torch.tensor([2.0, 0.5, 0.3, 9.0]), domains)
    first, second, _, unknown = groups.of_bags(domains).tolist()
    assert first > 1 > second and unknown == 1
    assert groups.weights.sum().item() == pytest.approx(1)
