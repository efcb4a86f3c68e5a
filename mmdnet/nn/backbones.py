"""Feature extractors: a small one of our own for two CPU cores, and every network of timm by its name.

Nothing is fetched here: a network starts at random unless a local safetensors file is given (`mmdnet.nn.hub` fetches
such files into a lab).

Those with a name of ours stand in `mmdnet.nn.registry`. Images come at 299 px as they are; vision and Swin
transformers are built for that size (their grid drops the last 3 to 11 px; timm's own default refuses 299).
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from mmdnet.errors import LabError
from mmdnet.nn.pooling.places import STRIDES
from mmdnet.nn.recipe import Recipe, Tokens, origin_of
from mmdnet.nn.registry import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MEAN,
    SMALL,
    Triple,
    backbone_entry,
    load,
    place_pooling_entry,
)
from mmdnet.slides.geometry import PATCH_PX


class Backbone(nn.Module):
    """What every extractor offers.

    Attributes:
        name: as given to `create_backbone`.
        width: length of a patch's feature.
        mean: of the images it was made for, RGB in 0-1.
        std: their standard deviation.
        input_px: the one side it takes, None where it takes patches as they come.
        interpolation: how patches of another side are resized.
        um_per_px: scale of the images its weights learnt from, None where nobody says.
    """

    name: str
    width: int
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    input_px: int | None = None
    interpolation: str = "bicubic"
    um_per_px: float | None = None

    @property
    def inner(self) -> nn.Module:
        """The module whose tensors a file of weights names."""
        return self

    def feature_map(self, images: Tensor) -> Tensor:
        """The last map, shape (images, channels, rows, columns), of normalised images of shape (images, 3, h, w)."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        """Features, shape (images, width), of normalised images of shape (images, 3, h, w)."""
        raise NotImplementedError

    @property
    def cam_layer(self) -> nn.Module:
        """The module whose output Grad-CAM++ reads."""
        raise NotImplementedError

    def batch_norms(self) -> list[nn.modules.batchnorm._BatchNorm]:
        return [part for part in self.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]

    def train(self, mode: bool = True) -> "Backbone":
        """Training mode, but for batch normalisation, which keeps its stored statistics.

        A bag is one slide, so batch statistics would be the slide's: a network that scored 0.81 falls to 0.31.
        """
        super().train(mode)
        for norm in self.batch_norms():
            norm.eval()
        return self


def _stage(into: int, out: int, stride: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(into, out, kernel, stride, kernel // 2, bias=False), nn.GroupNorm(4, out), nn.ReLU(inplace=True)
    )


class _Residual(nn.Module):
    """A convolution beside the way past it (He et al. 2016); starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(4, channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.norm(self.conv(x)))


class SmallConvNet(Backbone):
    """Five convolutions, 0.2 M parameters, group normalisation: learns within minutes on two CPU cores.

    The feature is, side by side, the mean of the last map (how much: fat) and the mean of its highest places (whether
    at all: a focus). At 0.5 µm/px a place is 8 µm wide and sees 48 µm, a ballooned cell with its neighbours. Such a
    cell covers about `TOP` places, and with all of them learning it is found sooner than through the one maximum.
    """

    TOP = 8

    def __init__(self, patch_px: int = PATCH_PX) -> None:
        super().__init__()
        self.name = SMALL
        channels = 96
        self.width = 2 * channels
        self.stages = nn.Sequential(
            _stage(3, 24, 4, kernel=7), _stage(24, 48, 2), _stage(48, channels, 2),
            _Residual(channels), _Residual(channels),
        )  # fmt: skip

    def feature_map(self, images: Tensor) -> Tensor:
        return self.stages(images.contiguous(memory_format=torch.channels_last))  # a fifth faster on a CPU

    def forward(self, images: Tensor) -> Tensor:
        last = self.feature_map(images)
        places = last.flatten(2)
        highest = places.topk(min(self.TOP, places.shape[2]), dim=2, sorted=False).values
        return torch.cat([places.mean(dim=2), highest.mean(dim=2)], dim=1)

    @property
    def cam_layer(self) -> nn.Module:
        return self.stages[-1]


