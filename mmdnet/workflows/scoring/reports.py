"""Reports: what is said of a scored slide, what it rests on, and who signed it."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from db import scores as rows
from db.models import Model, Patch, Reader, Score, SignOff, Slide
from db.slides import patches_of, put_slide_grade, slide_grades
from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, TASKS
from mmdnet.workflows.scoring.scoring import score_file
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.slides import Slides
from mmdnet.workflows.slides.stored_geometry import image_corner_px0, stored_grid
from mmdnet.workflows.slides.views import PatchView, patch_views
from mmdnet.workflows.training.models import card_of
from mmdnet.workflows.views import SignOffView

if TYPE_CHECKING:
    from mmdnet.reports.build import ReportInputs
    from mmdnet.reports.html import ReportPictures
    from mmdnet.reports.schema import Report
    from mmdnet.reports.schema import SignOff as Signature
    from mmdnet.scoring.heat import HeatLegend, MapFrame


class Reports:
    """What pages and commands show of a score, and the sign-off."""

    def __init__(self, services: Services, slides: Slides) -> None:
        self._services = services
        self._slides = slides

    def build(self, score_id: int) -> Report:
        """The report of a score, with what readers gave and who signed.

        Raises:
            LabError: the score's file or the slide's patches are gone.
        """
        from mmdnet.reports.build import build_report

        return build_report(self._inputs(score_id))

    def _inputs(self, score_id: int) -> ReportInputs:
        from mmdnet.reports.build import ReaderGrades, ReportInputs, SlideFacts

        slide, patches = self._scored(score_id)
        with self._services.db() as session:
            score = must_get(session, Score, score_id, "score")
            model = must_get(session, Model, score.model_id, "model")
            human = [
                ReaderGrades(
                    must_get(session, Reader, grade.reader_id, "reader").name,
                    {name: getattr(grade, name) for name in TASK_NAMES},
                    grade.at,
                )
                for grade in slide_grades(session, [slide.id])
            ]
        facts = {field.name: getattr(slide, field.name) for field in fields(SlideFacts) if field.name != "slide_id"}
        card = card_of(model)
        return ReportInputs(
            slide=SlideFacts(slide_id=slide.id, **facts),
            score_id=score_id,
            scored_at=score.created_at,
            score=score.result,
            arrays=self._arrays(score_id),
            places=patches,
            patch_ids=[patch.id for patch in patches],
            card=card,
            made_at=datetime.now(UTC),
            set_aside=Counter(patch.set_aside for patch in patches if patch.set_aside and not patch.overruled),
            slide_part=card.part_of(slide.id) if model.project_id == slide.project_id else None,
            human=human,
            sign_offs=[_signature(one) for one in self.sign_offs(score_id)],
            seed=score_id,
        )

    def html(self, score_id: int) -> str:
        """The report as one self-contained HTML file."""
        from mmdnet.reports.html import to_html

        report = self.build(score_id)
        return to_html(report, self._pictures(score_id, report))

    def csv(self, score_id: int) -> str:
        """The report's grades as a table."""
        from mmdnet.reports.csv import to_csv

        return to_csv(self.build(score_id))

    def geojson(self, score_id: int) -> str:
        """Every patch with its attention and grades, for QuPath."""
        from mmdnet.reports.build import build_report
        from mmdnet.reports.geojson import report_geojson

        slide, patches = self._scored(score_id)
        inputs = self._inputs(score_id)
        return report_geojson(
            build_report(inputs), inputs, image_corner_px0(slide, patches), stored_grid(slide).size_px0
        )

    def json(self, score_id: int) -> str:
        """The report as the one document that is signed."""
        from mmdnet.reports.schema import canonical_json

        return canonical_json(self.build(score_id))

    def sign(self, score_id: int, reader_id: int, grades: dict[str, int | None], reason: str = "") -> SignOffView:
        """Sign grades of a scored slide. A later signature amends the one before; none is ever changed.

        Raises:
            LabError: a grade outside its scale, or one that differs from the model's without a reason.
        """
        from mmdnet.reports.schema import report_sha256

        with self._services.db() as session:
            check_signature(must_get(session, Score, score_id, "score").result, grades, reason)
        report = self.build(score_id)
        with self._services.db.begin() as session:
            earlier = rows.sign_offs_of(session, score_id)
            reader = must_get(session, Reader, reader_id, "reader")
            slide_id = must_get(session, Score, score_id, "score").slide_id
            signed = SignOff(
                score_id=score_id,
                reader_id=reader_id,
                amends_id=earlier[-1][0].id if earlier else None,
                reason=" ".join(reason.split())[:500],
                report_sha256=report_sha256(report),
                report=report.model_dump(mode="json"),
                **{name: grades.get(name) for name in TASK_NAMES},
            )
            session.add(signed)
            put_slide_grade(session, slide_id, reader_id, {name: grades.get(name) for name in TASK_NAMES})
            session.flush()
            return _sign_off_view(signed, reader)

    def evidence(self, score_id: int, task: str) -> dict[str, list[PatchView]]:
        """Patches that drew most and least of the task's attention, and some drawn at random (`top`, `low`, `random`).

        Raises:
            LabError: the model does not grade this task, or the score's file is gone.
        """
        slide, patches = self._scored(score_id)
        by_id = {patch.id: patch for patch in patches}
        for found in self.build(score_id).evidence:
            if found.task == task:
                return {
                    kind: patch_views(slide, [by_id[one.patch_id] for one in getattr(found, kind)])
                    for kind in ("top", "low", "random")
                }
        raise LabError(f"The model of this score does not grade {task}, so no patch drew its attention.")

    def heat_png(self, score_id: int, task: str, width_px: int = 1600, opacity: float = 1.0) -> bytes:
        """The task's attention map as an RGBA PNG that covers the whole slide."""
        from mmdnet.scoring.heat import attention_legend, heat_png, relative_attention

        attention = self._attention(score_id, task)
        frame = self._frame(score_id)
        return heat_png(frame, relative_attention(attention), attention_legend(attention), width_px, opacity)

    def heat_legend(self, score_id: int, task: str) -> HeatLegend:
        """What the colours of the attention map stand for."""
        from mmdnet.scoring.heat import attention_legend

        return attention_legend(self._attention(score_id, task))

    def sign_offs(self, score_id: int) -> list[SignOffView]:
        """Sign-offs of a score, oldest first."""
        with self._services.db() as session:
            return [_sign_off_view(*row) for row in rows.sign_offs_of(session, score_id)]

    def _pictures(self, score_id: int, report: Report) -> ReportPictures:
        """Overview, maps and evidence patches; a slide whose file is gone has a report without pictures."""
        from mmdnet.reports.html import ReportPictures

        maps = {found.task: self.heat_png(score_id, found.task, width_px=900) for found in report.maps}
        shown = {one.patch_id for found in report.evidence for one in (*found.top, *found.low, *found.random)}
        try:
            overview = self._slides.pictures.thumbnail(report.header.slide_id, 900)
            patches = {patch_id: self._slides.pictures.patch_jpeg(patch_id, px=200) for patch_id in sorted(shown)}
        except LabError:
            overview, patches = None, {}
        return ReportPictures(slide=overview, maps=maps, frame=self._frame(score_id), patches=patches)

    def _scored(self, score_id: int) -> tuple[Slide, list[Patch]]:
        """The slide of a score, and its patches in the order of the score's arrays.

        Raises:
            LabError: the patches were laid anew since.
        """
        with self._services.db() as session:
            score = must_get(session, Score, score_id, "score")
            slide = must_get(session, Slide, score.slide_id, "slide")
            patches = list(patches_of(session, slide.id))
        if len(patches) != score.result["patches"]:
            raise LabError(f"The patches of {slide.name} were laid anew since it was scored. Score it again.")
        return slide, patches

    def _arrays(self, score_id: int) -> dict[str, np.ndarray]:
        from mmdnet.scoring.result import read_score

        return read_score(score_file(self._services, score_id))[0]

    def _attention(self, score_id: int, task: str) -> np.ndarray:
        arrays = self._arrays(score_id)
        if f"attention.{task}" not in arrays:
            raise LabError(f"The model of this score does not grade {task}, so there is no map of it.")
        return arrays[f"attention.{task}"]

    def _frame(self, score_id: int) -> MapFrame:
        from mmdnet.scoring.heat import MapFrame

        slide, patches = self._scored(score_id)
        width, height = stored_grid(slide).size_px0
        return MapFrame(
            slide.width_px0,
            slide.height_px0,
            np.array([patch.x_px0 for patch in patches]),
            np.array([patch.y_px0 for patch in patches]),
            width,
            height,
        )


