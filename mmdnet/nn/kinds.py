"""The names choices are made of; nothing heavy is imported here, so that forms and command lines open fast."""

from typing import Literal

HeadKind = Literal["ce", "corn"]
AttentionRule = Literal["relative_max", "mean"]
DomainMethod = Literal["adversary", "coral", "mmd", "group_dro"]
ReversalMode = Literal["relative", "hashimoto", "uniform", "loss_attention"]
ALPHAS = (0.0, 1e-3, 1e-2, 0.1, 0.3, 1.0)
"""Strengths of the domain part that an experiment compares, see `mmdnet.training.schedules.domain_strength`."""
