"""What a person may choose about the network of a training."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmdnet.errors import LabError
from mmdnet.nn.kinds import HeadKind
from mmdnet.nn.registry import (
    BACKBONES,
    GATED_ATTENTION,
    MEAN,
    PLACE_POOLINGS,
    POOLINGS,
    PRETRAINED,
    place_pooling_entry,
    pooling_entry,
)
from mmdnet.training.choices.options import Option, Searched


class NetworkChoices(BaseModel):
    """Backbone, poolings, heads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Annotated[
        Literal["product", "paper"],
        Option(
            "Network",
            "As published: softmax heads, one domain per slide, bag labels alone (MMD-Net 2025). This lab's adds "
            "ordered grades and learns from single graded patches too.",
            "network",
            common=True,
            values={"product": "This lab's", "paper": "As published"},
        ),
    ] = "product"
    backbone: Annotated[
        str,
        Option(
            "Backbone",
            "What turns a patch into numbers. EfficientNet-Lite0 comes with weights that have seen a million "
            "photographs, which tell real tissue apart from the first label on. Any network of the timm library may be "
            "typed by its name.",
            "network",
            common=True,
            values={name: entry.title for name, entry in BACKBONES.items()},
            open=True,
        ),
    ] = PRETRAINED
    mode: Annotated[
        Literal["auto", "full", "fast"],
        Option(
            "Trained",
            "Fast warms the backbone up on single patches, then freezes it and trains the heads on stored features. "
            "As the machine allows: fast for a backbone with weights on a processor (small excepted), else the whole.",
            "network",
            values={"auto": "As the machine allows", "full": "Whole network", "fast": "Fast, backbone frozen"},
        ),
    ] = "auto"
    weights: Annotated[
        Path | None,
        Option(
            "Weights to start from",
            "A safetensors file on the machine that trains: a backbone's, or a whole model's, of which the heads are "
            "then taken too.",
            "network",
            empty="those that come with the backbone; if none do, at random",
        ),
    ] = None
    place_pooling: Annotated[
        str,
        Option(
            "Place pooling",
            "How the places of the backbone's maps become the feature of a patch. A mean loses a single cell; with the "
            "highest places beside it a network of timm that has finer maps sees single cells a little better.",
            "network",
            values={name: entry.title for name, entry in PLACE_POOLINGS.items()},
            searched=Searched(),
        ),
    ] = MEAN
    pooling: Annotated[
        str,
        Option(
            "Instance pooling",
            "How the patches of a bag become one feature.",
            "network",
            values={name: entry.title for name, entry in POOLINGS.items()},
            searched=Searched(),
        ),
    ] = GATED_ATTENTION
    projection: Annotated[
        int | None,
        Field(ge=8, le=4096),
        Option(
            "Features of a task",
            "Length of a task's own features.",
            "network",
            empty="the backbone's, 512 at most",
            searched=Searched(32, 512, log=True),
        ),
    ] = None
    head: Annotated[
        HeadKind,
        Option(
            "Heads",
            "Ordered grades can only rise step by step; softmax takes them for names.",
            "network",
            values={"corn": "Ordered grades (CORN)", "ce": "Unordered grades (softmax)"},
            searched=Searched(),
        ),
    ] = "corn"

    @field_validator("place_pooling")
    @classmethod
    def _known_for_places(cls, name: str) -> str:
        try:
            return place_pooling_entry(name).name
        except LabError as problem:
            raise ValueError(str(problem)) from problem

    @field_validator("pooling")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            return pooling_entry(name).name
        except LabError as problem:
            raise ValueError(str(problem)) from problem
