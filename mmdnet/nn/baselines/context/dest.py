r"""DEST-like: a hierarchical Swin transformer, supervised at each stage, with a residual module before its heads.

Yan, He, Liu, Gou, Sun, Zhou, He, Guan: DEST: deep enhanced Swin transformer toward better scoring for NAFLD. PRCV 2022.
Its abstract alone was to be had (Swin, deep self-supervision, a residual module, patches at two scales), so this is
*like* it. Blocks and merging after Liu et al.: Swin transformer. ICCV 2021. Tokens :math:`x_k` are a bag's patches,
both scales side by side; three stages of attention within windows of M = 4 tokens, the first also within windows moved
by M/2:

.. math:: X \leftarrow X + \operatorname{(S)W-MSA}(\operatorname{LN}(X)), \quad
          X \leftarrow X + \operatorname{MLP}(\operatorname{LN}(X)), \qquad
          \operatorname{W-MSA} = \operatorname{softmax}\Bigl(\frac{Q K^\top}{\sqrt d} + \beta\Bigr) V

with the learnt bias :math:`\beta` of how far apart two tokens stand. Between stages neighbours merge,
:math:`x \leftarrow W [x_{2k}; x_{2k+1}]`. Each stage is read and supervised:

.. math:: g_s = \operatorname{mean}_k \operatorname{LN}(x_k), \qquad
          O_s = W_s \bigl(g_s + \operatorname{MLP}_s(g_s)\bigr) + d_s

.. math:: L = 0.2 \, \ell(O_1, Y) + 0.3 \, \ell(O_2, Y) + \ell(O_3, Y), \qquad O = O_3

Simplified: the original sees pixels of one patch and grades it; here the extractor is frozen (a Swin as well where
that backbone is chosen) and tokens are patches. A bag has no grid, so a line takes its place: patches stand in the
order of a score of their own, learnt from the bag's grade through the highest one (as `two_stage` learns its filter).
Tokens are half as wide as other methods' z, and no wider after merging: a bag has few.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.nn.baselines.contract import BagOutput, BagTargets, Branch, BranchShape, even_attention, masked_mean
from mmdnet.nn.heads import GradeHead, weighted_mean

WINDOW, HEADS_EACH = 4, 4
SHIFTS = ((0, WINDOW // 2), (0,), (0,))  # of the blocks of each stage
STAGE_WEIGHTS = (0.2, 0.3, 1.0)


class WindowAttention(nn.Module):
    """Multi-head self-attention within windows of neighbouring tokens, added to its input, and the MLP after it.

    Args:
        width: of a token, a multiple of the heads.
        shift: how far the windows are moved.
    """

    apart: Tensor

    def __init__(self, width: int, shift: int) -> None:
        super().__init__()
        self.shift = shift
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(2 * WINDOW - 1, HEADS_EACH))
        place = torch.arange(WINDOW)
        self.register_buffer("apart", place[:, None] - place + WINDOW - 1, persistent=False)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Tokens (B, T, width), which of them are real (B, T): the tokens again; padding hears and is heard by none."""
        count = x.shape[1]
        after = -(count + self.shift) % WINDOW
        real = F.pad(mask, (self.shift, after)).unflatten(1, (-1, WINDOW))
        query, key, value = (
            F.pad(self.qkv(self.norm(x)), (0, 0, self.shift, after))
            .unflatten(1, (-1, WINDOW)).unflatten(-1, (3, HEADS_EACH, -1)).permute(3, 0, 1, 4, 2, 5)
        )  # fmt: skip
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + self.bias[self.apart].permute(2, 0, 1)
        heard = scores.masked_fill(~real[:, :, None, None], -1e9).softmax(dim=-1) @ value
        told = self.out(heard.transpose(2, 3).flatten(3).flatten(1, 2)[:, self.shift : self.shift + count])
        x = x + told * mask.unsqueeze(-1)
        return x + self.mlp(x)


