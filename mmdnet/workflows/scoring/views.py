"""What pages and the command line draw of models and scores: plain, frozen facts, detached from the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from mmdnet.labels.grading import Grades
from mmdnet.nn.card import ModelCard
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.scoring.validity import Validity

if TYPE_CHECKING:
    from db.models import Reader, SignOff
    from db.scores import ScoreRow, Signed


LEAST_REASON = 3  # letters and digits


@dataclass(frozen=True, slots=True)
class ModelView:
    id: int
    project_id: int | None
    run_id: int | None
    name: str
    weights_sha256: str
    card: ModelCard
    created_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class ScoreView:
    """A slide scored by a model: what the model says, whether that may be reported, and the signature that holds.

    Attributes:
        awaits_reader: the project asks for the reader's grades first and nobody has signed: the model's are not shown.
    """

    id: int
    slide_id: int
    slide_name: str
    model_id: int
    model_name: str
    summary: ScoreSummary
    created_at: datetime
    validity: Validity
    signed: SignOffView | None
    awaits_reader: bool = False

    @property
    def grades(self) -> Grades:
        """The grades that lead: those signed, else the model's as far as they may be reported."""
        if self.signed is not None:
            return self.signed.grades
        return self.reported

    @property
    def reported(self) -> Grades:
        """The model's own grades as far as they may be reported, signed or not; none while a reader is awaited."""
        if self.awaits_reader:
            return Grades()
        return Grades(**{name: grade for name, grade in self.summary.grades.items() if self.validity.holds_for(name)})

    @property
    def nas(self) -> int | None:
        """The NAS that leads: the one signed, else the model's where it may be reported."""
        if self.signed is not None:
            return self.signed.grades.total
        return self.reported_nas

    @property
    def reported_nas(self) -> int | None:
        """The model's own NAS where it may be reported; None while a reader is awaited."""
        return self.summary.nas if self.validity.reportable and not self.awaits_reader else None

    @property
    def changed(self) -> tuple[str, ...]:
        """Tasks that were signed with another grade than the model's, where that may be reported."""
        if self.signed is None:
            return ()
        signed = self.signed.grades
        return tuple(name for name, grade in self.reported.items() if grade is not None and grade != signed[name])


@dataclass(frozen=True, slots=True)
class SignOffView:
    """A reader's signed grades of a scored slide; `amends_id` is the signature it replaces.

    `proof` is how it was proven who signed, None where the lab asked nobody.
    """

    id: int
    score_id: int
    reader_id: int
    reader: str
    amends_id: int | None
    grades: Grades
    reason: str
    report_sha256: str
    at: datetime
    proof: str | None = None


def says_why(reason: str) -> bool:
    """Whether the reason for a changed grade is more than a dash or a letter."""
    return sum(character.isalnum() for character in reason) >= LEAST_REASON


def leading_of(scores: Iterable[ScoreView]) -> dict[int, ScoreView]:
    """By slide the score that leads: its newest signed one, else its newest.

    Args:
        scores: newest first.
    """
    leading: dict[int, ScoreView] = {}
    for score in scores:
        known = leading.get(score.slide_id)
        if known is None or (score.signed and not known.signed):
            leading[score.slide_id] = score
    return leading


def score_view(
    row: ScoreRow, summary: ScoreSummary, validity: Validity, signed: Signed | None, reader_first: bool
) -> ScoreView:
    """A score's row with what it belongs to; `reader_first` is the project's (see `Project`)."""
    score, slide, model = row
    return ScoreView(
        id=score.id,
        slide_id=slide.id,
        slide_name=slide.name,
        model_id=model.id,
        model_name=model.name,
        summary=summary,
        created_at=score.created_at,
        validity=validity,
        signed=sign_off_view(*signed) if signed else None,
        awaits_reader=reader_first and signed is None,
    )


def sign_off_view(sign_off: SignOff, reader: Reader) -> SignOffView:
    """A signature's row with whose it is."""
    return SignOffView(
        id=sign_off.id,
        score_id=sign_off.score_id,
        reader_id=reader.id,
        reader=reader.name,
        amends_id=sign_off.amends_id,
        grades=Grades.of(sign_off),
        reason=sign_off.reason,
        report_sha256=sign_off.report_sha256,
        at=sign_off.at,
        proof=sign_off.proof,
    )
