"""torchmil 1.0.2 beside our branches: the same weights, one logit, bags without padding."""

import torch

from mmdnet.nn.baselines.contract import Branch, BranchShape

BINARY = BranchShape(width=12, classes=2, head="corn", projection=16, hidden=8, dropout=0.0)


def pair(ours: type[Branch], theirs: type, **choices):
    """A branch on a yes-or-no task and torchmil's model behind the same first layer, both in evaluation mode."""
    torch.manual_seed(5)
    branch = ours(BINARY).eval()
    return branch, theirs(in_shape=(12,), feat_ext=branch.project, att_dim=8, **choices).eval()


def copy(theirs: torch.nn.Module, ours: torch.nn.Linear) -> None:
    """Their layer's weights become ours; a bias that they do not have stays as it is (a softmax does not see it)."""
    theirs = getattr(theirs, "module", theirs)  # their layers of a known input are wrapped
    with torch.no_grad():
        theirs.weight.copy_(ours.weight)
        if theirs.bias is not None:
            theirs.bias.copy_(ours.bias)


def whole_bags(count: int = 3, instances: int = 6):
    torch.manual_seed(6)
    return torch.randn(count, instances, 12), torch.ones(count, instances, dtype=torch.bool)
