"""The network's part of scoring a slide: patches to features, features to attention and probabilities.

Torch is imported inside: everything else in this step runs, and is tested, without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import length_hint
from typing import TYPE_CHECKING, Any

import numpy as np

from mmdnet.nn.device import PATCHES_AT_ONCE
from mmdnet.progress import Progress, silent
from mmdnet.words import count

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet

CHUNK = 4096  # patches whose attention is computed at once; bounds memory on wedge biopsies


@dataclass(frozen=True)
class SlideFeatures:
    """Features of a slide's patches.

    Attributes:
        values: shape (places, features), float32; NaN where a patch was not read.
        not_read: reason to number of patches that were asked for and could not be decoded.
        engines: what computed them (`mmdnet.nn.engines`), where that is known.
    """

    values: np.ndarray
    not_read: dict[str, int]
    engines: tuple[str, ...] = ()

    @property
    def read(self) -> np.ndarray:
        """Places with features, all of them numbers, shape (places,) bool."""
        return np.isfinite(self.values).all(axis=1)


@dataclass(frozen=True)
class PatchReading:
    """What the network says of each patch with features, in their order.

    Attributes:
        attention: per task, relative to the strongest patch (which has 1), shape (patches,).
        probabilities: per task, shape (patches, grades).
        logits: per task, of the grade head, shape (patches, outputs).
        p_ignore: probability that the patch should be left out, shape (patches,).
    """

    attention: dict[str, np.ndarray]
    probabilities: dict[str, np.ndarray]
    logits: dict[str, np.ndarray]
    p_ignore: np.ndarray


def embed_patches(
    model: MMDNet,
    patches: Iterable[tuple[int, Any]],
    places: int,
    device: str = "cpu",
    batch: int = PATCHES_AT_ONCE,
    progress: Progress = silent,
) -> SlideFeatures:
    """Features of patches as they come.

    Args:
        model: in evaluation mode on `device`.
        patches: pairs of place and patch: uint8 RGB of shape (px, px, 3), or anything else with a `reason` if the patch
            could not be read.
        places: places on the slide's grid.
        device: where the model is.
        batch: patches per step.
        progress: told how many patches were read.
    """
    values: np.ndarray | None = None
    not_read: Counter[str] = Counter()
    waiting: list[tuple[int, np.ndarray]] = []
    done, expected = 0, length_hint(patches, places)

    def flush() -> None:
        nonlocal values
        if not waiting:
            return
        features = _embed(model, np.stack([image for _, image in waiting]), device)
        if values is None:
            values = np.full((places, features.shape[1]), np.nan, dtype=np.float32)
        values[[place for place, _ in waiting]] = features
        waiting.clear()
        progress(min(1.0, done / max(expected, 1)), f"{done} of {count(expected, 'patch')} read")

    for place, patch in patches:
        done += 1
        if not isinstance(patch, np.ndarray):
            not_read[str(getattr(patch, "reason", "unreadable"))] += 1
            continue
        waiting.append((place, patch))
        if len(waiting) == batch:
            flush()
    flush()
    return SlideFeatures(np.full((places, 1), np.nan, np.float32) if values is None else values, dict(not_read))


def _embed(model: MMDNet, images: np.ndarray, device: str) -> np.ndarray:
    import torch

    with torch.inference_mode():
        pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).contiguous()
        return model.embed(pixels).float().cpu().numpy()


def predict_patches(model: MMDNet, features: np.ndarray, device: str = "cpu") -> PatchReading:
    """Attention, grades and quality of single patches.

    Attention is that of one bag as large as the slide. It is computed in chunks that share one patch: within a softmax
    only ratios mean anything, and the ratio of any two patches is the ratio of each to the shared one.

    Args:
        model: in evaluation mode on `device`.
        features: shape (patches, features), all finite.
        device: where the model is.
    """
    import torch

    logs: dict[str, list[np.ndarray]] = {name: [] for name in model.task_names}
    probabilities: dict[str, list[np.ndarray]] = {name: [] for name in model.task_names}
    logits: dict[str, list[np.ndarray]] = {name: [] for name in model.task_names}
    ignore: list[np.ndarray] = []
    with torch.inference_mode():
        shared = torch.from_numpy(features[:1]).to(device)
        for start in range(0, len(features), CHUNK):
            chunk = torch.from_numpy(features[start : start + CHUNK]).to(device)
            bag = torch.cat([shared, chunk])[None]
            output = model.from_features(bag, torch.ones(bag.shape[:2], dtype=torch.bool, device=device))
            for name, attention in output.attention.items():
                log = attention[0].double().log()
                logs[name].append((log[1:] - log[0]).cpu().numpy())
                logits[name].append(output.instance_logits[name][0, 1:].float().cpu().numpy())
            for name, share in model.instance_probabilities(chunk).items():
                probabilities[name].append(share.cpu().numpy())
            ignore.append(output.ignore_logits[0, 1:].float().sigmoid().cpu().numpy())
    joined = {name: np.concatenate(parts) for name, parts in logs.items()}
    return PatchReading(
        attention={name: np.exp(log - log.max()) for name, log in joined.items()},
        probabilities={name: np.concatenate(parts) for name, parts in probabilities.items()},
        logits={name: np.concatenate(parts) for name, parts in logits.items()},
        p_ignore=np.concatenate(ignore),
    )


def grade_bags(model: MMDNet, features: np.ndarray, bag: np.ndarray, device: str = "cpu") -> dict[str, np.ndarray]:
    """Grade probabilities of each bag, by task, shape (bags, grades).

    Args:
        model: in evaluation mode on `device`.
        features: shape (patches, features), all finite.
        bag: bag of each patch, shape (patches,), numbered from 0 without gaps.
        device: where the model is.
    """
    import torch

    members = [np.flatnonzero(bag == number) for number in range(int(bag.max()) + 1)]
    size = max(map(len, members))
    per_step = max(1, CHUNK // size)
    probabilities: dict[str, list[np.ndarray]] = {name: [] for name in model.task_names}
    with torch.inference_mode():
        for start in range(0, len(members), per_step):
            step = members[start : start + per_step]
            padded = np.zeros((len(step), size, features.shape[1]), dtype=np.float32)
            mask = np.zeros((len(step), size), dtype=bool)
            for k, inside in enumerate(step):
                padded[k, : len(inside)] = features[inside]
                mask[k, : len(inside)] = True
            output = model.from_features(torch.from_numpy(padded).to(device), torch.from_numpy(mask).to(device))
            for name, prediction in model.predict(output).items():
                probabilities[name].append(prediction.probabilities.cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in probabilities.items()}
