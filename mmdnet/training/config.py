"""What a person may choose about a training; a misspelt choice is refused.

Each option says here all that page, command line and table show of it: title, help, group, range and the titles of its
values. An option added here is on the Train page and in `mmdnet train --help` without another line.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmdnet.augment.choices import StainVariation
from mmdnet.bags.cohort import DomainKey
from mmdnet.bags.sampler import BagDrawing
from mmdnet.bags.splits import FoldsBy
from mmdnet.errors import LabError
from mmdnet.nn.kinds import AttentionRule, DomainMethod, HeadKind, ReversalMode
from mmdnet.nn.registry import (
    BACKBONES,
    GATED_ATTENTION,
    MEAN,
    PLACE_POOLINGS,
    POOLINGS,
    PRETRAINED,
    SMALL,
    backbone_entry,
    place_pooling_entry,
    pooling_entry,
)
from mmdnet.training.options import FormField, Option, form_fields

PAPER: dict[str, Any] = {  # by option, whose types differ
    "head": "ce",
    "domain_key": "slide",
    "reversal": "hashimoto",
    "attention_rule": "mean",
    "aux_instance_weight": 0.0,
    "ignore_weight": 0.0,
    "unsteered_fraction": 0.0,
    "backbone": "ConvNeXt-T",
    "mode": "full",
    "epochs": 100,
    "warm_up_epochs": 0,
}
LearnFrom = Literal["both", "patches", "slides"]
PRESETS: dict[str, dict[str, Any]] = {"product": {}, "paper": PAPER}  # as above
RENAMED = {"patches_at_once": "microbatch_size", "as_they_come": "unsteered_fraction"}  # as earlier builds called them

GROUPS: dict[str, str] = {
    "network": "Network",
    "data": "Data",
    "sampling": "Sampling",
    "loss": "Loss",
    "domain": "Domain",
    "optimiser": "Optimiser",
    "hardware": "Hardware",
}


class TrainingConfig(BaseModel):
    """Choices of one training.

    The preset `paper` is the paper's network as far as it is published (softmax heads, bag labels alone, a domain per
    slide); `product` is ours. A choice given beside a preset wins over it. `backbone` and `pooling` are names of
    `mmdnet.nn.registry`; of backbones every name of timm is taken too.
    """

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
    epochs: Annotated[
        int,
        Field(ge=1, le=100),
        Option("Epochs", "Rounds at most; it ends earlier when nothing gets better.", "optimiser", common=True),
    ] = 30
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
        ),
    ] = MEAN
    pooling: Annotated[
        str,
        Option(
            "Instance pooling",
            "How the patches of a bag become one feature.",
            "network",
            values={name: entry.title for name, entry in POOLINGS.items()},
        ),
    ] = GATED_ATTENTION
    projection: Annotated[
        int | None,
        Field(ge=8, le=4096),
        Option(
            "Features of a task", "Length of a task's own features.", "network", empty="the backbone's, 512 at most"
        ),
    ] = None
    head: Annotated[
        HeadKind,
        Option(
            "Heads",
            "Ordered grades can only rise step by step; softmax takes them for names.",
            "network",
            values={"corn": "Ordered grades (CORN)", "ce": "Unordered grades (softmax)"},
        ),
    ] = "corn"
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
        bool, Option("Vary patches", "Turns, blurs, compresses and stains patches anew each time.", "data")
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
        ),
    ] = "jitter"
    scanner_variation: Annotated[
        bool,
        Option(
            "Scanner varied",
            "Another scanner's colour matrix, gamma and sharpness for each bag and another scale (up to 10 % either "
            "way) for each patch, where patches are varied.",
            "data",
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
    bag_size: Annotated[
        int, Field(ge=4, le=256), Option("Patches in a bag", "Of one slide, graded together.", "sampling")
    ] = 16
    bags_per_step: Annotated[
        int,
        Field(ge=1, le=64),
        Option("Bags in a step", "Of different slides; of fewer than 4 it learns slides, not grades.", "sampling"),
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
        ),
    ] = 0.6
    balance: Annotated[
        bool,
        Option("Balance grades", "Draws and weighs all grades and domains alike; off: as they come.", "sampling"),
    ] = True
    natural_share: Annotated[
        float,
        Field(ge=0, le=1),
        Option("Natural share of grades", "0 wants all grades alike, 1 wants them as they come.", "sampling"),
    ] = 0.3
    task_weights: Annotated[
        Literal["fixed", "learnt"],
        Option(
            "Tasks weighed",
            "Learnt: each task's noise sets its weight (Kendall 2018).",
            "loss",
            values={"fixed": "All alike", "learnt": "By their noise, learnt"},
        ),
    ] = "fixed"
    class_weight_cap: Annotated[
        float,
        Field(ge=1),
        Option("Most weight of a rare grade", "1 only lowers the loss of common grades.", "loss"),
    ] = 1.0
    aux_instance_weight: Annotated[
        float,
        Field(ge=0),
        Option("Weight of single graded patches", "0 trains on bag labels alone.", "loss"),
    ] = 1.0
    ignore_weight: Annotated[
        float,
        Field(ge=0),
        Option("Weight of the quality gate", "Learns to tell patches that readers set aside; 0 trains none.", "loss"),
    ] = 0.3
    domain_key: Annotated[
        DomainKey,
        Option(
            "Made insensitive to",
            "What the domain branch must not be able to tell from a bag.",
            "domain",
            values={
                "scanner+stain": "Scanner and stain",
                "site": "Site",
                "site+scanner": "Site and scanner",
                "scanner": "Scanner",
                "stain": "Stain",
                "staining_run": "Staining run",
                "patient": "Patient",
                "slide": "Slide",
                "none": "Nothing",
            },
        ),
    ] = "scanner+stain"
    domain_method: Annotated[
        DomainMethod,
        Option(
            "Made insensitive by",
            "An adversary that must not tell the domain; features' means and covariances drawn together (CORAL), or "
            "their whole distributions (MMD); or the domain that is graded worst counting more (GroupDRO).",
            "domain",
            values={
                "adversary": "An adversary",
                "coral": "CORAL (Sun 2016)",
                "mmd": "MMD (Gretton 2012)",
                "group_dro": "GroupDRO (Sagawa 2020)",
            },
        ),
    ] = "adversary"
    reversal: Annotated[
        ReversalMode,
        Option(
            "Patches spared",
            "Whether patches that a grade hangs on are spared from being made alike.",
            "domain",
            values={
                "relative": "By their share of the most attention",
                "hashimoto": "By attention (Hashimoto 2020)",
                "uniform": "None (DANN)",
                "loss_attention": "By weighing the domain loss",
            },
        ),
    ] = "relative"
    attention_rule: Annotated[
        AttentionRule,
        Option(
            "Attention of the tasks joined",
            "One attention for the domain branch out of one per task.",
            "domain",
            values={"relative_max": "Spared if any task needs it", "mean": "Their mean, as published"},
        ),
    ] = "relative_max"
    alpha: Annotated[
        float,
        Field(ge=0, le=1),
        Option(
            "Strength",
            "Of the adversary, or of the distance between domains: it grows to tanh(5 α) over the training (Hashimoto "
            "2020). GroupDRO's domains change their weight at a tenth of it.",
            "domain",
        ),
    ] = 0.1
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
        Option("Learning rate, backbone", "Of AdamW.", "optimiser", empty="2e-3 from scratch, 2e-5 with weights"),
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
        ),
    ] = None
    lr_heads: Annotated[float, Field(gt=0), Option("Learning rate, heads", "Of AdamW.", "optimiser")] = 1e-3
    weight_decay: Annotated[float, Field(ge=0), Option("Weight decay", "Of AdamW.", "optimiser")] = 0.01
    ema: Annotated[
        float,
        Field(ge=0, lt=1),
        Option(
            "Running mean of the weights",
            "How slowly it follows, 0.99 for example; the mean is judged and kept. 0 keeps the weights themselves.",
            "optimiser",
        ),
    ] = 0.0
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

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        for old, new in RENAMED.items():
            if old in given and new in given:
                raise ValueError(f"{old} is the former name of {new}: give one of the two")
        named = {RENAMED.get(name, name): value for name, value in given.items()}
        return PRESETS.get(str(named.get("preset")), {}) | named

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

    @model_validator(mode="after")
    def _fits(self) -> "TrainingConfig":
        if self.warm_up_epochs is not None and self.warm_up_epochs > self.epochs:
            raise ValueError("warm-up epochs must not be more than all epochs")
        if self.pretrain_epochs and self.pretrained:
            raise ValueError(
                "a backbone with weights is not warmed up without labels: choose one of the two, or another backbone"
            )
        if 2 * self.processes > max(self.bags_per_step, 2):
            raise ValueError("each process needs at least two bags of a step: choose more bags per step")
        if self.processes > 1 and self.domain_method != "adversary":
            raise ValueError("CORAL, MMD and GroupDRO compare the bags of a whole step: choose one process")
        return self

    @property
    def pretrained(self) -> bool:
        """Whether the backbone starts from weights: those given, or those that come with it."""
        entry = backbone_entry(self.backbone)
        return self.weights is not None or (entry is not None and entry.packaged is not None)

    def mode_on(self, device: str) -> Literal["full", "fast"]:
        """How it is trained on a device: as chosen, or as that allows.

        A pretrained backbone is many times larger than `small`, which alone learns end to end on a processor.
        """
        if self.mode != "auto":
            return self.mode
        return "fast" if device == "cpu" and self.pretrained and self.backbone != SMALL else "full"

    @property
    def warm_up(self) -> int:
        """Epochs of warm-up, if there are graded patches."""
        if self.warm_up_epochs is not None:
            return self.warm_up_epochs
        return 0 if self.pretrained else self.epochs // 2

    @property
    def heads_first(self) -> int:
        """Epochs in which the heads alone learn, after the warm-up; less than all that are left."""
        wanted = int(self.pretrained) if self.head_epochs is None else self.head_epochs
        return max(0, min(wanted, self.epochs - self.warm_up - 1))

    @property
    def rate_decay(self) -> float:
        """Learning rate of a layer of the backbone as a share of the next one's."""
        return self.layer_decay or (0.75 if self.pretrained else 1.0)

    @property
    def backbone_rate(self) -> float:
        """Learning rate of the backbone."""
        return self.lr_backbone or (2e-5 if self.pretrained else 2e-3)


def training_options() -> tuple[FormField, ...]:
    """Every choice as a form shows it, in order."""
    return form_fields(TrainingConfig)


def preset_value(preset: str, option: FormField) -> Any:
    """What an option is when only the preset is given."""
    return preset if option.name == "preset" else PRESETS[preset].get(option.name, option.default)


def sentence(option: FormField) -> str:
    """All a command's help says of an option, and what the paper's preset makes of it."""
    if option.name not in PAPER:
        return option.sentence
    return f"{option.sentence} With preset=paper: {PAPER[option.name]}."


def describe(choices: Mapping[str, Any]) -> dict[str, str]:
    """Choices as a card or run keeps them, by title, in words; those of an earlier build under today's names."""
    named = {RENAMED.get(name, name): value for name, value in choices.items()}
    return {field.option.title: field.words(named[field.name]) for field in training_options() if field.name in named}


def read_config(given: Mapping[str, Any]) -> TrainingConfig:
    """Choices from a form, a command line or a kept run.

    Raises:
        LabError: an unknown choice, or one out of its range; names it.
    """
    try:
        return TrainingConfig.model_validate(given)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise LabError(f"The training choice {name or 'given'} does not work: {first['msg'].lower()}.") from problem
