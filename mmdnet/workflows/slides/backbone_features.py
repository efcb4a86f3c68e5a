"""A slide's patches as a pretrained backbone sees them, kept beside each patch's place.

Patches that come later (set aside before, laid anew) are added to what is kept; nothing is computed twice. What is
computed is kept every some hundred patches, so that a job that was stopped goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db.models import Patch, Slide
from mmdnet.errors import LabError
from mmdnet.nn.registry import PRETRAINED, backbone_entry
from mmdnet.progress import Progress
from mmdnet.settings import Settings
from mmdnet.slides.stores.features import FeatureStore, feature_key
from mmdnet.slides.stores.patches import PIXEL_VERSION
from mmdnet.workflows.slides.stored_geometry import open_stored, stored_grid, stored_places
from mmdnet.workflows.slides.stores import PLACES, prune

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet

PLACE_FEATURES_VERSION = 1  # raised whenever the same pixels and weights would give other features
AT_ONCE = 256  # patches between two times that features are kept
STEP = 32  # patches through the network at once


@dataclass(frozen=True)
class BackboneFeatures:
    """Features of those of a slide's patches that have some: ids (n,) and features (n, d), in one order."""

    patch_id: np.ndarray
    values: np.ndarray


def store(settings: Settings) -> FeatureStore:
    """Where they lie."""
    return FeatureStore(settings.folder("cache") / PLACES)


def backbone_sha256(backbone: str = PRETRAINED) -> str:
    """Of the file that a backbone's weights come in.

    Raises:
        LabError: it starts from random weights.
    """
    entry = backbone_entry(backbone)
    if entry is None or entry.packaged is None:
        raise LabError(f"{backbone} starts from random weights, so there is nothing to learn on beside the labelling.")
    return entry.packaged.sha256


def key_of(slide: Slide, backbone: str = PRETRAINED) -> str:
    """Names all that changes a number, but for which patches there are: that stands in the table's own record."""
    return feature_key(
        slide=slide.fingerprint,
        scale=[slide.mpp_x, slide.mpp_y, slide.patch_px, slide.patch_mpp],
        weights=backbone_sha256(backbone),
        code=[PLACE_FEATURES_VERSION, PIXEL_VERSION],
    )


def kept(settings: Settings, slide: Slide, patches: Sequence[Patch], backbone: str = PRETRAINED) -> BackboneFeatures:
    """What is kept of these patches; nothing is computed. What is damaged counts as not kept."""
    table, rows = _table(store(settings), key_of(slide, backbone))
    there = [(patch.id, rows[patch.x_px0, patch.y_px0]) for patch in patches if (patch.x_px0, patch.y_px0) in rows]
    ids, at = (np.array(column, dtype=np.int64) for column in zip(*there, strict=True)) if there else (_NONE, _NONE)
    return BackboneFeatures(ids, table[at] if there else table[:0])


_NONE = np.empty(0, dtype=np.int64)


def compute(
    settings: Settings, slide: Slide, patches: Sequence[Patch], progress: Progress, backbone: str = PRETRAINED
) -> None:
    """Compute and keep the features of those of these patches that have none; a patch that cannot be read gets none.

    Raises:
        LabError: the slide's file is gone or another one, or the weights cannot be made.
    """
    files, key = store(settings), key_of(slide, backbone)
    table, rows = _table(files, key)
    missing = [patch for patch in patches if (patch.x_px0, patch.y_px0) not in rows]
    if not missing:
        return
    network = _network(backbone, slide.patch_px or settings.patch_px)
    corners, parts = list(rows), [table] if rows else []
    places, grid = stored_places(missing), stored_grid(slide)
    done = 0
    with open_stored(slide) as reader:
        for chunk in _chunks(reader.read_patches(places, grid)):
            done += len(chunk)
            read = [(index, pixels) for index, pixels in chunk if isinstance(pixels, np.ndarray)]
            if read:
                parts.append(_embed(network, np.stack([pixels for _, pixels in read])))
                corners += [(places[index].x_px0, places[index].y_px0) for index, _ in read]
                meta = {"slide": slide.name, "weights": backbone_sha256(backbone), "corners": corners}
                files.save(key, np.concatenate(parts), meta)
            progress(done / len(missing), f"{slide.name}: {done} of {len(missing)} patches looked at")
    prune(settings)


def _chunks(patches: Iterator[tuple[int, Any]]) -> Iterator[list[tuple[int, Any]]]:
    while chunk := list(islice(patches, AT_ONCE)):
        yield chunk


def _network(backbone: str, patch_px: int) -> MMDNet:
    from mmdnet.nn.card import Architecture
    from mmdnet.nn.device import best_device
    from mmdnet.nn.io import start_from
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.nn.packaged import packaged_weights

    weights: Path | None = packaged_weights(backbone)
    assert weights is not None  # `backbone_sha256` has seen to it
    network = MMDNet(Architecture(backbone=backbone, patch_px=patch_px))
    start_from(network, weights)
    return network.to(best_device()).eval()


def _embed(network: MMDNet, images: np.ndarray) -> np.ndarray:
    """Features (n, d) in half precision, of patches (n, side, side, 3)."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), STEP):
            pixels = torch.from_numpy(images[start : start + STEP]).to(network.mean.device)
            parts.append(network.embed(pixels.permute(0, 3, 1, 2).contiguous()).float().cpu().numpy())
    return np.concatenate(parts).astype(np.float16)


def _table(files: FeatureStore, key: str) -> tuple[np.ndarray, dict[tuple[int, int], int]]:
    """What is kept under a key, and the row of each patch's corner."""
    if files.has(key):
        try:
            table, said = files.load(key)
            corners = [(int(x), int(y)) for x, y in said["corners"]]  # type: ignore[attr-defined]
        except (LabError, KeyError, TypeError, ValueError):
            pass  # damaged: computed again, and written over
        else:
            if len(corners) == len(table):
                return table, {corner: row for row, corner in enumerate(corners)}
    return np.empty((0, 0), np.float16), {}
