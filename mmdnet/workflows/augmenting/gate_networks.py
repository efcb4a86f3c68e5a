"""The networks a gate asks: a pretrained backbone that measures likeness, and the model whose grades must stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.workflows.scoring.models import load_kept
from mmdnet.workflows.services import Services

if TYPE_CHECKING:
    from mmdnet.nn.backbones import Backbone
    from mmdnet.nn.mmdnet import MMDNet

AT_ONCE = 32


@dataclass(frozen=True)
class GateNetworks:
    """A backbone, and a model or none, on one device.

    Attributes:
        backbone: its name.
        model_sha256: of the model's weights.
        trained_tasks: of the model.
    """

    backbone: str
    device: str
    network: Backbone
    model: MMDNet | None = None
    model_sha256: str | None = None
    trained_tasks: tuple[str, ...] = ()

    def embed(self, images: np.ndarray) -> np.ndarray:
        """Features, float32 (n, width), of patches, uint8 (n, side, side, 3)."""
        import torch

        mean, std = (torch.tensor(v, device=self.device)[:, None, None] for v in (self.network.mean, self.network.std))
        parts = []
        with torch.inference_mode():
            for start in range(0, len(images), AT_ONCE):
                pixels = torch.from_numpy(images[start : start + AT_ONCE]).to(self.device).permute(0, 3, 1, 2)
                parts.append(self.network((pixels.float() / 255 - mean) / std).float().cpu().numpy())
        return np.concatenate(parts)

    def expected_grades(self, images: np.ndarray) -> np.ndarray | None:
        """Each patch's expected grade by the model, (n, trained tasks); None without a model."""
        if self.model is None:
            return None
        from mmdnet.scoring.predict import embed_patches, predict_patches

        features = embed_patches(self.model, enumerate(images), len(images), self.device)
        shares = predict_patches(self.model, features.values, self.device).probabilities
        return np.stack([shares[name] @ np.arange(shares[name].shape[1]) for name in self.trained_tasks], axis=1)


def load_gate_networks(services: Services, model_id: int | None, patch_px: int, device: str) -> GateNetworks:
    """The pretrained backbone, and the model of that number if one is to be asked.

    Raises:
        LabError: the model's files are gone, or it takes patches of another size.
    """
    from mmdnet.nn.backbones import create_backbone
    from mmdnet.nn.packaged import packaged_weights
    from mmdnet.nn.registry import PRETRAINED

    network = create_backbone(PRETRAINED, patch_px, packaged_weights(PRETRAINED)).to(device).eval()
    if model_id is None:
        return GateNetworks(PRETRAINED, device, network)
    model, card = load_kept(services, model_id)
    if card.patch_px != patch_px:
        raise LabError(
            f"The model {card.name} takes patches of {card.patch_px} px, and the parents have {patch_px} px. Choose "
            "another model for the gate, or none."
        )
    tasks = tuple(name for name in TASK_NAMES if name in card.trained_tasks)
    return GateNetworks(PRETRAINED, device, network, model.to(device).eval(), card.weights_sha256, tasks)
