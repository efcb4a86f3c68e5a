"""The report of one scored slide as a document: ten blocks, versioned, the one thing that is signed.

HTML, CSV and GeoJSON are drawn from it and add nothing. What is unknown is None here and said to be absent there. The
order of blocks follows the AASLD's reporting model for fatty-liver biopsies.
"""

import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from mmdnet.labels.grading import Grades
from mmdnet.scoring.validity import Check, Validity

# What may come later without changing what was signed: other signatures and readings, another check of the model,
# another print-out.
NOT_SIGNED_CONTENT: Any = {
    "made_at": True,
    "sign_off": True,
    "features": {"__all__": {"human"}},
    "provenance": {"checks"},
}
_NAMES_OF_CASE = ("accession_number", "barcode")  # of the header; came later, and stand where they are known
EVIDENCE_KINDS = ("top", "low", "random")  # of `FeatureEvidence`: most attention, least, drawn at random
_EVIDENCE_OF_VERSION_4: Any = {
    "__all__": {"left_out": True} | {kind: {"__all__": {"at_least"}} for kind in EVIDENCE_KINDS}
}
NOT_PROVEN = "signer not proven"


class Block(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Block):
    """A 90 % interval."""

    low: float
    high: float


class Header(Block):
    """Block 1: which slide, how it was made, how much of it was looked at."""

    slide_id: int
    slide: str
    fingerprint: str
    patient: str | None
    site: str | None
    stain: str | None
    scanner: str | None
    objective: float | None
    mpp_x: float | None
    mpp_y: float | None
    mpp_source: str | None
    width_mm: float | None
    height_mm: float | None
    tissue_mm2: float | None
    core_length_mm: float | None
    patch_px: int
    patch_mpp: float
    patches: int
    patches_assessed: int
    patches_set_aside: int
    assessed_mm2: float
    fields: float
    simulated: bool
    use: str
    accession_number: str | None = None
    barcode: str | None = None


class Criterion(Block):
    """What one grade of a feature means on a slide (Kleiner 2005, table 1)."""

    grade: int
    words: str


class HumanGrade(Block):
    """One reader's grade of one feature; None where they left it unknown."""

    reader: str
    grade: int | None
    at: datetime


class Feature(Block):
    """Block 2: one feature. `grade` is the model's; None with `absent` saying why where there is none to report."""

    task: str
    title: str
    letter: str
    criteria: tuple[Criterion, ...]
    grade: int | None
    absent: str | None
    score: float | None
    interval: Interval | None
    probabilities: tuple[float, ...] | None
    rests_on: str | None
    calibrated: bool | None
    human: tuple[HumanGrade, ...]
    readers_agree: float | None  # weighted kappa between pathologists, Kleiner 2005

    @property
    def highest(self) -> int:
        return self.criteria[-1].grade

    @property
    def criterion(self) -> str | None:
        """The words of the model's grade."""
        return None if self.grade is None else self.criteria[self.grade].words


class Nas(Block):
    """Block 3: the sum of the three grades; None with `absent` saying why where a feature was not assessed."""

    value: int | None
    absent: str | None
    interval: Interval | None
    score: float | None
    p_active: float | None  # NAS >= 4 with every feature at least 1
    meaning: str


class Quantity(Block):
    """Block 4: something measured or counted. `basis` says whether the network had a part in it."""

    name: str
    title: str
    value: float | None
    interval: Interval | None
    unit: Literal["share", "per field"]
    basis: str
    absent: str | None


class Quantities(Block):
    field_mm2: float
    items: tuple[Quantity, ...]
    disagreements: tuple[str, ...]


class EvidencePatch(Block):
    """One patch shown.

    Attributes:
        attention: in multiples of the slide's mean.
        grade: the model's of this patch; None where the feature's grade is withheld.
        probability: that the patch has grade `at_least` or more; that it has exactly `grade` before version 4.
        at_least: the patch's grade, 1 where that is 0.
    """

    patch_id: int
    place: int
    row: int
    col: int
    x_px0: int
    y_px0: int
    attention: float
    grade: int | None
    probability: float | None
    at_least: int | None = None


class FeatureEvidence(Block):
    """Block 5: patches with the most and the least attention, and some at random.

    `left_out` counts patches that drew more attention than the last of `top` and are not shown, as too much of them is
    glass.
    """

    task: str
    top: tuple[EvidencePatch, ...]
    low: tuple[EvidencePatch, ...]
    random: tuple[EvidencePatch, ...]
    left_out: int = 0


class AttentionMap(Block):
    """Block 6: the scale of a feature's attention map."""

    task: str
    low: float
    high: float
    ticks: tuple[float, ...]
    unit: str


class QualityNote(Block):
    """One thing to know before trusting the grades. `weight`: `warning` or `note`."""

    weight: Literal["warning", "note"]
    words: str


class Quality(Block):
    """Block 7: `set_aside` counts patches that were not assessed, by reason."""

    set_aside: dict[str, int]
    notes: tuple[QualityNote, ...]