class TimmBackbone(Backbone):
    """Any image network of timm without its classifier.

    VGG gives the mean of its last map (512 numbers; its own two 4096-wide layers are 120 M parameters too many).

    Args:
        name: timm's.
        patch_px: side of the images it will see.
        arguments: what timm builds it with beside the name, see `mmdnet.nn.recipe.PASSED`.
        tokens: how tokens become a feature, see `mmdnet.nn.recipe.Recipe`.
        place_pooling: of `mmdnet.nn.registry.PLACE_POOLINGS`; its feature stands behind the network's own.

    Raises:
        LabError: timm knows no such network, it cannot be built for 299 px, or has no maps whose places could be
            pooled.
    """

    def __init__(
        self,
        name: str,
        patch_px: int = PATCH_PX,
        arguments: Mapping[str, Any] = MappingProxyType({}),  # options of timm's own
        tokens: Tokens = "pooled",
        place_pooling: str = MEAN,
    ) -> None:
        super().__init__()
        self.name = name
        factory = place_pooling_entry(place_pooling).factory
        self.places = load(factory)() if factory is not None else None
        self.tokens = tokens
        self.mean, self.std = _normalisation(name)
        self.net: Any = _timm_network(name, patch_px, arguments)  # timm's networks share no type but nn.Module
        self._maps = _maps_of(self.net) if self.places is not None else []
        if self.places is not None and len(self._maps) != len(STRIDES):
            raise LabError(f'The backbone "{name}" has no maps of {" and ".join(map(str, STRIDES))} px a place, so its '
                           f'places cannot be pooled apart. Choose the place pooling "{MEAN}".')  # fmt: skip
        self.eval()
        try:
            with torch.no_grad():
                self.width = int(self(torch.zeros(1, 3, patch_px, patch_px)).shape[1])
        except (AssertionError, RuntimeError) as problem:
            raise LabError(f'The backbone "{name}" does not take patches of {patch_px} px: {problem}') from problem
        self.train()

    @property
    def inner(self) -> nn.Module:
        return self.net  # type: ignore[no-any-return]

    @property
    def _pools_map(self) -> bool:
        return type(self.net).__name__ == "VGG"

    def forward(self, images: Tensor) -> Tensor:
        if self.places is not None:
            last, maps = self.net.forward_intermediates(images, indices=self._maps)
            pooled = self.net.forward_head(last, pre_logits=True)
            return torch.cat([functional.layer_norm(pooled, pooled.shape[1:]), self.places(maps)], dim=1)
        if self._pools_map:
            return self.net.forward_features(images).mean(dim=(2, 3))
        if self.tokens == "class_and_mean":
            tokens = self.net.forward_features(images)
            return torch.cat([tokens[:, 0], tokens[:, self.net.num_prefix_tokens :].mean(dim=1)], dim=1)
        return self.net.forward_head(self.net.forward_features(images), pre_logits=True)

    def feature_map(self, images: Tensor) -> Tensor:
        last = self.net.forward_features(images)
        if last.ndim == 3:  # tokens, the class token first
            tokens = last[:, self.net.num_prefix_tokens :]
            rows = self.net.patch_embed.grid_size[0]
            return tokens.unflatten(1, (rows, -1)).permute(0, 3, 1, 2)
        return last.permute(0, 3, 1, 2) if last.shape[-1] == self.net.num_features else last

    @property
    def cam_layer(self) -> nn.Module:
        if hasattr(self.net, "blocks") and hasattr(self.net, "num_prefix_tokens"):
            # The very last block's patch tokens get no gradient through a class token; its first norm's do.
            return self.net.blocks[-1].norm1
        if hasattr(self.net, "stages"):
            return self.net.stages[-1]
        if hasattr(self.net, "layers"):
            return self.net.layers[-1].blocks[-1].norm1
        for part in ("layer4", "blocks", "features"):  # ResNet; MobileNet; VGG: what comes after sees no places
            if hasattr(self.net, part):
                last = getattr(self.net, part)
                return last[-1] if part == "blocks" else last
        return [part for part in self.net.modules() if isinstance(part, nn.Conv2d)][-1]


def _timm_network(name: str, patch_px: int, arguments: Mapping[str, Any]) -> nn.Module:
    import timm
    import timm.layers

    if not timm.is_model(name):
        raise LabError(f'There is no backbone called "{name}". Use "{SMALL}" or a network that timm lists.')
    known = timm.models.model_entrypoint(name)
    given: dict[str, Any] = {"img_size": patch_px} if _takes_size(known.__module__) else {}  # of timm, by name
    given |= arguments
    if given.get("mlp_layer"):
        given["mlp_layer"] = getattr(timm.layers, given["mlp_layer"])
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, **given)
    except (TypeError, ValueError, AssertionError, RuntimeError) as problem:
        raise LabError(f'The backbone "{name}" cannot be built for patches of {patch_px} px: {problem}') from problem


def _maps_of(net: Any) -> list[int]:
    """Numbers of a network's maps of `STRIDES` px a place, as timm counts them; fewer where it has no such maps."""
    told = getattr(net, "feature_info", None)
    if not isinstance(told, list) or not hasattr(net, "forward_intermediates"):
        return []
    return [number for number, each in enumerate(told) if each["reduction"] in STRIDES]


def _normalisation(name: str) -> tuple[Triple, Triple]:
    """Mean and standard deviation of the images that timm's weights of that name were trained on."""
    import timm

    known = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if known is None:
        return IMAGENET_MEAN, IMAGENET_STD
    (r, g, b), (sr, sg, sb) = known.mean, known.std
    return (r, g, b), (sr, sg, sb)


