"""The names choices are made of; nothing heavy is imported here, so that forms and command lines open fast."""

from typing import Literal

HeadKind = Literal["ce", "corn"]
AttentionRule = Literal["relative_max", "mean"]
DomainMethod = Literal["adversary", "coral", "mmd", "group_dro"]
ReversalMode = Literal["relative", "hashimoto", "uniform", "loss_attention"]
