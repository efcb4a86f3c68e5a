"""What an evaluation is made of: slides with their truth, and what a model said of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mmdnet.labels.grading import TASK_NAMES, Grades, task
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.scoring.aggregate import round_to_grade
from mmdnet.scoring.summary import ScoreSummary


@dataclass(frozen=True, slots=True)
class TaskPrediction:
    """What a model said of one feature of a slide.

    Attributes:
        score: continuous, its rounding is the grade.
        probabilities: of each grade; empty where none were given.
        interval: lowest and highest grade of the 90 % interval; None where none was given.
        density: share of fatty hepatocytes, or events per 200x field, with its 90 % interval; None as above.
    """

    grade: int
    score: float
    probabilities: tuple[float, ...] = ()
    interval: tuple[int, int] | None = None
    density: float | None = None
    density_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class SlidePrediction:
    """What a model said of one slide, by task; the NAS where it grades all three features.

    Attributes:
        withheld: there is no NAS because the tissue is too unlike the training's.
        referred: whether a second reader was advised; None where that was not judged.
    """

    tasks: Mapping[str, TaskPrediction]
    nas: int | None = None
    nas_score: float | None = None
    nas_interval: tuple[int, int] | None = None
    p_active: float | None = None
    withheld: bool = False
    referred: bool | None = None

    @property
    def grades(self) -> Grades:
        return Grades(**{name: said.grade for name, said in self.tasks.items()})


@dataclass(frozen=True, slots=True)
class Case:
    """One slide with its truth and a prediction.

    Attributes:
        densities: true densities by task, which are known of simulated slides only.
        readings: single readers' grades by their name, for the agreement of people beside the model's.
        fold: of a cross-validation, the part it was tested in.
    """

    truth: SlideTruth
    predicted: SlidePrediction
    densities: Mapping[str, float] = field(default_factory=dict)
    readings: Mapping[str, Grades] = field(default_factory=dict)
    fold: str = ""

    @property
    def patient(self) -> str:
        """Whom the slide counts for: bootstrap and counts go by this."""
        return self.truth.person or f"slide {self.truth.slide_id}"

    @property
    def nas(self) -> int | None:
        """The true NAS: the sum of the grades, else as a reader stated it."""
        total = self.truth.grades.total
        return total if total is not None else self.truth.nas


def prediction_of(summary: ScoreSummary) -> SlidePrediction:
    """The prediction in a slide's score; intervals are read as the grades they reach."""
    tasks = {}
    for name in TASK_NAMES:
        if name not in summary.tasks:
            continue
        said = summary.tasks[name]
        low, high = round_to_grade(np.array(said.interval), task(name).highest)
        tasks[name] = TaskPrediction(
            grade=said.grade,
            score=said.expected,
            probabilities=said.probabilities,
            interval=(int(low), int(high)),
            density=said.density,
            density_interval=said.density_interval,
        )
    return SlidePrediction(
        tasks=tasks,
        nas=summary.nas,
        nas_score=summary.nas_expected,
        nas_interval=summary.nas_interval,
        p_active=summary.p_active,
        withheld=summary.withheld,
        referred=None if summary.refer is None else bool(summary.refer),
    )
