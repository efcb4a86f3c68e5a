"""The result of an evaluation as pages, files and the command line share it; JSON keeps it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError

from mmdnet.errors import LabError
from mmdnet.labels.agreement import Estimate
from mmdnet.scoring.summary import Referral

VERSION = 2


class Record(BaseModel):
    """A frozen part of the result."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class GradeMeasures(Record):
    """One grade against all others; None where it has no slide on that side."""

    grade: int
    precision: float | None
    recall: float | None
    f1: float | None
    slides: int


class ReliabilityBin(Record):
    """Slides whose favoured grade had a probability in [low, high): its mean, and how often the grade was right."""

    low: float
    high: float
    slides: int
    probability: float
    right: float


class IntervalMeasures(Record):
    """How often 90 % intervals hold the truth, and how wide they are in the quantity's own unit."""

    slides: int
    coverage: Estimate
    width: float


class OrdinalMeasures(Record):
    """One ordinal scale: predicted grades against true ones (see `definitions` for each measure).

    Attributes:
        confusion: rows are the truth, columns the model, over the whole scale.
        auroc: of telling `auroc_from` or more from less by the continuous score.
    """

    slides: int
    patients: int
    accuracy: Estimate
    within_one: Estimate
    mae: Estimate
    bias: Estimate
    kappa_plain: Estimate
    kappa_linear: Estimate
    kappa_quadratic: Estimate
    precision_macro: Estimate
    recall_macro: Estimate
    f1_macro: Estimate
    precision_weighted: Estimate
    recall_weighted: Estimate
    f1_weighted: Estimate
    spearman: float | None
    auroc: Estimate
    auroc_from: int
    by_grade: tuple[GradeMeasures, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...] = ()
    ece: Estimate | None = None
    intervals: IntervalMeasures | None = None
    density_intervals: IntervalMeasures | None = None


class EndpointMeasures(Record):
    """A yes or no of a slide or of a patient's two visits, model against truth; None where a side is empty."""

    name: str
    title: str
    definition: str
    unit: str
    number: int
    positive: int
    said_positive: int
    accuracy: float | None
    sensitivity: float | None
    specificity: float | None
    ppv: float | None
    npv: float | None
    kappa: Estimate
    auroc: Estimate | None = None


class PartMeasures(Record):
    """One scale on a part of the slides."""

    slides: int
    accuracy: float
    mae: float
    bias: float
    kappa_quadratic: float | None
    coverage: float | None


class Part(Record):
    """The slides that share a site, run, stain, scanner or fold; `error` is the mean of the tasks' MAE."""

    value: str
    slides: int
    patients: int
    error: float
    scales: dict[str, PartMeasures]


class Breakdown(Record):
    """The parts by one fact, the worst first."""

    by: str
    parts: tuple[Part, ...]


class ReaderPair(Record):
    """Quadratic kappa of two readers on the slides both graded."""

    task: str
    first: str
    second: str
    kappa: Estimate


class CaseRow(Record):
    """One slide: truth beside what was said, by scale (a task's name, or `nas`)."""

    slide_id: int
    slide: str
    patient: str
    site: str
    stain: str
    scanner: str
    staining_run: str
    visit: str
    fold: str
    truth: dict[str, int]
    said: dict[str, int]


class Apart(Record):
    """Slides that do not count, by why; `refused` says why each could not be scored."""

    learnt_from: tuple[str, ...] = ()
    of_learnt_patients: tuple[str, ...] = ()
    without_truth: int = 0
    refused: tuple[tuple[str, str], ...] = ()


class Evaluation(Record):
    """All of it. `scales` holds the tasks with truth, and `nas` where slides have all three.

    Attributes:
        subject: whose predictions, in words.
        referral: what advising a second reader did on these slides; None where it was not judged.
        withheld: slides whose NAS was withheld because their tissue is too unlike the training's.
        notes: what could not be said, and why.
    """

    version: int = VERSION
    subject: str
    rule: str = ""
    slides: int
    patients: int
    simulated: bool = False
    scales: dict[str, OrdinalMeasures]
    endpoints: tuple[EndpointMeasures, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    readers: tuple[ReaderPair, ...] = ()
    referral: Referral | None = None
    withheld: int = 0
    cases: tuple[CaseRow, ...] = ()
    apart: Apart = Apart()
    notes: tuple[str, ...] = ()
    resamples: int
    seed: int


def read_evaluation(text: str) -> Evaluation:
    """An evaluation out of its JSON.

    Raises:
        LabError: it is none.
    """
    try:
        return Evaluation.model_validate_json(text)
    except ValidationError as problem:
        raise LabError("This evaluation is damaged or of another version of the program. Evaluate again.") from problem
