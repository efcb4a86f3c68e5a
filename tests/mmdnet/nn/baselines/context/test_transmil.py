import torch
from torch import nn

from mmdnet.nn.baselines.context.transmil import HEADS_EACH, SelfAttention


def test_its_attention_is_torchs_own():
    torch.manual_seed(0)
    ours = SelfAttention(16)
    theirs = nn.MultiheadAttention(16, HEADS_EACH, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(ours.qkv.weight)
        theirs.out_proj.load_state_dict(ours.out.state_dict())
    x, mask = torch.randn(2, 5, 16), torch.ones(2, 5, dtype=torch.bool)
    mask[1, 3:] = False
    inner = ours.norm(x)
    answer, weights = theirs(inner, inner, inner, key_padding_mask=~mask, average_attn_weights=False)
    passed, attention = ours(x, mask)
    assert torch.allclose(passed, x + answer, atol=1e-6)
    assert torch.allclose(attention, weights, atol=1e-6)