class Merging(nn.Module):
    """Two neighbouring tokens become one; the last of an odd number merges with nothing."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2 * width)
        self.reduce = nn.Linear(2 * width, width, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Half as many tokens, and which of them are real."""
        odd = x.shape[1] % 2
        pairs = F.pad(x * mask.unsqueeze(-1), (0, 0, 0, odd)).unflatten(1, (-1, 2)).flatten(2)
        return self.reduce(self.norm(pairs)), F.pad(mask, (0, odd)).unflatten(1, (-1, 2)).any(dim=2)


class Reading(nn.Module):
    """What a stage says: the mean of its tokens, through the residual module, to the grade head."""

    def __init__(self, branch: Branch, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.residual = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))
        self.head = branch.head_on(width)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, outputs) and what they are read from (B, width)."""
        mean = masked_mean(self.norm(x), mask)
        bag = mean + self.residual(mean)
        return self.head(bag), bag


class Stage(nn.Module):
    """Neighbours merge (but before the first stage), attend to each other within windows, and are read."""

    def __init__(self, branch: Branch, width: int, shifts: Sequence[int], merges: bool) -> None:
        super().__init__()
        self.merging = Merging(width) if merges else None
        self.blocks = nn.ModuleList(WindowAttention(width, shift) for shift in shifts)
        self.reading = Reading(branch, width)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Tokens and which are real, then logits (B, outputs) and what they are read from (B, width)."""
        if self.merging is not None:
            x, mask = self.merging(x, mask)
        for block in self.blocks:
            x = block(x, mask)
        return x, mask, *self.reading(x, mask)


class DEST(Branch):
    """See the module. Its `critical_logits` are those of the earlier stages and the highest score, side by side."""

    scales = 2

    def __init__(self, shape: BranchShape) -> None:
        super().__init__(shape)
        width = max(HEADS_EACH, shape.projection // 2 // HEADS_EACH * HEADS_EACH)
        self.project = nn.Sequential(nn.Linear(shape.width, width), nn.LayerNorm(width), nn.Dropout(shape.dropout))
        self.order = nn.Linear(width, 1)
        self.steps = nn.ModuleList(Stage(self, width, shifts, bool(n)) for n, shifts in enumerate(SHIFTS))

    @property
    def grade_head(self) -> GradeHead:
        """That of the last stage."""
        last = self.steps[-1]
        assert isinstance(last, Stage)
        return last.reading.head

    def forward(self, h: Tensor, mask: Tensor) -> BagOutput:
        x = self.project(h)
        score = self.order(x.detach()).squeeze(-1).masked_fill(~mask, -torch.inf)
        order = score.detach().argsort(dim=1, descending=True)
        x, real = x.gather(1, order.unsqueeze(-1).expand_as(x)), mask.gather(1, order)
        said = []
        for step in self.steps:
            x, real, logits, bag = step(x, real)
            said.append(logits)
        earlier = torch.cat([*said[:-1], score.amax(dim=1, keepdim=True)], dim=1)
        return BagOutput(said[-1], even_attention(mask), mask, bag=bag, critical_logits=earlier)

    def auxiliary_loss(self, output: BagOutput, targets: BagTargets) -> Tensor:
        """The earlier stages' losses, and that of the score the patches are ordered by."""
        assert output.critical_logits is not None
        sizes = [output.logits.shape[1]] * (len(SHIFTS) - 1)
        *stages, score = output.critical_logits.split([*sizes, 1], dim=1)
        lesion = F.binary_cross_entropy_with_logits(
            score.squeeze(-1), (targets.grades > 0).float(), reduction="none"
        )  # fmt: skip
        loss = weighted_mean(lesion, (targets.grades >= 0).float())
        for weight, logits in zip(STAGE_WEIGHTS, stages, strict=False):
            loss = loss + weight * self.grade_head.loss(logits, targets.grades, targets.weights)
        return loss
