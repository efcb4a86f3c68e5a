"""A scored slide, loaded once: whatever is said, drawn or written of it comes from one object."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from db import scores as rows
from db import slide_readings
from db.models import Model, Score, Slide
from db.slides import PatchRow, patch_rows
from mmdnet.errors import LabError
from mmdnet.labels.grading import Grades
from mmdnet.reports.hospital.files import HOSPITAL_KINDS, hospital_file
from mmdnet.reports.hospital.reference import DICOM
from mmdnet.scoring.summary import ScoreSummary, read_summary
from mmdnet.settings import Settings
from mmdnet.workflows.scoring.attention_maps import attention_to, check_same_patches, map_frame
from mmdnet.workflows.scoring.models import card_of
from mmdnet.workflows.scoring.report_pictures import OVERVIEW_PX, report_pictures
from mmdnet.workflows.scoring.validities import Validities
from mmdnet.workflows.scoring.views import SignOffView, sign_off_view
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.pictures import encode_jpeg, patch_on_screen
from mmdnet.workflows.slides.stored_geometry import image_corner_px0, open_stored, stored_grid
from mmdnet.workflows.slides.views import PatchView, patch_views

if TYPE_CHECKING:
    from mmdnet.reports.html import ReportPictures
    from mmdnet.reports.inputs import ReaderGrades, ReportInputs
    from mmdnet.reports.model_card import CardDocument
    from mmdnet.reports.schema import Report
    from mmdnet.scoring.cam.evidence_maps import TaskMaps
    from mmdnet.scoring.heat import MapFrame
    from mmdnet.scoring.result import ScoreArrays
    from mmdnet.scoring.validity import Validity

REPORT_KINDS = ("pdf", "html", "csv", "json", "geojson", *HOSPITAL_KINDS)  # endings of a report's files


@dataclass(frozen=True)
class ScoredSlide:
    """A score with its slide, patches, model, per-patch numbers, readings and signatures, in a lab of these settings.

    `patch_rows` are in the order of the arrays; `sign_offs` and `readings` oldest first.
    """

    score: Score
    slide: Slide
    model: Model
    patch_rows: Sequence[PatchRow]
    summary: ScoreSummary
    arrays: ScoreArrays
    readings: Sequence[ReaderGrades]
    sign_offs: Sequence[SignOffView]
    validity: Validity
    settings: Settings

    @cached_property
    def patches(self) -> Sequence[PatchView]:
        """The slide's patches, row by row, without their measures of quality."""
        return patch_views(self.slide, self.patch_rows)

    @cached_property
    def report(self) -> Report:
        """The report, with what readers gave and who signed."""
        from mmdnet.reports.build import build_report

        return build_report(self._inputs)

    @cached_property
    def shown(self) -> Report:
        """The report as it may be shown: see `withheld`."""
        from mmdnet.reports.withhold import withheld

        return withheld(self.report)

    @cached_property
    def evidence_grades(self) -> dict[str, dict[int, int]]:
        """By task the places of the report's evidence, each with the grade its map is of: at least 1."""
        places = {
            shown.task: [patch.place for patch in (*shown.top, *shown.low, *shown.random)]
            for shown in self.report.evidence
        }
        grades = {name: self._inputs.patch_grades(name) for name in places}
        return {name: {place: max(1, int(grades[name][place])) for place in known} for name, known in places.items()}

    @cached_property
    def evidence_maps(self) -> Mapping[str, TaskMaps]:
        """Where on its patches the grades come from, by task, as far as it was made; see `mmdnet.scoring.cam`.

        What the deletion test gave rests on the model: of a feature that is withheld it is not here.
        """
        from mmdnet.scoring.cam.evidence_maps import load_maps

        maps = load_maps(evidence_maps_file(self.settings, self.score), self.model.weights_sha256)
        return {
            name: known
            if self.validity.holds_for(name)
            else {place: replace(drawn, deletion=None) for place, drawn in known.items()}
            for name, known in maps.items()
        }

    @property
    def maps_made(self) -> bool:
        """Whether the maps of every feature are there."""
        return all(shown.task in self.evidence_maps for shown in self.report.evidence)

    def map_jpeg(self, task: str, place: int) -> bytes:
        """The patch of a place with what speaks for its grade drawn over it, as a JPEG of the patch's own size.

        Raises:
            LabError: no map of it was made, or the patch cannot be read.
        """
        from mmdnet.scoring.cam.evidence_maps import map_picture

        drawn = self.evidence_maps.get(task, {}).get(place)
        if drawn is None:
            raise LabError(f"No map of this patch was made for {task}. Make the maps on the Report page first.")
        return encode_jpeg(map_picture(patch_on_screen(self.slide, self.patch_rows[place], self.settings), drawn))

    def maps_zip(self) -> bytes:
        """The maps that were made: a picture of each patch by feature, and a table of the deletion tests.

        Raises:
            LabError: none was made, or a patch cannot be read.
        """
        from mmdnet.reports.patch_maps import COLUMNS, about_maps, map_rows, patches_of
        from mmdnet.tables import to_csv

        if not self.evidence_maps:
            raise LabError(f"No maps of {self.slide.name} were made yet. Make them on its Report page first.")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as files:
            files.writestr("maps.csv", to_csv(COLUMNS, map_rows(self.shown, self.evidence_maps)))
            files.writestr("README.txt", f"{self.shown.header.use}. {about_maps(self.shown.evidence)}\n")
            for shown in self.shown.evidence:
                for kind, patch in patches_of(shown):
                    if patch.place in self.evidence_maps.get(shown.task, {}):
                        name = f"{shown.task}/{kind}_row{patch.row}_col{patch.col}.jpg"
                        files.writestr(name, self.map_jpeg(shown.task, patch.place))
        return packed.getvalue()

    @cached_property
    def card(self) -> CardDocument:
        """The card of the model that scored, as of now."""
        from mmdnet.reports.model_card import model_card

        return model_card(card_of(self.model), self.model.name, self.model.note)

    def file(self, kind: str) -> str | bytes:
        """The report as one of the kinds of file.

        Raises:
            LabError: there is no such kind, what is known of the slide does not allow it, or its DICOM file is another.
        """
        writers: dict[str, Callable[[], str | bytes]] = {
            "pdf": self.pdf, "html": self.html, "csv": self.csv, "json": self.json, "geojson": self.geojson,
        }  # fmt: skip
        if kind not in REPORT_KINDS:
            raise LabError(f"A report is written as {', '.join(f'.{name}' for name in REPORT_KINDS)}, not as {kind}.")
        if kind in writers:
            return writers[kind]()
        if self.slide.vendor == DICOM and kind.endswith(".dcm"):
            open_stored(self.slide, self.settings).close()  # it is still the image that was scored
        return hospital_file(kind, self.report, self._inputs, Path(self.slide.path), stored_grid(self.slide))

    def pdf(self) -> bytes:
        """The report as a PDF for print."""
        from mmdnet.reports.pdf import to_pdf

        return to_pdf(self.report, self.pictures(), self.card)

    def html(self) -> str:
        """The report as one self-contained HTML file."""
        from mmdnet.reports.html import to_html

        return to_html(self.report, self.pictures(), self.card)

    def pictures(self) -> ReportPictures:
        """What HTML and PDF show of the slide; without its file, attention alone."""
        of_slide = report_pictures(self.report, self.slide, self.patch_rows, self.settings, self.evidence_maps)
        maps = {drawn.task: self.heat_png(drawn.task, width_px=OVERVIEW_PX) for drawn in self.report.maps}
        return replace(of_slide, maps=maps, frame=self.frame)

    def csv(self) -> str:
        """The report's grades as a table."""
        from mmdnet.reports.csv import to_csv

        return to_csv(self.report)

    def geojson(self) -> str:
        """Every patch with its attention and grades, for QuPath."""
        from mmdnet.reports.geojson import report_geojson

        corner = image_corner_px0(self.slide, next(iter(self.patch_rows), None), self.settings)
        return report_geojson(self.report, self._inputs, corner, stored_grid(self.slide).size_px0)

    def json(self) -> str:
        """The report as the one document that is signed."""
        from mmdnet.reports.schema import canonical_json

        return canonical_json(self.report)

    def heat_png(self, task: str, width_px: int = 1600, opacity: float = 1.0) -> bytes:
        """The task's attention map as an RGBA PNG that covers the whole slide.

        Raises:
            LabError: the model does not grade this task.
        """
        from mmdnet.scoring.heat import attention_legend, heat_png, relative_attention

        attention = attention_to(task, self.arrays.attention)
        return heat_png(self.frame, relative_attention(attention), attention_legend(attention), width_px, opacity)

    @cached_property
    def _inputs(self) -> ReportInputs:
        from mmdnet.reports.inputs import ReportInputs, ReportSlide
        from mmdnet.reports.schema import SignOff

        card, slide, grid = card_of(self.model), self.slide, stored_grid(self.slide)
        return ReportInputs(
            slide=ReportSlide(
                **asdict(slide.facts),
                slide_id=slide.id,
                name=slide.name,
                tissue_mm2=slide.tissue_mm2,
                core_length_mm=slide.core_length_mm,
                fat_area_share=slide.fat_area_share,
                patch_px=grid.patch_px,
                patch_mpp=grid.patch_mpp,
            ),
            score_id=self.score.id,
            scored_at=self.score.created_at,
            score=self.summary,
            arrays=self.arrays,
            places=self.patch_rows,
            patch_ids=[patch.id for patch in self.patch_rows],
            card=card,
            made_at=datetime.now(UTC),
            set_aside=Counter(patch.set_aside for patch in self.patch_rows if patch.set_aside and not patch.overruled),
            validity=self.validity,
            slide_part=card.part_of(slide.id) if self.model.project_id == slide.project_id else None,
            human=self.readings,
            sign_offs=[
                SignOff(
                    sign_off_id=signed.id,
                    reader=signed.reader,
                    at=signed.at,
                    grades=dict(signed.grades),
                    reason=signed.reason,
                    content_sha256=signed.report_sha256,
                    amends=signed.amends_id,
                    proof=signed.proof,
                )
                for signed in self.sign_offs
            ],
            seed=self.score.id,
        )

    @cached_property
    def frame(self) -> MapFrame:
        """How the patches lie on the slide."""
        return map_frame(self.slide, [(patch.x_px0, patch.y_px0) for patch in self.patch_rows])


