"""A report as a file for archives and hospital systems, by the file's ending."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.reports.hospital.reference import DICOM, readable, slide_reference

if TYPE_CHECKING:
    from mmdnet.reports.inputs import ReportInputs
    from mmdnet.reports.schema import Report
    from mmdnet.slides.geometry import PatchGrid

HOSPITAL_KINDS = ("sr.dcm", "map.dcm", "patches.dcm", "fhir.json")


def hospital_file(kind: str, report: Report, inputs: ReportInputs, path: Path, grid: PatchGrid) -> str | bytes:
    """The report as one of `HOSPITAL_KINDS`.

    Args:
        kind: the file's ending.
        report: the document.
        inputs: what it was made of.
        path: where the slide's file lies; read for DICOM slides alone, and not for FHIR.
        grid: that its patches lie on.

    Raises:
        LabError: what is known of the slide does not allow it.
    """
    if kind == "fhir.json":
        from mmdnet.reports.hospital.fhir import fhir_bundle

        return fhir_bundle(report, inputs.slide)
    with readable(report.header.slide, inputs.slide.vendor == DICOM):
        reference = slide_reference(report, inputs.slide, path)
        if kind == "sr.dcm":
            from mmdnet.reports.hospital.structured_report import structured_report

            return structured_report(report, reference)
        if kind == "map.dcm":
            from mmdnet.reports.hospital.attention_map import attention_map

            return attention_map(report, inputs, reference, grid.side_px0)
        from mmdnet.reports.hospital.patch_annotations import patch_annotations

        return patch_annotations(report, inputs, reference, grid.size_px0)
