"""What a person may choose about a training; a misspelt choice is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmdnet.bags.cohort import DomainKey
from mmdnet.bags.sampler import BagDrawing
from mmdnet.errors import LabError
from mmdnet.nn.kinds import SMALL, AttentionRule, HeadKind, ReversalMode

PAPER: dict[str, Any] = {
    "head": "ce",
    "domain_key": "slide",
    "reversal": "hashimoto",
    "attention_rule": "mean",
    "aux_instance_weight": 0.0,
    "ignore_weight": 0.0,
    "as_they_come": 0.0,
    "backbone": "ConvNeXt-T",
    "epochs": 100,
    "warm_up_epochs": 0,
}


class TrainingConfig(BaseModel):
    """Choices of one training.

    The preset `paper` is the paper's network as far as it is published (softmax heads, bag labels alone, a domain per
    slide); `product` is ours. A choice given beside a preset wins over it.

    Attributes:
        mode: `full` trains all end to end; `fast` warms the backbone up on single patches, then freezes it and trains
            the heads on stored features.
        warm_up_epochs: epochs on single graded patches alone before bags are used; in `fast` mode the only time the
            backbone learns. Not given: half of the epochs for a backbone from scratch, none for one with weights (and
            none where no patch has a grade).
        weights: local safetensors file to start from: a backbone's, or a whole model's (its `weights.safetensors`), of
            which the heads are then taken too; without one everything starts at random.
        bag_drawing: `positive_first` as the paper; `by_slide` and `random` are for comparison.
        as_they_come: share of positive-first bags filled with any graded patches of the slide wanted, so that bags as
            they will be scored are learnt too; 0 steers every bag.
        balance: draw and weigh all grades alike, and domains; off takes them as they come (`natural_share` 1, single
            patches of the warm-up too, no class weights).
        class_weight_cap: most that the loss of a rare grade is lifted; 1 only lowers that of common ones.
        pretrain_epochs: epochs of self-supervised warm-up (SimSiam) on the project's patches, labelled or not, before
            all else; for a lab whose backbone has no weights to start from.
        alpha: in lambda = tanh(5 alpha e/E), the strength of the domain branch (Hashimoto's schedule).
        aux_instance_weight: weight of the loss on single graded patches; 0 trains on bag labels alone.
        bags_per_epoch: as many as five per training slide if not given.
        ignored_task: a fourth task as in the paper: does the bag hold a patch that readers set aside? Half of the bags
            get one of their slide's, which the other tasks do not see. (The paper found it of no use to those.)
        task_weights: `fixed` weighs all tasks alike; `learnt` lets each task's noise set its weight (Kendall 2018).
        ema: how slowly a running mean follows the weights on bags, 0.99 for example; that mean is then judged and kept.
            0 keeps the weights themselves.
        patches_at_once: so many patches of a step are held in memory at a time, the others computed again on the way
            back: the same step in less memory, a third slower. All of them if not given.
        compile: compile the backbone before training, on a GPU (on a CPU it takes minutes and is left out).
        processes: how many share each step's bags, one GPU each, or the CPU's cores between them; the training stays
            the same to rounding.
        lr_backbone: 2e-5 with weights, 2e-3 from scratch if not given.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Literal["product", "paper"] = "product"
    mode: Literal["full", "fast"] = "full"
    backbone: str = SMALL
    weights: Path | None = None
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    epochs: int = Field(default=30, ge=1, le=100)
    pretrain_epochs: int = Field(default=0, ge=0, le=200)
    warm_up_epochs: int | None = Field(default=None, ge=0, le=100)
    patience: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0)
    head: HeadKind = "corn"
    projection: int | None = Field(default=None, ge=8, le=4096)  # none: as wide as the features, at most 512
    bag_size: int = Field(default=16, ge=4, le=256)
    bags_per_step: int = Field(default=4, ge=1, le=64)
    bags_per_epoch: int | None = Field(default=None, ge=1)
    bag_drawing: BagDrawing = "positive_first"
    as_they_come: float = Field(default=0.6, ge=0, le=1)
    balance: bool = True
    natural_share: float = Field(default=0.3, ge=0, le=1)
    domain_key: DomainKey = "scanner+stain"
    reversal: ReversalMode = "relative"
    attention_rule: AttentionRule = "relative_max"
    alpha: float = Field(default=0.1, ge=0, le=1)
    aux_instance_weight: float = Field(default=1.0, ge=0)
    ignore_weight: float = Field(default=0.3, ge=0)
    lr_backbone: float | None = Field(default=None, gt=0)
    lr_heads: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    ignored_task: bool = False
    task_weights: Literal["fixed", "learnt"] = "fixed"
    ema: float = Field(default=0.0, ge=0, lt=1)
    patches_at_once: int | None = Field(default=None, ge=1)
    compile: bool = False
    processes: int = Field(default=1, ge=1, le=64)
    class_weight_cap: float = Field(default=1.0, ge=1)
    augment: bool = True

    @model_validator(mode="before")
    @classmethod
    def _preset(cls, given: Any) -> Any:
        return PAPER | given if isinstance(given, dict) and given.get("preset") == "paper" else given

    @model_validator(mode="after")
    def _fits(self) -> "TrainingConfig":
        if self.warm_up_epochs is not None and self.warm_up_epochs > self.epochs:
            raise ValueError("warm-up epochs must not be more than all epochs")
        if self.pretrain_epochs and self.weights:
            raise ValueError("a backbone with weights is not warmed up without labels: choose one of the two")
        if 2 * self.processes > max(self.bags_per_step, 2):
            raise ValueError("each process needs at least two bags of a step: choose more bags per step")
        return self

    @property
    def warm_up(self) -> int:
        """Epochs of warm-up, if there are graded patches."""
        if self.warm_up_epochs is not None:
            return self.warm_up_epochs
        return 0 if self.weights else self.epochs // 2

    @property
    def backbone_rate(self) -> float:
        """Learning rate of the backbone."""
        return self.lr_backbone or (2e-5 if self.weights else 2e-3)


def read_config(given: Mapping[str, Any]) -> TrainingConfig:
    """Choices from a form or a command line.

    Raises:
        LabError: an unknown choice, or one out of its range; names it.
    """
    try:
        return TrainingConfig.model_validate(given)
    except ValidationError as problem:
        first = problem.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise LabError(f"The training choice {name or 'given'} does not work: {first['msg'].lower()}.") from problem
