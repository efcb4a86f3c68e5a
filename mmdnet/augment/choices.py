"""What a person may choose about varying patches and making synthetic ones; a misspelt choice is refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mmdnet.augment.prompts import NEGATIVE_PROMPT
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS

StainVariation = Literal["none", "jitter", "swap", "both"]  # see `mmdnet.augment.variation.Variation`
LATENT_PX = 8  # pixels of an image that one cell of its latent stands for, in every Stable Diffusion
SMALLEST_SIDE, LARGEST_SIDE = 64, 1024


class DiffusionChoices(BaseModel):
    """Choices of one batch of synthetic patches.

    Attributes:
        weights: a local diffusers folder.
        task: whose rare grades are made more of.
        least_grade: patches of this grade or a higher one are the positive parents.
        children: synthetic patches of each parent.
        most_parents: positive parents at most, drawn at random.
        negatives: make as many of patches of grade 0 of the same slides, so that "synthetic" is no sign of a grade.
        strength: how far an image is led away from its parent, 0-1: noise of that share of all steps is taken away.
        guidance: how strictly the prompt is followed; 1 leaves it out.
        steps: of a whole denoising, of which `strength` takes its share.
        prompt: in place of those of `mmdnet.augment.prompts`.
        side_px: of the image while it is made; none: what the weights were made for.
        dtype: of all networks alike; automatic is bfloat16 on a GPU and float32 on a processor.
        batch_size: images at once; halved by itself where memory is too small.
        seed: of the parents drawn and of every child.
        split_seed: seed of the training whose training slides the parents are of.
        gate_model: number of the model whose grades must not change; none: no model is asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Path
    task: str = TASK_NAMES[0]
    least_grade: Annotated[int, Field(ge=1, le=4)] = 1
    children: Annotated[int, Field(ge=1, le=8)] = 2
    most_parents: Annotated[int, Field(ge=1, le=20_000)] = 500
    negatives: bool = True
    strength: Annotated[float, Field(gt=0, le=1)] = 0.2
    guidance: Annotated[float, Field(ge=1, le=20)] = 2.0
    steps: Annotated[int, Field(ge=1, le=1000)] = 50
    prompt: Annotated[str | None, Field(max_length=1000)] = None
    negative_prompt: Annotated[str, Field(max_length=1000)] = NEGATIVE_PROMPT
    side_px: Annotated[int | None, Field(ge=SMALLEST_SIDE, le=LARGEST_SIDE, multiple_of=LATENT_PX)] = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    split_seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    batch_size: Annotated[int, Field(ge=1, le=64)] = 4
    gate_model: int | None = None

    @field_validator("task")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in TASK_NAMES:
            raise ValueError(f"must be one of {', '.join(TASK_NAMES)}")
        return name

    def dtype_on(self, device: str) -> str:
        """Name of the one dtype of all networks on a device."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if device.startswith("cuda") else "float32"


def read_choices(given: Mapping[str, Any]) -> DiffusionChoices:
    """Choices as they came from a page or a command.

    Raises:
        LabError: one is unknown, out of its range, or does not fit its task's grades.
    """
    try:
        choices = DiffusionChoices.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise LabError(f"The choice {name} does not work: {said}. Nothing was started.") from error
    task = next(task for task in TASKS if task.name == choices.task)
    if choices.least_grade > task.highest:
        raise LabError(f"{task.title} has no grade {choices.least_grade}: its highest is {task.highest}.")
    return choices
