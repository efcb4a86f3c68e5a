r"""Features made alike across domains without an adversary: distances between domains, added to the loss.

* CORAL (Sun & Saenko 2016, with the means as in DomainBed, Gulrajani & Lopez-Paz 2021):
  :math:`\lVert \mu_s - \mu_t \rVert^2 / d + \lVert C_s - C_t \rVert_F^2 / d^2`.
* MMD (Gretton et al. 2012): :math:`\overline{k(s, s')} + \overline{k(t, t')} - 2 \overline{k(s, t)}` with a sum of
  Gaussian kernels, whose widths follow from the median distance of the step's features.

Each is the mean over all pairs of domains in a step. Where fewer than two have two instances, it is 0 with a graph.
"""

from collections.abc import Callable, Mapping
from itertools import combinations

import torch
from torch import Tensor

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the median squared distance


def coral(first: Tensor, second: Tensor) -> Tensor:
    """CORAL distance of two domains' features, (n, d) and (m, d); a scalar."""
    means = (first.mean(dim=0) - second.mean(dim=0)).square().mean()
    return means + (first.T.cov() - second.T.cov()).square().mean()


def mmd(first: Tensor, second: Tensor) -> Tensor:
    """Squared maximum mean discrepancy of two domains' features, (n, d) and (m, d); a scalar, not below 0."""
    both = torch.cat([first, second])
    squared = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist").square()
    median = squared.detach()[~torch.eye(len(both), dtype=torch.bool, device=both.device)].median().clamp(min=1e-9)
    kernel = torch.stack([torch.exp(-squared / (width * median)) for width in WIDTHS]).mean(dim=0)
    n = len(first)
    return kernel[:n, :n].mean() + kernel[n:, n:].mean() - 2 * kernel[:n, n:].mean()


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"coral": coral, "mmd": mmd}
"""By the name of the domain method (`mmdnet.nn.kinds.DomainMethod`)."""


def alignment_loss(method: str, features: Tensor, domains: Tensor, mask: Tensor) -> Tensor:
    """Mean distance over pairs of the domains in a step.

    Args:
        method: a name of `DISTANCES`.
        features: of instances, (bags, instances, width).
        domains: (bags,), int64, -1 where unknown: such bags take no part.
        mask: (bags, instances), False on padding.
    """
    of_instances = domains[:, None].expand_as(mask)[mask]
    h = features[mask].float()
    groups = [h[of_instances == domain] for domain in domains[domains >= 0].unique()]
    groups = [group for group in groups if len(group) > 1]
    pairs = [DISTANCES[method](first, second) for first, second in combinations(groups, 2)]
    return torch.stack(pairs).mean() if pairs else features.sum() * 0.0


class GroupWeights:
    r"""Group distributionally robust optimisation over domains (Sagawa et al. 2020, algorithm 1).

    After each step the weight of a domain grows with its loss, :math:`q_g \leftarrow q_g e^{\eta L_g}`, scaled to sum
    to 1; its bags then count :math:`G q_g` times. A domain that is not in a step keeps its weight.

    Args:
        groups: how many domains there are.
        rate: :math:`\eta`; 0 leaves all weights alike.
    """

    def __init__(self, groups: int, rate: float) -> None:
        self.weights = torch.full((groups,), 1 / max(groups, 1))
        self.rate = rate

    def of_bags(self, domains: Tensor) -> Tensor:
        """What each bag counts, (bags,); 1 where its domain, (bags,), is unknown (-1)."""
        counts = (self.weights * len(self.weights)).to(domains.device)
        return torch.where(domains >= 0, counts[domains.clamp(min=0)], 1.0)

    def update(self, losses: Tensor, domains: Tensor) -> None:
        """Learn from the losses of a step's bags, (bags,), without gradient."""
        losses, domains = losses.detach().float().cpu(), domains.cpu()
        for domain in domains[domains >= 0].unique():
            self.weights[domain] = self.weights[domain] * torch.exp(self.rate * losses[domains == domain].mean())
        self.weights = self.weights / self.weights.sum()
