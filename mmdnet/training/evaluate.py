"""Grades of natural bags against their labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmdnet.bags.bag import Bag
from mmdnet.bags.cohort import Cohort, PixelSource
from mmdnet.errors import LabError
from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.nn.engines import SAMPLE, embedder_for, features_sha256
from mmdnet.nn.mmdnet import MMDNet, scatter
from mmdnet.nn.outputs import LossWeights
from mmdnet.training.batch_loader import BatchLoader, Read, to_device
from mmdnet.training.metrics import agreement
from mmdnet.words import count

Embed = Callable[[np.ndarray], Tensor]
BAGS_AT_ONCE = 4


def pixels_to_features(net: MMDNet, device: torch.device) -> Embed:
    """Features, (n, width), of patches read as uint8 (n, h, w, 3); no augmentation, no gradient."""

    def embed(pixels: np.ndarray) -> Tensor:
        images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            return net.embed(images)

    return embed


@torch.no_grad()
def evaluate(
    net: MMDNet,
    cohort: Cohort,
    bags: Sequence[Bag],
    read: Read,
    embed: Embed,
    trained: Sequence[str],
    told: Callable[[int], None] | None = None,
) -> dict[str, float | None]:
    """Grade bags and compare.

    Args:
        net: put into evaluation mode here, and back.
        cohort: where the bags are from.
        bags: natural ones.
        read: reads patches (or stored features) by their position in the cohort.
        embed: makes features of what was read.
        trained: tasks to judge by.
        told: hears how many of the bags are graded.

    Returns:
        `agreement` of the trained tasks, "loss", the mean of the tasks' losses over the bags, and
        "accuracy_holds_ignored" where that task is there.
    """
    tasks = {name: n for name, n in net.architecture.tasks.items() if name in trained}
    weights = LossWeights(tasks=dict.fromkeys(tasks, 1.0))
    grades: list[np.ndarray] = []
    losses: list[tuple[float, int]] = []
    held: list[np.ndarray] = []
    was_training = net.training
    net.eval()
    no_domain = np.full(len(cohort.slides), -1)
    cut = [bags[at : at + BAGS_AT_ONCE] for at in range(0, len(bags), BAGS_AT_ONCE)]
    for batch in BatchLoader(cohort, cut, no_domain, read):
        features = embed(batch.data)
        mask = batch.mask.to(features.device)
        targets = to_device(batch.targets, features.device)
        output = net.from_features(scatter(features, mask), mask, ignored_mask=targets.ignored_mask)
        if output.holds_ignored is not None:
            right = output.holds_ignored.argmax(dim=1) == targets.ignored_mask.any(dim=1).long()
            held.append(right.cpu().numpy())
        predicted = net.predict(output)
        grades.append(np.stack([predicted[name].grade.cpu().numpy() for name in tasks], axis=1))
        parts = net.compute_loss(output, targets, weights)
        losses.append((sum(float(parts[name]) for name in tasks), len(mask)))
        if told is not None:
            told(sum(bags_of for _, bags_of in losses))
    net.train(was_training)
    if not grades:
        return {}
    columns = [list(net.architecture.tasks).index(name) for name in tasks]
    truth = np.stack([bag.grades for bag in bags])[:, columns]
    total = sum(n for _, n in losses)
    metrics = agreement(truth, np.concatenate(grades), tasks) | {"loss": sum(x * n for x, n in losses) / total}
    return metrics | ({"accuracy_holds_ignored": float(np.concatenate(held).mean())} if held else {})


@dataclass(frozen=True)
class FeatureSource:
    """Features that are kept elsewhere: of a backbone before training changes it.

    Attributes:
        sha256: which network's, see `mmdnet.nn.engines.features_sha256`.
        read: features, (n, width) float32, of patches by their position in the cohort.
    """

    sha256: str
    read: Callable[[np.ndarray], np.ndarray]


@torch.no_grad()
def store_features(
    net: MMDNet,
    cohort: Cohort,
    pixels: PixelSource,
    device: torch.device,
    say: Callable[[str], None],
    kept: FeatureSource | None = None,
) -> np.ndarray:
    """Features of every patch a bag may hold, (N, width) float32, 0 for the others.

    Those of `kept` where they are this network's, else computed, on a processor by the fastest engine that gives the
    same (`mmdnet.nn.engines`).

    Raises:
        LabError: some are not finite numbers.
    """
    stored = np.zeros((len(cohort.patch_id), net.width), np.float32)
    places = np.flatnonzero(np.isin(cohort.slide_index, cohort.labelled_slides()))
    if kept is not None and kept.sha256 == features_sha256(net):
        stored[places] = kept.read(places)
    else:
        net.eval()
        embed = _frozen_embed(net, device, len(places), pixels.read(places[:SAMPLE]))
        for at in range(0, len(places), PATCHES_AT_ONCE):
            chosen = places[at : at + PATCHES_AT_ONCE]
            stored[chosen] = embed(pixels.read(chosen))
            say(f"Computing features: {at + len(chosen)} of {count(len(places), 'patch')}")
    if not np.isfinite(stored).all():
        raise LabError("Some patch features are not finite numbers; the backbone's weights are damaged.")
    return stored


def _frozen_embed(
    net: MMDNet, device: torch.device, patches: int, sample: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    if device.type == "cpu":
        return embedder_for(net, "cpu", patches, sample, None).embed
    embed = pixels_to_features(net, device)
    return lambda images: embed(images).cpu().numpy()
