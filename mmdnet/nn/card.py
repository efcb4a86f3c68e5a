"""What a model is and what it learned from: records beside its weights, read without the network (no torch here)."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmdnet import __version__
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASKS
from mmdnet.nn.kinds import HeadKind
from mmdnet.nn.recipe import Deviation, Mean, Recipe
from mmdnet.nn.registry import GATED_ATTENTION, IMAGENET_MEAN, IMAGENET_STD, MEAN, SMALL
from mmdnet.slides.geometry import PATCH_MPP, PATCH_PX

CARD = "card.json"
FINEST_MPP, COARSEST_MPP = 0.01, 100.0  # no microscope sees finer, no patch of tissue means anything coarser

MOST = 2**53 - 1  # a count or number above this is no whole number in JSON as other programs read it

Classes = Annotated[int, Field(ge=2, le=100)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Count = Annotated[int, Field(ge=0, le=MOST)]
Metric = Annotated[float, Field(ge=-MOST, le=MOST, allow_inf_nan=False)]


def _all_finite(value: Any) -> Any:
    """JSON whose numbers are all finite: NaN and infinity are no JSON, and no report with them could be signed."""
    pending = [value]
    while pending:
        inner = pending.pop()
        if isinstance(inner, Mapping):
            pending += inner.values()
        elif isinstance(inner, list | tuple):
            pending += inner
        elif isinstance(inner, float) and not math.isfinite(inner):
            raise ValueError("a number in it is not finite")
    return value


Free = Annotated[dict[str, Any], AfterValidator(_all_finite)]
"""JSON of another step, whose form only that step knows."""


def _graded_tasks() -> dict[str, int]:
    return {task.name: task.highest + 1 for task in TASKS}


class Architecture(BaseModel):
    """All that is needed to build the network again, but for its weights.

    Attributes:
        patch_px: side of the patches it sees.
        mean: subtracted from pixels in 0-1; none: as the backbone's entry says. A built network knows its own.
        std: what is left is divided by it; none as above.
        recipe: how the backbone is built, where it is no name of the registry or of timm.
        place_pooling: how the places of the backbone's maps become a patch's feature, a name of
            `mmdnet.nn.registry.PLACE_POOLINGS`.
        pooling: how the instances of a bag become one feature, a name of `mmdnet.nn.registry.POOLINGS`.
        tasks: number of grades by task.
        projection: length of a task's own features; none: as wide as the backbone's, at most 512. A built network
            knows its own.
        ignored_task: whether there is one more task, "holds an ignored patch"; scores do not use it.
        domains: names, in the order of the predictor's outputs; fewer than two: no domain branch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    backbone: str = SMALL
    patch_px: int = Field(default=PATCH_PX, ge=8, le=4096)
    mean: tuple[Mean, Mean, Mean] | None = None
    std: tuple[Deviation, Deviation, Deviation] | None = None
    recipe: Recipe | None = None
    place_pooling: str = MEAN
    pooling: str = GATED_ATTENTION
    tasks: dict[str, Classes] = Field(default_factory=_graded_tasks, min_length=1)
    head: HeadKind = "corn"
    projection: Width | None = None
    attention_hidden: Width = 128
    dropout: float = Field(default=0.5, ge=0, lt=1, allow_inf_nan=False)
    ignored_task: bool = False
    domains: tuple[str, ...] = ()


