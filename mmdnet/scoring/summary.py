"""A slide's score without its per-patch numbers: the record that the database, pages, reports and commands share.

Nothing heavy is imported here: a page reads a hundred of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, PositiveInt, ValidationError

from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades

SCORE_VERSION = 4  # the report of a score knows by it what it holds
SAMPLING_INTERVAL = "The interval there covers the choice of tissue, not the model's own error."  # ends a note


Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Reason(StrEnum):
    """Why a second reader is advised; the words are in `mmdnet.reports.words`."""

    WIDE = "wide interval"
    NEAR_CUT = "near a cut"
    LITTLE_TISSUE = "little tissue"
    ODD_TISSUE = "odd tissue"
    FLOOR = "under the detection floor"


class Referral(BaseModel):
    """What advising a second reader did on the calibration's slides, each read without its patient's help.

    Attributes:
        slides: judged.
        rate: share that was referred.
        error_all, error_left: mean absolute error of the NAS on all, and on those not referred (None: none is left).
        within_left: share of those not referred whose NAS was right within one.
    """

    model_config = ConfigDict(frozen=True)

    slides: PositiveInt
    rate: Share
    error_all: FiniteFloat = Field(ge=0)
    error_left: FiniteFloat | None = Field(default=None, ge=0)
    within_left: Share | None = None


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
        covers_error: whether the interval covers the model's own error, by graded slides, and not sampling only.
        holds: how often such intervals held on graded slides whose patient had no part in them; None where not known.
        density_covers_error: the same of the density's interval.
        density_holds: the same of the density's interval.
        highest_attention: of a patch, in multiples of the slide's mean; None in scores before version 3.
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
    covers_error: bool = False
    holds: float | None = None
    density_covers_error: bool = False
    density_holds: float | None = None
    highest_attention: float | None = None


class ScoredBy(BaseModel):
    """The model that scored."""

    model_config = ConfigDict(frozen=True)

    name: str
    weights_sha256: str
    simulated: bool


class ScoreSummary(BaseModel):
    """One slide scored by one model.

    `nas` and what hangs on it are None where the model does not grade all three features, or the NAS was withheld.
    `nas_interval` is the 90 % interval of the sum of grades; `nas_expected` the mean of its distribution (in scores of
    version 1 the sum of the continuous scores); `p_active` the probability that NAS is 4 or more with each feature at
    least 1.

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
        nas_at_least: probability of a NAS of k or more, k from 0; empty in scores of version 1.
        nas_covers_error, nas_holds: of the NAS's interval, as for a task.
        withheld: whether there is no NAS because the tissue is too unlike the training's.
        unlikeness: distance of the slide's features to the training slides', 1 being the limit that 95 % of those keep;
            None where the model has no guard.
        graded_slides: that the calibration was fitted on.
        refer: why a second reader is advised, empty where none is; None in scores of version 1.
        referral: what such advice did on the calibration's slides.
        under_floor: tasks graded above 0 at a density that control slides reach too.
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
    nas_at_least: tuple[float, ...] = ()
    nas_covers_error: bool = False
    nas_holds: float | None = None
    withheld: bool = False
    unlikeness: float | None = None
    graded_slides: int = 0
    refer: tuple[Reason, ...] | None = None
    referral: Referral | None = None
    under_floor: tuple[str, ...] = ()

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
