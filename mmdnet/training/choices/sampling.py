"""What a person may choose about the bags of a training."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from mmdnet.bags.sampler import BagDrawing
from mmdnet.training.choices.options import Option, Searched


class SamplingChoices(BaseModel):
    """Which patches make a bag, and which bags a step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bag_size: Annotated[
        int,
        Field(ge=4, le=256),
        Option("Patches in a bag", "Of one slide, graded together.", "sampling"),
    ] = 16
    bags_per_step: Annotated[
        int,
        Field(ge=1, le=64),
        Option(
            "Bags in a step",
            "Of different slides; of fewer than 4 it learns slides, not grades.",
            "sampling",
            searched=Searched(2, 16, log=True),
        ),
    ] = 4
    bags_per_epoch: Annotated[
        int | None,
        Field(ge=1),
        Option("Bags in an epoch", "At most eight of a slide.", "sampling", empty="five per training slide"),
    ] = None
    bag_drawing: Annotated[
        BagDrawing,
        Option(
            "Bags drawn",
            "Positives first, as the paper; the other two are for comparison.",
            "sampling",
            values={
                "positive_first": "Positives first",
                "by_slide": "Slide by slide, any graded patch",
                "random": "At random",
            },
            searched=Searched(),
        ),
    ] = "positive_first"
    unsteered_fraction: Annotated[
        float,
        Field(ge=0, le=1),
        Option(
            "Share of bags as slides come",
            "So many of the bags are filled with any graded patches of their slide, so that bags as they will be "
            "scored are learnt too; 0 steers every bag.",
            "sampling",
            searched=Searched(usual=True),
        ),
    ] = 0.6
    balance: Annotated[
        bool,
        Option(
            "Balance grades",
            "Draws and weighs all grades and domains alike; off: as they come.",
            "sampling",
            searched=Searched(),
        ),
    ] = True
    natural_share: Annotated[
        float,
        Field(ge=0, le=1),
        Option(
            "Natural share of grades",
            "0 wants all grades alike, 1 wants them as they come.",
            "sampling",
            searched=Searched(usual=True),
        ),
    ] = 0.3
