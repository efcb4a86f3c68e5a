import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdnet.nn.pooling.attention import BagDropout, GatedAttention


@settings(max_examples=25)
@given(st.integers(1, 4), st.integers(1, 9), st.integers(0, 10_000))
def test_attention_sums_to_one_and_is_nothing_on_padding(bags, instances, seed):
    torch.manual_seed(seed)
    mask = torch.rand(bags, instances) < 0.6
    mask[:, 0] = True
    pooled, attention = GatedAttention(6, 5)(torch.randn(bags, instances, 6), mask)
    assert pooled.shape == (bags, 6)
    assert torch.allclose(attention.sum(dim=1), torch.ones(bags))
    assert (attention[~mask] == 0).all()


def test_a_bag_without_any_instance_is_refused():
    with pytest.raises(ValueError, match="at least one instance"):
        GatedAttention(4)(torch.randn(2, 3, 4), torch.tensor([[True, True, False], [False, False, False]]))


def test_attention_is_the_formula_of_ilse():
    torch.manual_seed(0)
    pool = GatedAttention(4, 3)
    z = torch.randn(1, 5, 4)
    score = torch.tanh(z @ pool.tanh.weight.T + pool.tanh.bias) * torch.sigmoid(z @ pool.gate.weight.T + pool.gate.bias)
    expected = (score @ pool.score.weight.T + pool.score.bias).squeeze(-1).softmax(dim=1)
    pooled, attention = pool(z, torch.ones(1, 5, dtype=torch.bool))
    assert torch.allclose(attention, expected, atol=1e-6)
    assert torch.allclose(pooled, (expected[..., None] * z).sum(1), atol=1e-6)


def test_dropout_leaves_out_the_same_features_for_all_of_a_bag_and_others_for_another():
    torch.manual_seed(0)
    dropout = BagDropout(0.5).train()
    out = dropout(torch.ones(3, 5, 400))
    assert (out == out[:, :1]).all()
    assert not torch.equal(out[0], out[1])
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert 0.4 < (out == 0).float().mean() < 0.6
    assert torch.equal(dropout.eval()(out), out)