class TrainedOn(BaseModel):
    """The slides a model learned from: how many, of whom, graded how much, from where; synthetic patches beside.

    `grades` counts the patches and slides of each grade, from 0, by task; cards of earlier builds do not say.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    slides: Count = 0
    patients: Count = 0
    graded_patches: Count = 0
    synthetic_patches: Count = 0
    sites: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    stains: tuple[str, ...] = ()
    grades: dict[str, tuple[Count, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _is_json(self) -> "TrainedOn":
        _all_finite(self.model_extra or {})
        return self


class BackboneOrigin(BaseModel):
    """Where a model's backbone started from.

    Attributes:
        source: in words.
        licence: of those weights; empty where it is not known or there is none.
        sha256: of their file, as it was brought; empty where there is none.
    """

    source: str
    licence: str = ""
    sha256: str = ""

    @property
    def words(self) -> str:
        """For a sentence: "from ... (licence)"."""
        return f"from {self.source}" + (f", {self.licence}" if self.licence else "")


class ModelCard(Architecture):
    """What a model is, what it learned from, and how well: stands beside the weights as JSON.

    Attributes:
        patch_mpp: µm per pixel of the patches it learned from.
        trained_tasks: tasks the training labels could teach; the heads of the others are still random.
        ignore_head: whether there were set-aside patches to train the quality gate on.
        split: slide ids by part (train, validation, test).
        metrics: by part ("validation", "test"), each a dict of numbers such as "kappa_steatosis".
        backbone_origin: what the backbone started from; not recorded by earlier builds.
        choices: the training's configuration as it was, under the names of its time.
        calibration: what scoring fitted on the validation patients, if anything; scoring reads it.
        simulated: whether any of the slides it learnt from is.
        simulated_slides: how many of them are; None in cards of earlier builds, which did not count them.
    """

    mean: tuple[Mean, Mean, Mean] | None = IMAGENET_MEAN  # of every network before cards said it
    std: tuple[Deviation, Deviation, Deviation] | None = IMAGENET_STD
    name: str
    patch_mpp: float = Field(default=PATCH_MPP, ge=FINEST_MPP, le=COARSEST_MPP, allow_inf_nan=False)
    bag_size: int = Field(ge=1, le=100_000)
    domain_key: str = "none"
    trained_tasks: tuple[str, ...]
    ignore_head: bool = False
    label_set_sha256: str
    split: dict[str, tuple[Count, ...]]
    metrics: dict[str, dict[str, Metric | None]] = Field(default_factory=dict)
    trained_on: TrainedOn = TrainedOn()
    backbone_origin: BackboneOrigin | None = None
    choices: Free = Field(default_factory=dict)  # as given; options of other builds may be among them
    seed: Count = 0
    epochs: Count = 0
    best_epoch: Count = 0
    warnings: tuple[str, ...] = ()
    calibration: Free | None = None  # `scoring.aggregate.Calibration`, of a step the network may not know
    simulated: bool = False
    simulated_slides: Count | None = None
    code_version: str = __version__
    created_at: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    weights_sha256: str = ""

    @model_validator(mode="after")
    def _knows_its_tasks(self) -> "ModelCard":
        unknown = set(self.trained_tasks) - set(self.tasks)
        if unknown:
            raise ValueError(f"trained tasks it has no head for: {', '.join(sorted(unknown))}")
        return self

    @property
    def partly_simulated(self) -> bool:
        """Whether real slides are known to stand beside the simulated ones it learnt from."""
        return self.simulated and self.simulated_slides is not None and self.simulated_slides < self.trained_on.slides

    @property
    def simulated_words(self) -> str:
        """What it learnt from, where simulated slides are among it, for the end of a sentence; else empty."""
        if self.partly_simulated:
            return f"{self.trained_on.slides} slides, {self.simulated_slides} of them simulated"
        return "simulated slides only" if self.simulated else ""

    @property
    def architecture(self) -> Architecture:
        """The part that builds the network."""
        return Architecture(**{name: getattr(self, name) for name in Architecture.model_fields})

    @property
    def backbone_words(self) -> str:
        """The backbone, what it started from and under which licence, as far as it is recorded."""
        return f"{self.backbone}, {self.backbone_origin.words}" if self.backbone_origin else self.backbone

    def part_of(self, slide_id: int) -> str | None:
        """The part of the split a slide was in: `train`, `validation` or `test`; None where it was in none."""
        return next((part for part, slides in self.split.items() if slide_id in slides), None)


def parse_card(facts: str | Mapping[str, Any], title: str) -> ModelCard:
    """A card out of its JSON, as text or as it lies in the database.

    Raises:
        LabError: it is no card, or a number in it cannot be; `title` says whose.
    """
    try:
        return ModelCard.model_validate_json(facts) if isinstance(facts, str) else ModelCard.model_validate(facts)
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        what = f"{field}: {first['msg'].lower()}" if field else first["msg"].lower()
        raise LabError(f"The card of the model {title} is damaged or of another version ({what}).") from problem


def read_card(folder: Path) -> ModelCard:
    """The card of a model folder.

    Raises:
        LabError: there is none, or it is not a card.
    """
    try:
        text = (folder / CARD).read_text(encoding="utf-8")
    except OSError as problem:
        raise LabError(f"There is no model in {folder.name}: {CARD} cannot be read.") from problem
    except UnicodeDecodeError as problem:
        raise LabError(f"The card of the model {folder.name} is damaged or of another version.") from problem
    return parse_card(text, folder.name)
