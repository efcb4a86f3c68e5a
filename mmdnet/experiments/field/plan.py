"""What a field experiment is asked to do. Its identity tells apart results that must not be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from mmdnet.errors import LabError
from mmdnet.nn.baselines.registry import BASELINES, MMD_NET, MMD_NET_FOUR, BaselineEntry, baselines_called
from mmdnet.nn.kinds import HeadKind

VERSION = 1
SplitWay = Literal["patient", "bags"]
Unit = Literal["bag", "slide"]
Judged = Literal["test", "validation"]
TABLE_2 = ("da-mil", "mtl-mil", MMD_NET, MMD_NET_FOUR)
"""The paper's Table 2 on frozen features. A method that shares nothing between tasks is a network for each task."""
UNGROUPED = (
    "Bags were split at random, as in the paper: bags of one slide, and bags that share a patch, lie on both sides. "
    "These figures are too high; they say nothing of a patient who was not seen."
)


class FieldPlan(BaseModel):
    """Choices of a field experiment; all methods are trained alike.

    Attributes:
        methods: names of `mmdnet.nn.baselines.registry.BASELINES`; if none is given all of them, but those that are
            trained only by name.
        backbones: whose frozen features one method (MMD-Net if none is given) is trained on in turn; they stand in the
            rows then (the paper's Table 3). None: one backbone, and methods in the rows.
        alphas: strengths of the domain part that one method (MMD-Net if none is given) is trained with in turn; they
            stand in the rows then, judged on validation patients.
        judged: whose bags the figures are of; `validation` is for choosing, and leaves the test patients unseen.
        unit: what is judged: bags, or slides by their highest bag (the paper's Table 4).
        seeds: of split, weights and bags.
        split: `patient` keeps a patient's slides on one side; `bags` is the paper's, which does not.
        folds: parts of a cross-validation by patient; None: 6:2:2 anew for every seed.
        epochs: at most; two at least, since some methods have two stages.
        patience: epochs without a better validation kappa after which a method stops.
        rate: learning rate of AdamW, warmed up and let down over the epochs.
        alpha: of the domain parts' strength, see `mmdnet.training.schedules.domain_strength`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: tuple[str, ...] = ()
    backbones: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(default=(), max_length=50)
    alphas: tuple[Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)], ...] = Field(default=(), max_length=20)
    judged: Judged = "test"
    unit: Unit = "bag"
    seeds: tuple[Annotated[int, Field(ge=0, le=2**31 - 1)], ...] = Field(default=(0,), min_length=1, max_length=20)
    split: SplitWay = "patient"
    folds: int | None = Field(default=None, ge=3, le=20)
    epochs: int = Field(default=30, ge=2, le=1000)
    patience: int = Field(default=8, ge=1, le=1000)
    bag_size: int = Field(default=16, ge=2, le=1000)
    bags_per_step: int = Field(default=16, ge=1, le=1000)
    rate: float = Field(default=1e-3, gt=0, le=1, allow_inf_nan=False)
    decay: float = Field(default=0.01, ge=0, le=1, allow_inf_nan=False)
    projection: int = Field(default=128, ge=4, le=4096)
    hidden: int = Field(default=64, ge=1, le=4096)
    dropout: float = Field(default=0.25, ge=0, lt=1, allow_inf_nan=False)
    head: HeadKind = "corn"
    alpha: float = Field(default=0.1, ge=0, le=10, allow_inf_nan=False)

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(entry.name for entry in baselines_called(methods)) if methods else ()

    @field_validator("seeds", "backbones", "alphas")
    @classmethod
    def _each_once(cls, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(given))

    @model_validator(mode="after")
    def _one_method_on_backbones(self) -> FieldPlan:
        if self.backbones and len(self.methods) > 1:
            raise ValueError("backbones are compared by one method; name one, or none for MMD-Net")
        return self

    @model_validator(mode="after")
    def _alphas_are_chosen(self) -> FieldPlan:
        if not self.alphas:
            return self
        if self.backbones or len(self.methods) > 1:
            raise ValueError("alpha is compared by one method on one backbone")
        method = BASELINES[self.one_method]
        if not method.adversary:
            raise ValueError(f"{method.title} has no domain part, so alpha changes nothing in it")
        if self.judged != "validation":
            raise ValueError("alpha is chosen on validation patients")
        return self

    @model_validator(mode="after")
    def _folds_are_of_patients(self) -> FieldPlan:
        if self.folds is not None and self.split != "patient":
            raise ValueError("folds are parts of the patients; they do not go with a split by bags")
        return self

    @property
    def asked(self) -> tuple[str, ...]:
        """What stands in the rows: backbones or alphas, else methods in the registry's order or as asked for."""
        return self.backbones or tuple(map(alpha_row, self.alphas)) or self.methods or usual_methods()

    @property
    def reference(self) -> str:
        """The row that the others are compared with."""
        if self.backbones:
            return self.backbones[0]
        if self.alphas:
            usual = alpha_row(FieldPlan.model_fields["alpha"].default)
            return usual if usual in self.asked else self.asked[0]
        return MMD_NET if MMD_NET in self.asked else self.asked[0]

    @property
    def one_method(self) -> str:
        """The method that is trained where backbones or alphas stand in the rows."""
        return self.methods[0] if self.methods else MMD_NET

    @property
    def scales(self) -> int:
        """Magnifications that its methods see of each patch."""
        return max(entry.scales for entry in self._trained)

    @property
    def ignored_task(self) -> bool:
        """Whether one of its methods learns from patches that readers set aside."""
        return any(entry.ignored_task for entry in self._trained)

    @property
    def _trained(self) -> tuple[BaselineEntry, ...]:
        names = (self.one_method,) if self.backbones or self.alphas else self.asked
        return tuple(BASELINES[name] for name in names)

    @property
    def rows(self) -> str:
        """What the rows are, in the singular."""
        return "backbone" if self.backbones else "alpha" if self.alphas else "method"

    def on_one_backbone(self) -> FieldPlan:
        """The same of one method on the features of one backbone."""
        return self.model_copy(update={"methods": (self.one_method,), "backbones": ()})

    def of_alpha(self, alpha: float) -> FieldPlan:
        """The same of one method with one strength of its domain part."""
        return self.model_copy(update={"methods": (self.one_method,), "alphas": (), "alpha": alpha})

    def kept_apart(self) -> FieldPlan:
        """The same with patients kept apart."""
        return self.model_copy(update={"split": "patient"})

    def identity(self, data: str) -> str:
        """Name of the folder that holds results of these choices on this data: methods and seeds may be added later."""
        usual = {"judged"} if self.judged == "test" else set()
        told = self.model_dump_json(exclude={"methods", "seeds", "backbones", "alphas", "unit", *usual})
        return f"v{VERSION}-{hashlib.sha256(f'{data}|{told}'.encode()).hexdigest()[:16]}"


def usual_methods() -> tuple[str, ...]:
    """The methods that are compared unless some are named."""
    return tuple(name for name, entry in BASELINES.items() if not entry.ignored_task)


def alpha_row(alpha: float) -> str:
    """What a strength of the domain part is called in the rows."""
    return f"alpha {alpha:g}"


def check_files(files: Iterable[Path]) -> None:
    """Refuse weights that are not there.

    Raises:
        LabError: names the first.
    """
    for file in files:
        if not file.is_file():
            raise LabError(f"There is no file {file}. Nothing was started.")


def read_plan(choices: dict[str, object]) -> FieldPlan:
    """A plan out of what a person gave.

    Raises:
        LabError: a choice that there is not, or that does not work.
    """
    try:
        return FieldPlan.model_validate(choices)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the choices"
        raise LabError(f"{where}: {first['msg'].removeprefix('Value error, ')}. Nothing was started.") from problem
