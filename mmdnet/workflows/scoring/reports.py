"""Reports: what is said of a scored slide, what it rests on, and who signed it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db import event_log, slide_readings
from db import scores as rows
from db.models import Project, Reader, SignOff
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS, Grades
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.scoring.validity import Validity
from mmdnet.workflows.scoring.attention_maps import attention_map
from mmdnet.workflows.scoring.scored_slide import ScoredSlide, load_scored_slide
from mmdnet.workflows.scoring.views import SignOffView, says_why, sign_off_view
from mmdnet.workflows.services import Services, must_get

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from mmdnet.accounts.roles import Person
    from mmdnet.reports.schema import Report
    from mmdnet.reports.verify import Finding
    from mmdnet.scoring.heat import HeatLegend


class Reports:
    """What pages and commands show of a score, and the sign-off.

    Whoever needs more than one thing of a score opens it once; the others are for one file or picture.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def open(self, score_id: int) -> ScoredSlide:
        """A score with all that is said of it.

        Raises:
            LabError: the score's file is gone or damaged, or the slide's patches were laid anew.
        """
        return load_scored_slide(self._services, score_id)

    def build(self, score_id: int) -> Report:
        """The report; see `ScoredSlide.report`."""
        return self.open(score_id).report

    def file(self, score_id: int, kind: str) -> str | bytes:
        """See `ScoredSlide.file`."""
        return self.open(score_id).file(kind)

    def patch_maps(self, score_id: int) -> bytes:
        """See `ScoredSlide.maps_zip`."""
        return self.open(score_id).maps_zip()

    def heat(self, score_id: int, task: str, width_px: int) -> tuple[bytes, HeatLegend]:
        """An attention map and what its colours stand for; see `attention_map`."""
        return attention_map(self._services, score_id, task, width_px)

    def verify(self, score_id: int, document: bytes) -> tuple[Finding, ...]:
        """Whether a document is this score's report and its signatures are kept: see `mmdnet.reports.verify`.

        The score itself is made again by `ScoresAgain`.

        Raises:
            LabError: it is no report, or one of another score, or the score cannot be opened.
        """
        from mmdnet.files import sha256_of
        from mmdnet.nn.recipe import WEIGHTS
        from mmdnet.reports.verify import read_report, verify

        given, scored = read_report(document), self.open(score_id)
        weights = Path(scored.model.folder) / WEIGHTS
        return verify(given, scored.report, sha256_of(weights) if weights.is_file() else None)

    def sign_offs(self, score_id: int) -> list[SignOffView]:
        """Sign-offs of a score, oldest first."""
        with self._services.db() as session:
            return [sign_off_view(*row) for row in rows.sign_offs_of(session, score_id)]

    def sign(
        self,
        score_id: int,
        reader_id: int,
        grades: Mapping[str, int | None],
        reason: str = "",
        account: Person | None = None,
    ) -> SignOffView:
        """Sign grades of a scored slide. A later signature amends the one before; none is ever changed.

        Args:
            account: who signed in and was asked again; None where the lab asks nobody: the signer is not proven.

        Raises:
            LabError: a grade outside its scale, one that differs from the model's or from what is signed without a
                reason, what this reader signed last already, or a project that asks for the reader's own grades first
                and has none of this reader.
        """
        from mmdnet.reports.schema import report_sha256

        scored = self.open(score_id)
        check_signature(scored.summary, grades, reason, scored.validity)
        given = {name: grades.get(name) for name in TASK_NAMES}
        with event_log.appending(self._services.db) as session:
            earlier = rows.sign_offs_of(session, score_id)
            reader = must_get(session, Reader, reader_id, "reader")
            if not earlier and must_get(session, Project, scored.slide.project_id, "project").reader_first:
                _check_has_read(session, scored.slide.id, reader)
            _check_amends(earlier, given, reason, reader, account)
            signed = SignOff(
                score_id=score_id,
                reader_id=reader_id,
                amends_id=earlier[-1][0].id if earlier else None,
                reason=" ".join(reason.split())[:500],
                report_sha256=report_sha256(scored.report),
                report=scored.report.model_dump(mode="json"),
                account_id=account.account_id if account else None,
                proof=account.proof if account else None,
                **given,
            )
            session.add(signed)
            shown: dict[str, object] = {"score": score_id}
            if account:
                shown |= {"account": account.account_id, "proof": str(account.proof)}
            slide_readings.put(session, scored.slide.id, reader_id, "sign", given, shown=shown)
            session.flush()
            return sign_off_view(signed, reader)


def _check_amends(
    earlier: Sequence[tuple[SignOff, Reader]],
    given: Mapping[str, int | None],
    reason: str,
    reader: Reader,
    account: Person | None,
) -> None:
    """Refuse a signature that only says the last one again, as a key pressed twice does, or changes it without why."""
    if not earlier:
        return
    last, signer = earlier[-1]
    changed = [task.title.lower() for task in TASKS if Grades.of(last)[task.name] != given[task.name]]
    if changed and not says_why(reason):
        raise LabError(
            f"These grades change what {signer.name} signed: {', '.join(changed)}. Say why in a few words, then sign. "
            "Nothing was signed."
        )
    same = signer.id == reader.id and last.account_id == (account.account_id if account else None)
    if same and dict(Grades.of(last)) == dict(given) and " ".join(reason.split())[:500] in ("", last.reason):
        raise LabError(
            f"{reader.name} has signed just these grades already. Change a grade, or say in the remark what is new. "
            "Nothing was signed."
        )


def _check_has_read(session: Session, slide_id: int, reader: Reader) -> None:
    """Refuse a signature of one who has not graded the slide unaided."""
    if all(reading.reader_id != reader.id for reading in slide_readings.current(session, [slide_id])):
        raise LabError(
            f"This project asks for the reader's own grades first, and {reader.name} has given none of this slide. "
            "Grade it, then sign. Nothing was signed."
        )


def check_signature(score: ScoreSummary, grades: Mapping[str, int | None], reason: str, validity: Validity) -> None:
    """Whether these grades may be signed. A model's grade that is not reportable asks for no reason to differ.

    Raises:
        LabError: no grade is given, one is outside its scale, or one differs from the model's without a reason.
    """
    unknown = set(grades) - set(TASK_NAMES)
    if unknown:
        raise LabError(f"There is no feature called {', '.join(sorted(unknown))}. Nothing was signed.")
    if not any(grade is not None for grade in grades.values()):
        raise LabError("No grade was chosen. Choose one of each feature you can judge. Nothing was signed.")
    changed = []
    for task in TASKS:
        grade = grades.get(task.name)
        if grade is not None and not 0 <= grade <= task.highest:
            raise LabError(f"{task.title} is graded 0 to {task.highest}; {grade} cannot be signed. Nothing was signed.")
        counts = task.name in score.tasks and validity.holds_for(task.name)
        if counts and grade != score.tasks[task.name].grade:
            changed.append(task.title.lower())
    if changed and not says_why(reason):
        raise LabError(f"You changed the grade of {', '.join(changed)}. Say why in a few words, then sign.")
