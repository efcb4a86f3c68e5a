"""What a calibration is: the record on a model's card that says how to read what the model counts."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from mmdnet.errors import LabError
from mmdnet.scoring.conformal import Residuals
from mmdnet.scoring.rules import COUNTED, Scale
from mmdnet.scoring.summary import Referral, Share

CALIBRATION_VERSION = 2
LEAST_THRESHOLD, MOST_THRESHOLD = 0.2, 0.8  # beyond these a threshold hides lesions or makes them up

Kappa = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


def _rising(points: tuple[float, ...]) -> tuple[float, ...]:
    if len(points) < 1 or any(after < before for before, after in pairwise(points)):
        raise ValueError("its points do not rise")
    return points


Rising = Annotated[tuple[FiniteFloat, ...], AfterValidator(_rising)]


class TaskCalibration(BaseModel):
    """A rule's scale for one task, fitted to slides that people graded.

    Attributes:
        method: how it was fitted.
        quantity, score: points of the scale.
        coefficients, intercept: of a learned rule: what its quantity is made of (`mmdnet.scoring.learned`).
        residuals: truth minus score on slides the scale was not fitted on, as builds before version 2 kept them.
        conformal: the same, standardised, for intervals that hold; None in calibrations of before.
        slides, slides_by_grade: that it was fitted on.
        kappa_across_folds: weighted kappa on the slides of each fold; None where nothing varies.
        holds: how often its 90 % intervals held a slide whose patient had no part in them.
        reach: what the grades of the slides leave open, in a sentence; empty where they leave nothing.
    """

    model_config = ConfigDict(frozen=True)

    method: str
    quantity: Rising
    score: Rising
    coefficients: dict[str, FiniteFloat] = Field(default_factory=dict)
    intercept: FiniteFloat = 0.0
    residuals: tuple[FiniteFloat, ...] = ()
    conformal: Residuals | None = None
    slides: NonNegativeInt
    slides_by_grade: tuple[NonNegativeInt, ...] = ()
    kappa_across_folds: Kappa | None = None
    holds: Share | None = None
    reach: str = ""

    @model_validator(mode="after")
    def _is_a_scale(self) -> TaskCalibration:
        if len(self.quantity) != len(self.score):
            raise ValueError("its scale has not as many scores as quantities")
        return self

    @property
    def scale(self) -> Scale:
        return Scale(self.quantity, self.score)


class DensityCalibration(BaseModel):
    """From the density a model counts to the true one, on slides whose true density is known.

    Everything is in the unit in which counts and shares scatter alike wherever they lie: the square root of a count per
    field, arcsin of the square root of a share.

    Attributes:
        slope, intercept: of the line from the model's to the true.
        conformal: residuals of it.
        holds: how often its 90 % intervals held a slide whose patient had no part in them.
    """

    model_config = ConfigDict(frozen=True)

    slope: FiniteFloat = Field(gt=0)
    intercept: FiniteFloat
    conformal: Residuals
    holds: Share | None = None

    def true(self, stabilised: float) -> float:
        """The true density, stabilised, of a model's."""
        return max(0.0, self.intercept + self.slope * stabilised)


def stabilise(task_name: str, density: np.ndarray | float) -> np.ndarray:
    """A density in the unit of `DensityCalibration`."""
    positive = np.maximum(density, 0.0)
    return np.sqrt(positive) if task_name in COUNTED else np.arcsin(np.sqrt(np.minimum(positive, 1.0)))


def density_of(task_name: str, stabilised: np.ndarray | float) -> np.ndarray:
    """The density of what `stabilise` gave; what lies beyond the scale is its end."""
    positive = np.maximum(stabilised, 0.0)
    return np.square(positive) if task_name in COUNTED else np.square(np.sin(np.minimum(positive, np.pi / 2)))


class ThresholdFit(BaseModel):
    """How a task's threshold was fitted, and whether it is used.

    Attributes:
        threshold: at which the patches found agree best with the readers' (F1).
        low, high: its 90 % interval over patients drawn again.
        gain: F1 at it less F1 at the usual one, in the mean over the same draws.
        patches, positive, patients: it was fitted on.
        used: whether scores use it.
        why: if not, in a sentence.
    """

    model_config = ConfigDict(frozen=True)

    threshold: Share
    low: Share
    high: Share
    gain: FiniteFloat
    patches: PositiveInt
    positive: PositiveInt
    patients: PositiveInt
    used: bool
    why: str = ""


class RuleTried(BaseModel):
    """A rule and its weighted kappa on slides of patients it was not fitted on, by task and in the mean."""

    model_config = ConfigDict(frozen=True)

    rule: str
    kappas: dict[str, Kappa]
    mean: Kappa


class Calibration(BaseModel):
    """What a model card's `calibration` holds: fitted thresholds, and the scales of one rule where slides were graded.

    Attributes:
        rule: that the scales are of.
        bag_size: what the slides were scored with; None where there were none.
        patch_mpp: µm per pixel of the slides' patches.
        thresholds: fitted and used, by task.
        threshold_fits: how each was fitted, used or not.
        tasks, densities: by task.
        nas: residuals of the sum of the continuous scores.
        nas_holds: how often its 90 % intervals held.
        slides, patients: graded and used.
        tried: the rules that were compared, best first.
        referral: what advising a second reader did.
        notes: what the graded slides leave open, in sentences.
        floors: highest density seen on control slides, by staining run and task.
        here: whether it was made in the lab that keeps it, and did not come with the model.
        slide_ids: then, of the slides it rests on.
    """

    model_config = ConfigDict(frozen=True)

    version: int = CALIBRATION_VERSION
    rule: str | None = None
    bag_size: Annotated[int, Field(ge=1, le=100_000)] | None = None
    patch_mpp: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    thresholds: dict[str, Share] = Field(
        default_factory=dict, validation_alias=AliasChoices("thresholds", "lines"), serialization_alias="lines"
    )
    threshold_fits: dict[str, ThresholdFit] = Field(default_factory=dict)
    tasks: dict[str, TaskCalibration] = Field(default_factory=dict)
    densities: dict[str, DensityCalibration] = Field(default_factory=dict)
    nas: Residuals | None = None
    nas_holds: Share | None = None
    slides: NonNegativeInt = 0
    patients: NonNegativeInt = 0
    tried: tuple[RuleTried, ...] = ()
    referral: Referral | None = None
    notes: tuple[str, ...] = ()
    floors: dict[str, dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]]] = Field(default_factory=dict)
    here: bool = False
    slide_ids: tuple[int, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """For the model card."""
        return self.model_dump(mode="json", by_alias=True)

    @property
    def safe_thresholds(self) -> dict[str, float]:
        """The thresholds within bounds. Builds before version 2 fitted some without any, up to 0.9987."""
        return {name: value for name, value in self.thresholds.items() if LEAST_THRESHOLD <= value <= MOST_THRESHOLD}


def read_calibration(values: Mapping[str, Any] | None) -> Calibration:
    """A calibration out of a model card's JSON; an empty one where the card has none.

    Raises:
        LabError: it is none.
    """
    try:
        return Calibration.model_validate(values or {})
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise LabError(
            f"The calibration on the model's card is damaged ({place or 'as a whole'}: {first['msg'].lower()}). "
            "Train the model again, or calibrate it again."
        ) from problem