def evidence_maps_file(settings: Settings, score: Score) -> Path:
    """Where the maps of a score's patches are kept: beside its own file."""
    return settings.folder("scores") / rows.maps_beside(score.file)


def load_scored_slide(services: Services, score_id: int) -> ScoredSlide:
    """All there is of a score: six statements, and its file read once.

    Raises:
        LabError: there is no such score, its file is gone or damaged, or the patches were laid anew since.
    """
    from mmdnet.reports.inputs import ReaderGrades
    from mmdnet.scoring.result import SlideScore

    with services.db() as session:
        score, slide, model = rows.scored(session, score_id)
        patches = patch_rows(session, slide.id)
        readings = [
            ReaderGrades(reader.name, Grades.of(graded), graded.at)
            for graded, reader in slide_readings.with_readers(session, [slide.id])[slide.id]
        ]
        signed = [sign_off_view(*row) for row in rows.sign_offs_of(session, score_id)]
        summary = read_summary(score.result, slide.name)
        validity = Validities(session, slide.project_id).of(summary, model, slide)
    check_same_patches(slide, len(patches), summary.patches)
    arrays = SlideScore.load(services.settings.folder("scores") / score.file).arrays
    return ScoredSlide(score, slide, model, patches, summary, arrays, readings, signed, validity, services.settings)
