import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.nn.baselines.contract import even_attention, masked_mean, masked_softmax, top_instances
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import TASKS, bags, model_of


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 10), st.integers(0, 1000))
def test_top_instances_are_real_and_the_highest(count, instances, most, seed):
    torch.manual_seed(seed)
    mask = torch.rand(count, instances) < 0.6
    mask[:, 0] = True
    scores = torch.randn(count, instances)
    top = top_instances(scores, mask, most)
    assert (top & ~mask).sum() == 0
    assert torch.equal(top.sum(dim=1), mask.sum(dim=1).clamp(max=most))
    for row, kept, real in zip(scores, top, mask, strict=True):
        if kept.any() and (real & ~kept).any():
            assert row[kept].min() > row[real & ~kept].max()


def test_a_bag_without_an_instance_has_no_softmax():
    with pytest.raises(ValueError, match="at least one instance"):
        masked_softmax(torch.zeros(1, 2), torch.zeros(1, 2, dtype=torch.bool))


def test_means_leave_padding_out():
    mask = torch.tensor([[True, True, False]])
    assert masked_mean(torch.tensor([[[1.0], [3.0], [99.0]]]), mask).tolist() == [[2.0]]
    assert even_attention(mask).tolist() == [[0.5, 0.5, 0.0]]


def test_a_model_trained_on_all_tasks_sums_their_losses():
    h, mask, targets = bags(6)
    model = model_of(BASELINES["abmil"])
    parts = [model.branch(name).loss(said, targets[name]) for name, said in model(h, mask).items()]
    assert list(model.predict(h, mask)) == list(TASKS)
    assert torch.allclose(model.training_loss(h, mask, targets), sum(parts))
