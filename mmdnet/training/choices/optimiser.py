"""What a person may choose about the steps of a training, and the machine that makes them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmdnet.training.choices.options import Option, Searched


class OptimiserChoices(BaseModel):
    """Epochs and learning rates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: Annotated[
        int,
        Field(ge=1, le=100),
        Option("Epochs", "Rounds at most; it ends earlier when nothing gets better.", "optimiser", common=True),
    ] = 30
    warm_up_epochs: Annotated[
        int | None,
        Field(ge=0, le=100),
        Option(
            "Warm-up epochs",
            "On single graded patches alone, before bags are used; in fast training the only time the backbone learns.",
            "optimiser",
            empty="half of the epochs for a backbone from scratch, none for one with weights",
        ),
    ] = None
    patience: Annotated[
        int, Field(ge=1), Option("Patience", "Epochs without a better validation before it ends.", "optimiser")
    ] = 10
    lr_backbone: Annotated[
        float | None,
        Field(gt=0),
        Option(
            "Learning rate, backbone",
            "Of AdamW.",
            "optimiser",
            empty="2e-3 from scratch, 2e-5 with weights",
            searched=Searched(1e-6, 1e-2, log=True, whole=True),
        ),
    ] = None
    layer_decay: Annotated[
        float | None,
        Field(gt=0, le=1),
        Option(
            "Layer-wise decay of the learning rate",
            "Each layer of the backbone learns so many times as fast as the one behind it, so that the early ones, "
            "which see edges and colours, forget little. 1: all alike.",
            "optimiser",
            empty="0.75 with weights, 1 from scratch",
            searched=Searched(0.4, whole=True),
        ),
    ] = None
    head_epochs: Annotated[
        int | None,
        Field(ge=0, le=100),
        Option(
            "Epochs of the heads alone",
            "First the heads learn on the backbone as it is, so that random heads do not spoil it; in training of the "
            "whole network.",
            "optimiser",
            empty="1 for a backbone with weights, none for one from scratch",
            searched=Searched(high=5, whole=True),
        ),
    ] = None
    lr_heads: Annotated[
        float,
        Field(gt=0),
        Option(
            "Learning rate, heads",
            "Of AdamW.",
            "optimiser",
            searched=Searched(1e-4, 1e-2, log=True, usual=True),
        ),
    ] = 1e-3
    weight_decay: Annotated[
        float,
        Field(ge=0),
        Option(
            "Weight decay",
            "Of AdamW.",
            "optimiser",
            searched=Searched(1e-4, 0.3, log=True, usual=True),
        ),
    ] = 0.01
    ema: Annotated[
        float,
        Field(ge=0, lt=1),
        Option(
            "Running mean of the weights",
            "How slowly it follows, 0.99 for example; the mean is judged and kept. 0 keeps the weights themselves.",
            "optimiser",
            searched=Searched(high=0.999),
        ),
    ] = 0.0


class HardwareChoices(BaseModel):
    """Device, processes, memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"],
        Option(
            "Computed on",
            "Automatic takes an NVIDIA GPU if there is one, else Apple's, else the processor.",
            "hardware",
            common=True,
            values={"auto": "Automatic", "cpu": "Processor", "cuda": "GPU", "mps": "Apple GPU"},
        ),
    ] = "auto"
    processes: Annotated[
        int,
        Field(ge=1, le=64),
        Option(
            "Processes",
            "How many share each step's bags, one GPU each, or the processor's cores between them; the training stays "
            "the same to rounding.",
            "hardware",
        ),
    ] = 1
    microbatch_size: Annotated[
        int | None,
        Field(ge=1),
        Option(
            "Patches in memory at a time",
            "The others of a step are computed again on the way back: the same step in less memory, a third slower.",
            "hardware",
            empty="all of a step",
        ),
    ] = None
    compile: Annotated[
        bool,
        Option("Compile the backbone", "Faster steps on a GPU after some minutes; left out elsewhere.", "hardware"),
    ] = False
