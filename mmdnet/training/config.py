"""What a person may choose about a training; a misspelt choice is refused.

Each option says in `mmdnet.training.choices` all that page, command line and table show of it: title, help, group,
range, the titles of its values, and whether a search may try it. An option added there is on the Train page and in
`mmdnet train --help` without another line.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError, model_validator

from mmdnet.errors import LabError
from mmdnet.nn.registry import SMALL, backbone_entry
from mmdnet.training.choices.data import DataChoices
from mmdnet.training.choices.loss import DomainChoices, LossChoices
from mmdnet.training.choices.network import NetworkChoices
from mmdnet.training.choices.optimiser import HardwareChoices, OptimiserChoices
from mmdnet.training.choices.options import FormField, form_fields
from mmdnet.training.choices.sampling import SamplingChoices

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


class TrainingConfig(
    HardwareChoices, OptimiserChoices, DomainChoices, LossChoices, SamplingChoices, DataChoices, NetworkChoices
):
    """Choices of one training.

    The preset `paper` is the paper's network as far as it is published (softmax heads, bag labels alone, a domain per
    slide); `product` is ours. A choice given beside a preset wins over it. `backbone` and `pooling` are names of
    `mmdnet.nn.registry`; of backbones every name of timm is taken too.
    """

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