@cache
def _takes_size(module: str) -> bool:
    """Whether networks of that timm module are built for one image size (transformers with a fixed grid)."""
    import importlib
    import inspect

    classes = [value for value in vars(importlib.import_module(module)).values() if isinstance(value, type)]
    own = [network for network in classes if network.__module__ == module and issubclass(network, nn.Module)]
    return any("img_size" in inspect.signature(n.__init__).parameters for n in own if hasattr(n, "forward_head"))


def create_backbone(
    name: str, patch_px: int = PATCH_PX, weights: Path | None = None, place_pooling: str = MEAN
) -> Backbone:
    """Build a feature extractor.

    Args:
        name: of the registry, of a recipe that lies beside `weights`, or any name of timm.
        patch_px: side of the patches it will see.
        weights: local safetensors file with its weights; a classifier in it is left out.
        place_pooling: see `TimmBackbone`.

    Raises:
        LabError: unknown name, a size it cannot take, weights that are damaged or of another network.
    """
    backbone = build_backbone(name, patch_px, recipe_for(name, weights), place_pooling)
    if weights is not None:
        load_backbone(backbone, read_weights(weights), weights.name)
    return backbone


def recipe_for(name: str, weights: Path | None) -> Recipe | None:
    """How a backbone that only its weights' record describes is built; None for one that the registry or timm knows."""
    origin = origin_of(weights) if weights is not None and backbone_entry(name) is None else None
    return origin.recipe if origin is not None and origin.backbone == name else None


def build_backbone(name: str, patch_px: int, recipe: Recipe | None = None, place_pooling: str = MEAN) -> Backbone:
    """Build a feature extractor from random weights.

    Args:
        name: of the registry, or any name of timm; any name at all with a recipe.
        patch_px: side of the patches it will see.
        recipe: of a network that the registry does not know.
        place_pooling: see `TimmBackbone`.

    Raises:
        LabError: unknown name, a size it cannot take, or places that it cannot pool so.
    """
    entry = backbone_entry(name)
    if place_pooling != MEAN and entry is not None and entry.factory is not None:
        raise LabError(f'The backbone "{name}" pools its places itself. Choose the place pooling "{MEAN}".')
    if entry is None and recipe is None:
        backbone: Backbone = TimmBackbone(name, patch_px, place_pooling=place_pooling)
    elif entry is None and recipe is not None:
        side = recipe.input_px or patch_px
        backbone = TimmBackbone(recipe.network, side, recipe.arguments, recipe.tokens, place_pooling)
        backbone.mean, backbone.std = recipe.mean, recipe.std
        backbone.input_px, backbone.interpolation = recipe.input_px, recipe.interpolation
        backbone.um_per_px = recipe.um_per_px
    elif entry is not None:
        side = entry.input_px or patch_px
        if entry.factory:
            backbone = load(entry.factory)(side)
        else:
            backbone = TimmBackbone(entry.timm or name, side, place_pooling=place_pooling)
        backbone.mean, backbone.std = entry.mean, entry.std
        backbone.input_px, backbone.interpolation = entry.input_px, entry.interpolation
    backbone.name = name
    return backbone


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name.

    Raises:
        LabError: it is not there, or damaged.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as problem:
        raise LabError(f"The weights {path.name} could not be read as safetensors: {problem}") from problem


def load_backbone(backbone: Backbone, given: dict[str, Tensor], source: str) -> None:
    """Take a backbone's weights, named as timm names them, or as a whole model of ours does ("backbone.…").

    Raises:
        LabError: they are of another network.
    """
    inner = backbone.inner
    prefix = "backbone.net." if isinstance(backbone, TimmBackbone) else "backbone."
    given = {key.removeprefix(prefix): value for key, value in given.items()}
    wanted = inner.state_dict()
    given = _for_size(inner, given, wanted)
    missing = [key for key in wanted if key not in given or given[key].shape != wanted[key].shape]
    if missing:
        raise LabError(
            f'The weights {source} do not fit the backbone "{backbone.name}": {len(missing)} of {len(wanted)} '
            f"tensors are missing or have another shape, the first is {missing[0]}."
        )
    inner.load_state_dict({key: given[key] for key in wanted})


def _for_size(inner: nn.Module, given: dict[str, Tensor], wanted: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a transformer as it is built for another image size: its table of positions resampled, as timm does.

    Of tensors that all fit, and of any that timm cannot fit, they come back as they are.
    """
    key = "pos_embed"
    if key not in wanted or key not in given or given[key].shape == wanted[key].shape:
        return given
    if given[key].ndim != 3 or given[key].shape[-1] != wanted[key].shape[-1]:
        return given
    from timm.layers import resample_abs_pos_embed

    prefix: Any = 0 if getattr(inner, "no_embed_class", False) else getattr(inner, "num_prefix_tokens", 0)
    grid: Any = inner.patch_embed.grid_size  # type: ignore[union-attr]
    return {**given, key: resample_abs_pos_embed(given[key], new_size=list(grid), num_prefix_tokens=prefix)}
