"""What a person may choose about what a training learns from, and how its patches are varied."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from mmdnet.augment.choices import StainVariation
from mmdnet.bags.splits import FoldsBy
from mmdnet.training.choices.options import Option, Searched

LearnFrom = Literal["both", "patches", "slides"]


class DataChoices(BaseModel):
    """Labels, split, and how patches are varied."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Annotated[
        int,
        Field(ge=0, le=2**31 - 1),
        Option("Seed", "The same seed gives the same split and the same training.", "data"),
    ] = 0
    learn_from: Annotated[
        LearnFrom,
        Option(
            "Learn from",
            "A slide's graded patches go before its own grade, which counts where none of its patches is graded in a "
            "feature. Slide grades alone is the published setting: bags of patches nobody graded.",
            "data",
            values={
                "both": "Patch labels and slide grades",
                "patches": "Patch labels alone",
                "slides": "Slide grades alone",
            },
        ),
    ] = "both"
    slide_trust: Annotated[
        float,
        Field(gt=0, le=1),
        Option(
            "Trust in bags of ungraded patches",
            "How far a bag counts that has only its slide's grade: its patches may show none of it. 1 is as much as "
            "one whose every patch was graded.",
            "data",
            searched=Searched(0.1),
        ),
    ] = 0.5
    ungraded_patches: Annotated[
        int,
        Field(ge=4, le=20_000),
        Option(
            "Ungraded patches of a slide",
            "So many at most, drawn at random, of each slide that has a grade and no labelled patch.",
            "data",
        ),
    ] = 200
    split_by: Annotated[
        FoldsBy,
        Option(
            "Split by",
            "All slides of a patient are always on one side; a site or a staining run can be kept apart too, to see "
            "what the model does where it has never been.",
            "data",
            values={"patient": "Patient", "site": "Site", "staining_run": "Staining run"},
        ),
    ] = "patient"
    folds: Annotated[
        int, Field(ge=3, le=20), Option("Folds", "Parts that patients are split into for cross-validation.", "data")
    ] = 5
    test_on: Annotated[
        str | None,
        Field(max_length=80),
        Option(
            "Tested on",
            "The site or staining run that training must not see, or the number of a fold of patients.",
            "data",
            empty="a fifth of the patients",
        ),
    ] = None
    pretrain_epochs: Annotated[
        int,
        Field(ge=0, le=200),
        Option(
            "Epochs without labels first",
            "Warms the backbone up on the project's own patches, labelled or not (SimSiam). For a lab without weights "
            "to start from.",
            "data",
        ),
    ] = 0
    augment: Annotated[
        bool,
        Option(
            "Vary patches",
            "Turns, blurs, compresses and stains patches anew each time.",
            "data",
            searched=Searched(whole=True),
        ),
    ] = True
    stain_variation: Annotated[
        StainVariation,
        Option(
            "Stain varied",
            "How another stain is put on a bag, where patches are varied: each dye stretched at random; the stains of "
            "another training slide of the same kind of stain (Macenko's vectors, of tissue alone); or both.",
            "data",
            values={
                "jitter": "At random",
                "swap": "As other slides of this lab",
                "both": "Both",
                "none": "Not",
            },
            searched=Searched(whole=True),
        ),
    ] = "jitter"
    scanner_variation: Annotated[
        bool,
        Option(
            "Scanner varied",
            "Another scanner's colour matrix, gamma and sharpness for each bag and another scale (up to 10 % either "
            "way) for each patch, where patches are varied.",
            "data",
            searched=Searched(whole=True),
        ),
    ] = False
    synthetic: Annotated[
        bool,
        Option(
            "Synthetic patches too",
            "Patches that a diffusion model made of training patches, if they passed the gate (mmdnet augment). They "
            "stay with their parent's patient and are never judged by.",
            "data",
        ),
    ] = False
    ignored_task: Annotated[
        bool,
        Option(
            "Learn which bags hold an ignored patch",
            "A fourth task as in the paper: half of the bags get a patch that readers set aside, which the other tasks "
            "do not see. The paper found it of no use to those.",
            "data",
        ),
    ] = False
