"""A slide's score without its per-patch numbers: the record that the database, pages, reports and commands share.

Nothing heavy is imported here: a page reads a hundred of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, JsonValue, ValidationError

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades

SCORE_VERSION = 1


class TaskSummary(BaseModel):
    """One feature of one slide.

    Attributes:
        grade: the model's grade.
        probabilities: of each grade, shape (grades,): the grade's is the highest.
        expected: the continuous score; its rounding is the grade.
        interval: 90 % interval of the continuous score, from 5 % to 95 %.
        quantity: what the score rests on: the density, or another rule's number.
        quantity_interval: its 90 % interval over resampled tissue.
        density: share of hepatocytes with fat, or foci or balloon cells per 200x field.
        density_interval: its 90 % interval over resampled tissue.
        positive_patch_share: share of assessed patches that show the feature.
        threshold: a patch shows the feature where its probability of grade 1 or more is above this.
        rests_on: the aggregation in words.
        calibrated: whether the scale was fitted to graded slides.
    """

    model_config = ConfigDict(frozen=True)

    grade: int
    probabilities: tuple[float, ...]
    expected: float
    interval: tuple[float, float]
    quantity: float
    quantity_interval: tuple[float, float]
    density: float
    density_interval: tuple[float, float]
    positive_patch_share: float
    threshold: float = Field(validation_alias=AliasChoices("threshold", "line"), serialization_alias="line")
    rests_on: str
    calibrated: bool


class ScoredBy(BaseModel):
    """The model that scored."""

    model_config = ConfigDict(frozen=True)

    name: str
    weights_sha256: str
    simulated: bool


class ScoreSummary(BaseModel):
    """One slide scored by one model.

    `nas` and what hangs on it are None where the model does not grade all three features. `nas_interval` is the 90 %
    interval of the sum of grades; `p_active` the probability that NAS is 4 or more with each feature at least 1.

    Attributes:
        patches: all that lie on the slide.
        assessed_patches: those the score rests on.
        set_aside: those it does not.
        ignored_by_model: of these, the ones the model's quality gate left out.
        not_read: of these, the ones that could not be decoded, by reason.
        area_mm2, fields: assessed tissue, the latter in 200x fields.
        bags, bag_size, blocks: how patches were judged together and resampled.
        rule: the aggregation rule's name.
        aggregator: the rules in words, one for all tasks where they agree.
        low_evidence: too little tissue to trust.
        warnings: what speaks against trusting the score.
        notes: what to know when reading it.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    version: int = SCORE_VERSION
    tasks: dict[str, TaskSummary]
    nas: int | None
    nas_expected: float | None
    nas_interval: tuple[int, int] | None
    p_active: float | None
    patches: int
    assessed_patches: int
    set_aside: int
    ignored_by_model: int
    not_read: dict[str, int]
    area_mm2: float
    fields: float
    bags: int
    bag_size: int
    blocks: int
    rule: str
    aggregator: str
    resamples: int
    seed: int
    low_evidence: bool
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    model: ScoredBy
    device: str = "cpu"

    @property
    def grades(self) -> Grades:
        """The model's grades; None where it does not grade a task."""
        return Grades(**{name: task.grade for name, task in self.tasks.items()})

    def to_json(self) -> dict[str, JsonValue]:
        """As the database and score files keep it."""
        return self.model_dump(mode="json", by_alias=True)


def read_summary(values: Mapping[str, Any], title: str) -> ScoreSummary:
    """A summary out of its JSON values.

    Raises:
        LabError: it is none; `title` says which slide's.
    """
    try:
        return ScoreSummary.model_validate(values)
    except ValidationError as problem:
        raise LabError(
            f"The score of {title} is damaged or of another version of this program. Score the slide again."
        ) from problem
