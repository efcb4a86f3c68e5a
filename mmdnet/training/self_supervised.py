r"""Self-supervised warm-up of a backbone on a lab's own unlabelled patches (SimSiam; Chen & He 2021).

Two views of a patch, varied and stained apart, shall be told from each other's feature: with a projector :math:`g` and
a predictor :math:`q` behind the backbone :math:`F`, :math:`z_i = g(F(x_i))`, :math:`p_i = q(z_i)`,

.. math:: L = -\tfrac12 \bigl[\cos(p_1, \mathrm{sg}(z_2)) + \cos(p_2, \mathrm{sg}(z_1))\bigr]

where :math:`\mathrm{sg}` lets no gradient through; that alone keeps all features from becoming one.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from mmdnet.augment.on_read import draw_variations, vary
from mmdnet.augment.stain import draw_stains
from mmdnet.bags.cohort import PixelSource
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.nn.batch_norm import AT_ONCE, FITTED_ON, fit_batch_norms
from mmdnet.nn.card import Architecture
from mmdnet.nn.mmdnet import MMDNet
from mmdnet.progress import Progress, silent
from mmdnet.training.checkpoint import load_checkpoint, save_checkpoint
from mmdnet.training.memory import keep_freed_memory
from mmdnet.training.run_state import RunState
from mmdnet.training.schedules import learning_rate_share

BATCH = 64
FEWEST = 32  # fewer patches have nothing to be told apart from
SMALLEST_CROP = 0.5  # of the patch's side
LEARNING_RATE = 1e-3


class SimSiam(nn.Module):
    """Projector and predictor behind a network's features."""

    def __init__(self, net: MMDNet) -> None:
        super().__init__()
        width, narrow = net.width, max(16, net.width // 4)
        self.net = net
        self.project = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
            nn.Linear(width, width, bias=False), nn.BatchNorm1d(width, affine=False),
        )  # fmt: skip
        self.predict = nn.Sequential(
            nn.Linear(width, narrow, bias=False), nn.BatchNorm1d(narrow), nn.ReLU(), nn.Linear(narrow, width)
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The loss, -1 to 1, of two views of the same patches, uint8, each (n, 3, side, side)."""
        z = self.project(self.net.embed(torch.cat([first, second])))
        p = self.predict(z)
        (z1, z2), (p1, p2) = z.detach().chunk(2), p.chunk(2)
        return -0.5 * (F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean())


def warm_up_unlabelled(
    pixels: PixelSource,
    backbone: str,
    epochs: int,
    folder: Path,
    seed: int = 0,
    device: str = "cpu",
    progress: Progress = silent,
) -> Path:
    """Warm a backbone up on patches without labels; goes on by itself where a killed run stopped.

    Args:
        pixels: the patches.
        backbone: its name.
        epochs: over all patches.
        folder: kept between the attempts of one run.
        seed: of everything drawn.
        device: where to compute.
        progress: told after every epoch.

    Returns:
        The backbone's weights, a safetensors file in `folder`.

    Raises:
        LabError: too few patches.
    """
    if len(pixels) < FEWEST:
        raise LabError(f"Self-supervised warm-up needs {FEWEST} patches at least; there are {len(pixels)}.")
    keep_freed_memory()
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    side = int(pixels.read(np.zeros(1, np.int64)).shape[1])
    model = SimSiam(MMDNet(Architecture(backbone=backbone, patch_px=side))).to(device)
    trained = [*model.net.backbone.parameters(), *model.project.parameters(), *model.predict.parameters()]
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, weight_decay=0.01)
    state = RunState({"backbone": backbone, "epochs": epochs, "patches": len(pixels), "seed": seed})
    if kept := load_checkpoint(folder, state.identity):
        state = kept.state
        model.load_state_dict(kept.tensors["net"])
        optimizer.load_state_dict(kept.optimizer)
    else:
        _fit_batch_norms(model, pixels, seed, device)
    while state.epoch < epochs:
        loss = _epoch(model, optimizer, pixels, seed, state.epoch, epochs)
        state.epoch += 1
        state.history.append({"epoch": state.epoch, "loss": loss})
        save_checkpoint(folder, {"net": model.state_dict()}, optimizer, state)
        progress(state.epoch / epochs, f"Without labels: epoch {state.epoch} of {epochs}, loss {loss:.2f}")
    path = folder / "backbone.safetensors"
    whole = {f"backbone.{key}": value for key, value in model.net.backbone.state_dict().items()}
    write_aside(path, save({key: value.cpu().contiguous() for key, value in whole.items()}))
    return path


def _fit_batch_norms(model: SimSiam, pixels: PixelSource, seed: int, device: str) -> None:
    drawn = np.random.default_rng((seed, 29)).permutation(len(pixels))[:FITTED_ON]
    parts = (np.sort(drawn[at : at + AT_ONCE]) for at in range(0, len(drawn), AT_ONCE))
    fit_batch_norms(model.net, (torch.from_numpy(pixels.read(part)).to(device).permute(0, 3, 1, 2) for part in parts))


def _epoch(
    model: SimSiam, optimizer: torch.optim.Optimizer, pixels: PixelSource, seed: int, number: int, epochs: int
) -> float:
    """One epoch; its mean loss."""
    random = np.random.default_rng((seed, 19, number))
    torch.manual_seed(seed * 100_003 + number)
    order = random.permutation(len(pixels))
    steps = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
    steps = [step for step in steps if len(step) >= FEWEST // 2]
    model.train()
    total = 0.0
    for at, step in enumerate(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * learning_rate_share((number + at / len(steps)) / epochs)
        images = pixels.read(np.sort(step))
        device = next(model.parameters()).device
        first, second = (torch.from_numpy(view(images, random)).to(device).permute(0, 3, 1, 2) for _ in range(2))
        loss = model(first, second)
        if not torch.isfinite(loss):
            raise LabError("The self-supervised warm-up stopped: its loss is no longer a number.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += float(loss.detach())
    return total / len(steps)


def view(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A view of each patch: a square crop of half its side or more, blown up again, turned, stained anew."""
    n, side = len(images), images.shape[1]
    cut = np.empty_like(images)
    for place, image in enumerate(images):
        size = int(side * random.uniform(SMALLEST_CROP, 1))
        x, y = random.integers(0, side - size + 1, 2)
        cut[place] = cv2.resize(image[y : y + size, x : x + size], (side, side), interpolation=cv2.INTER_LINEAR)
    return vary(cut, draw_variations(n, random), draw_stains(n, random))
