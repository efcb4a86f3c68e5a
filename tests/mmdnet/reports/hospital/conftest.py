"""Reports written down by hand, and a DICOM slide's file on the disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks._drawn import tissue, write_dicom
from mmdnet.reports.build import build_report
from mmdnet.reports.hospital.reference import SlideReference, slide_reference
from mmdnet.reports.inputs import ReportInputs
from mmdnet.reports.schema import Report, report_sha256
from tests.mmdnet.reports.crafted import inputs, of_today, slide
from tests.mmdnet.reports.test_schema import signature


def built(given: ReportInputs, path: Path = Path("nowhere.svs")) -> tuple[Report, ReportInputs, SlideReference]:
    """The report, what it was made of, and what DICOM objects of it refer to."""
    report = build_report(given)
    return report, given, slide_reference(report, given.slide, path)


@pytest.fixture(scope="session")
def named() -> tuple[Report, ReportInputs, SlideReference]:
    """A reportable report of a slide that is no DICOM, with the names of its case, signed."""
    given = inputs(score=of_today(), slide=slide(accession_number="A26-1", barcode="S26;A1"))
    return built(replace(given, sign_offs=[signature(report_sha256(build_report(given)))]))


@pytest.fixture(scope="session")
def dicom_file(tmp_path_factory) -> Path:
    """A slide of 2000 x 1200 pixels at 0.5 µm/px: SOP instance 1.2.3.1 of study 1.2, patient P-1."""
    return write_dicom(tmp_path_factory.mktemp("dicom") / "a.dcm", tissue(2000, 1200, fat=0.0), tile=512)


@pytest.fixture(scope="session")
def of_dicom(dicom_file) -> tuple[Report, ReportInputs, SlideReference]:
    """The same, of a DICOM slide."""
    return built(inputs(score=of_today(), slide=slide(vendor="dicom", patient="P-1", name="a.dcm")), dicom_file)