def check_signature(result: dict[str, Any], grades: dict[str, int | None], reason: str) -> None:
    """Whether these grades may be signed.

    Raises:
        LabError: a grade is outside its scale, or one differs from the model's and no reason is given.
    """
    unknown = set(grades) - set(TASK_NAMES)
    if unknown:
        raise LabError(f"There is no feature called {', '.join(sorted(unknown))}. Nothing was signed.")
    changed = []
    for task in TASKS:
        grade = grades.get(task.name)
        if grade is not None and not 0 <= grade <= task.highest:
            raise LabError(f"{task.title} is graded 0 to {task.highest}; {grade} cannot be signed. Nothing was signed.")
        model = result["tasks"].get(task.name)
        if model is not None and grade != model["grade"]:
            changed.append(task.title.lower())
    if changed and len(reason.strip()) < 3:
        raise LabError(f"You changed the grade of {', '.join(changed)}. Say why in a few words, then sign.")


def _sign_off_view(sign_off: SignOff, reader: Reader) -> SignOffView:
    return SignOffView(
        id=sign_off.id,
        score_id=sign_off.score_id,
        reader_id=reader.id,
        reader=reader.name,
        amends_id=sign_off.amends_id,
        grades={name: getattr(sign_off, name) for name in TASK_NAMES},
        reason=sign_off.reason,
        report_sha256=sign_off.report_sha256,
        at=sign_off.at,
    )


def _signature(view: SignOffView) -> Signature:
    from mmdnet.reports.schema import SignOff as Signature

    return Signature(
        sign_off_id=view.id,
        reader=view.reader,
        at=view.at,
        grades=view.grades,
        reason=view.reason,
        content_sha256=view.report_sha256,
        amends=view.amends_id,
    )
