"""What makes features: a network on a device, known by its hash before it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.nn.registry import MEAN, backbone_entry

if TYPE_CHECKING:
    from mmdnet.nn.mmdnet import MMDNet


@dataclass(frozen=True)
class Extractor:
    """What makes features: a network on a device, which is built when it is first asked for.

    Rows that are kept are found without it: torch takes longer to load than a light model to learn.

    Attributes:
        sha256: of all in the network that features depend on.
        device: where it computes.
        width: length of a feature.
        backbone: its name, and `place_pooling` how the places of its maps are pooled.
        build: gives the network, on the device and in evaluation mode.
    """

    sha256: str
    device: str
    width: int
    backbone: str
    place_pooling: str
    build: Callable[[], MMDNet]

    @cached_property
    def net(self) -> MMDNet:
        """The network itself."""
        return self.build()

    @classmethod
    def of(cls, net: MMDNet, device: str) -> Extractor:
        """Of any network; it is moved to the device and put in evaluation mode."""
        from mmdnet.nn.engines import features_sha256

        net, built = net.to(device).eval(), net.architecture
        return cls(features_sha256(net), device, net.width, built.backbone, built.place_pooling, lambda: net)

    @classmethod
    def frozen(cls, backbone: str, patch_px: int, weights: Path | None = None, place_pooling: str = MEAN) -> Extractor:
        """Of a backbone as it starts, on the best device here.

        Args:
            backbone: its name.
            patch_px: side of the patches.
            weights: a safetensors file of them; those that come with it if not given.
            place_pooling: how the places of its maps are pooled.

        Raises:
            LabError: it has no weights of its own and none are given.
        """
        from mmdnet.nn.device import best_device
        from mmdnet.nn.engines import frozen_network

        if weights is None and place_pooling == MEAN and (lazy := cls._packaged(backbone, patch_px)):
            return lazy
        return cls.of(frozen_network(backbone, patch_px, weights, place_pooling), best_device())

    @classmethod
    def _packaged(cls, backbone: str, patch_px: int) -> Extractor | None:
        """Of a backbone whose weights come as a package: what it is stands in their file; None of any other."""
        from mmdnet.nn.device import best_device
        from mmdnet.nn.engines import features_sha256, frozen_network, packaged_sha256
        from mmdnet.nn.packaged import packaged_weights

        entry, weights, device = backbone_entry(backbone), packaged_weights(backbone), best_device()
        if entry is None or entry.packaged is None or weights is None:
            return None
        sha256, width = packaged_sha256(backbone, weights), entry.packaged.width

        def build() -> MMDNet:
            net = frozen_network(backbone, patch_px, weights).to(device).eval()
            if (features_sha256(net), net.width) != (sha256, width):
                raise LabError(f"The weights of {backbone} were exchanged while they were in use. Start this again.")
            return net

        return cls(sha256, device, width, backbone, MEAN, build)
