"""Order and padding of a bag: how much they move its logits."""

import torch

from benchmarks.result import Result
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet


def run(quick: bool = False) -> Result:
    """Grade bags of random features as they are, and again shuffled and padded; `value` is the largest difference."""
    torch.manual_seed(0)
    net = MMDNet(Architecture(domains=("a", "b"))).eval()
    runs, worst = 20 if quick else 200, 0.0
    with torch.no_grad():
        for _ in range(runs):
            k, padding = int(torch.randint(1, 64, ())), int(torch.randint(0, 32, ()))
            h = torch.randn(1, k, net.width)
            shuffled = torch.cat([h[:, torch.randperm(k)], 1e3 * torch.randn(1, padding, net.width)], dim=1)
            plain = net.from_features(h, torch.ones(1, k, dtype=torch.bool))
            moved = net.from_features(shuffled, torch.arange(k + padding)[None] < k)
            gaps = [(plain.logits[t] - moved.logits[t]).abs().max().item() for t in net.task_names]
            worst = max(worst, *gaps)
    return Result(
        "invariance",
        worst,
        "largest difference of a logit",
        {"reach": 1e-5, "reach_is": "most", "unrounded": worst},
        runs,
    )
