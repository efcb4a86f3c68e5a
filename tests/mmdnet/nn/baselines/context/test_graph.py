import torch

from mmdnet.nn.baselines.context.graph import NEIGHBOURS, normalised_adjacency


def test_neighbours_are_the_most_alike_and_padding_is_nobodys():
    torch.manual_seed(0)
    h = torch.randn(1, 9, 4)
    mask = torch.ones(1, 9, dtype=torch.bool)
    mask[0, 7:] = False
    passed = normalised_adjacency(h, mask)[0]
    assert torch.equal(passed, passed.T)
    assert (passed[7:] == 0).all()
    likeness = torch.nn.functional.cosine_similarity(h[0, :7, None], h[0, None, :7], dim=-1).fill_diagonal_(-2)
    for row in range(7):
        nearest = set(likeness[row].topk(NEIGHBOURS).indices.tolist())
        assert nearest | {row} <= set(passed[row].nonzero().squeeze(1).tolist())
    linked = passed > 0
    degree = linked.sum(dim=1).clamp(min=1).float()
    assert torch.allclose(passed, linked / (degree[:, None] * degree).sqrt(), atol=1e-6)


def test_a_patch_alone_hears_itself():
    assert normalised_adjacency(torch.randn(1, 1, 4), torch.ones(1, 1, dtype=torch.bool)).tolist() == [[[1.0]]]