class Provenance(Block):
    """Block 8: what made the grades, so that they can be made again."""

    score_id: int
    scored_at: datetime
    model: str
    backbone: str  # its name, what it started from, and the licence of that
    weights_sha256: str
    label_set_sha256: str
    code_version: str
    trained_on: dict[str, JsonValue]
    slide_part: str | None  # train, validation or test, where the model was trained in this project
    kappas: dict[str, float | None]  # weighted kappa on bags of validation patients, by task; empty from version 4 on
    rule: str
    bag_size: int
    seed: int
    resamples: int
    device: str
    simulated_training: bool
    checks: tuple[Check, ...] = ()  # how far the model agreed with readers, as of now; no part of what is signed


class SignOff(Block):
    """One signature. `content_sha256` is the report's as it was signed; `amends` names the signature it replaces.

    `proof` is how it was proven who signed: None where the lab asked nobody, and a name is all there is.
    """

    sign_off_id: int
    reader: str
    at: datetime
    grades: dict[str, int | None]
    reason: str
    content_sha256: str
    amends: int | None
    proof: str | None = None

    @property
    def nas(self) -> int | None:
        return Grades(**self.grades).total

    @property
    def proven(self) -> str:
        """How far it is proven who signed, in words."""
        return f"signer proven by {self.proof}" if self.proof else NOT_PROVEN


class SignOffs(Block):
    """Block 9: signatures, oldest first."""

    signed: tuple[SignOff, ...]

    @property
    def current(self) -> SignOff | None:
        return self.signed[-1] if self.signed else None


class Reliability(Block):
    """Block 3, second half: what the intervals are worth, and whether a second reader is advised.

    Attributes:
        intervals: what each interval covers, in words: by task, `nas`, and by a quantity's name.
        covers_error: of the same: whether it covers the model's own error, and not sampling only.
        holds: of the same: how often such intervals held on graded slides; None where it is not known.
        graded_slides: that the calibration rests on.
        nas_at_least: probability of a NAS of k or more, k from 0; empty without a NAS.
        refer: why a second reader is advised, empty where none is.
        advice: the same in words.
        measured: how often the advice is given and what it leaves, in words.
        likeness: how like the training's tissue this is, in words; `unlikeness` in numbers, 1 being the usual limit.
    """

    intervals: dict[str, str]
    covers_error: dict[str, bool]
    holds: dict[str, float | None]
    graded_slides: int
    nas_at_least: tuple[float, ...]
    refer: tuple[str, ...]
    advice: str
    measured: str
    likeness: str
    unlikeness: float | None


class Report(Block):
    """The whole document.

    `reliability` is None, and the version 1, for scores of before it was told. `validity` is judged for every score;
    that it is part of what is signed is so from version 3. From version 4 on a grade that may not be reported is not in
    the document at all, and patches of which a quarter is glass are no evidence.
    """

    schema_version: Literal[1, 2, 3, 4] = 1
    made_at: datetime
    header: Header
    features: tuple[Feature, ...]
    fibrosis: str
    nas: Nas
    quantities: Quantities
    evidence: tuple[FeatureEvidence, ...]
    maps: tuple[AttentionMap, ...]
    quality: Quality
    provenance: Provenance
    sign_off: SignOffs
    limits: tuple[str, ...]
    reliability: Reliability | None = None
    validity: Validity = Validity()

    def covers(self, name: str) -> str:
        """What the interval of a task, of `nas` or of a quantity covers, in words; empty in reports of version 1."""
        return self.reliability.intervals.get(name, "") if self.reliability else ""

    @property
    def fat_area(self) -> float | None:
        """Fat as a share of tissue area, 0-1, measured on the pixels; None where it was not."""
        return next(item.value for item in self.quantities.items if item.name == "fat_area")

    @property
    def model_grades(self) -> dict[str, int | None]:
        """The model's grades by task."""
        return {feature.task: feature.grade for feature in self.features}

    @property
    def cautions(self) -> tuple[str, ...]:
        """What to know before trusting the grades, gravest first."""
        grave = (note.words for note in self.quality.notes if note.weight == "warning")
        return (*grave, *self.quantities.disagreements)

    def feature(self, task: str) -> Feature:
        return next(feature for feature in self.features if feature.task == task)


def canonical_json(report: Report, content_only: bool = False) -> str:
    """The report as JSON with one spelling: keys sorted, no spaces, UTF-8; equal reports are equal bytes.

    Args:
        report: the document.
        content_only: leave out when it was made, readers' grades and signatures: what remains is what a signature
            stands for.
    """
    left_out = dict(NOT_SIGNED_CONTENT) if content_only else {}
    if report.reliability is None:
        left_out["reliability"] = True  # a report of version 1 is the bytes it was signed as
    if report.schema_version < 3 and (content_only or report.validity.reportable):
        left_out["validity"] = True  # likewise
    if report.schema_version < 4:
        left_out["evidence"] = _EVIDENCE_OF_VERSION_4
    left_out["header"] = {name for name in _NAMES_OF_CASE if getattr(report.header, name) is None}
    values = report.model_dump(mode="json", exclude=left_out)
    return json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def report_sha256(report: Report) -> str:
    """SHA-256 of the report's content: what a signature names, and what shows later that nothing was changed."""
    return hashlib.sha256(canonical_json(report, content_only=True).encode("utf-8")).hexdigest()
