import torch
from torch import nn

from mmdnet.nn.baselines.context.dest import HEADS_EACH, STAGE_WEIGHTS, WINDOW, Merging, WindowAttention
from mmdnet.nn.baselines.registry import BASELINES
from tests.mmdnet.nn.baselines.toy import bags, model_of


def _with(x, mask, block):
    """What torch's own attention says within windows that begin `block.shift` tokens earlier, token by token."""
    theirs = nn.MultiheadAttention(x.shape[-1], HEADS_EACH, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(block.qkv.weight)
        theirs.in_proj_bias.copy_(block.qkv.bias)
        theirs.out_proj.load_state_dict(block.out.state_dict())
    said = x.clone()
    for start in range(-block.shift, x.shape[1], WINDOW):
        own = slice(max(start, 0), min(start + WINDOW, x.shape[1]))
        for bag in range(len(x)):
            if mask[bag, own].any():
                inner = block.norm(x[bag : bag + 1, own])
                heard, _ = theirs(inner, inner, inner, key_padding_mask=~mask[bag : bag + 1, own])
                said[bag, own] += heard[0] * mask[bag, own].unsqueeze(-1)
    return said + block.mlp(said)


def test_its_attention_is_torchs_own_within_windows_also_when_they_are_moved():
    torch.manual_seed(0)
    x, mask = torch.randn(2, 10, 16), torch.arange(10) < torch.tensor([[10], [7]])
    for shift in (0, WINDOW // 2):
        block = WindowAttention(16, shift)
        assert torch.allclose(block(x, mask)[mask], _with(x, mask, block)[mask], atol=1e-6)


def test_the_learnt_bias_goes_by_how_far_apart_two_tokens_stand():
    torch.manual_seed(0)
    block = WindowAttention(16, 0)
    with torch.no_grad():
        block.bias[WINDOW] = 1e4  # all hear the token before them alone
        block.mlp[-1].weight.zero_(), block.mlp[-1].bias.zero_()
    x, mask = torch.randn(1, WINDOW, 16), torch.ones(1, WINDOW, dtype=torch.bool)
    value = block.qkv(block.norm(x)).chunk(3, dim=-1)[2]
    assert torch.allclose((block(x, mask) - x)[0, 1:], block.out(value)[0, :-1], atol=1e-5)


def test_neighbours_merge_and_the_last_of_an_odd_number_merges_with_nothing():
    torch.manual_seed(0)
    merging, x = Merging(8), torch.randn(1, 5, 8)
    half, real = merging(x, torch.tensor([[True, True, True, False, False]]))
    assert real.tolist() == [[True, True, False]]
    pair = torch.cat([x[0, 2], torch.zeros(8)])
    assert torch.allclose(half[0, 1], merging.reduce(merging.norm(pair)), atol=1e-6)


def test_every_stage_is_supervised_by_its_own_weight():
    h, mask, targets = bags(8)
    branch, known = model_of(BASELINES["dest"]).branch("steatosis"), targets["steatosis"]
    branch.loss(branch(h, mask), known).backward()
    sizes = []
    for weight, step in zip(STAGE_WEIGHTS, branch.steps, strict=True):
        given = step.reading.head.linear.weight.grad.clone()
        sizes.append(given.abs().sum().item() / weight)
    assert min(sizes) > 0
    highest = branch.order(branch.project(h)).squeeze(-1).masked_fill(~mask, -torch.inf).amax(dim=1)
    told = branch(h, mask).critical_logits[:, -1]
    assert torch.allclose(told, highest, atol=1e-6)
