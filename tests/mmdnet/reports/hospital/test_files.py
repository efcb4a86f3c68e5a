"""Each ending is its own kind of file, and a slide whose file cannot be pointed to still has its FHIR."""

import io
import json
from pathlib import Path

import pytest
from pydicom import dcmread

from mmdnet.errors import LabError
from mmdnet.reports.build import build_report
from mmdnet.reports.hospital.files import HOSPITAL_KINDS, hospital_file
from mmdnet.slides.geometry import PatchGrid
from tests.mmdnet.reports.crafted import inputs, slide

GRID = PatchGrid((100, 50), 299, 0.5, 0.5, 0.5)


def written(kind, **facts):
    given = inputs(slide=slide(**facts))
    return hospital_file(kind, build_report(given), given, Path("gone.dcm"), GRID)


def test_every_ending_is_another_kind_of_object():
    *dicom, fhir = (written(kind) for kind in HOSPITAL_KINDS)
    assert [dcmread(io.BytesIO(data)).Modality for data in dicom] == ["SR", "OT", "ANN"]
    assert json.loads(fhir)["resourceType"] == "Bundle"


def test_fhir_asks_for_no_file():
    with pytest.raises(LabError, match="cannot be read, so nothing can point to it"):
        written("sr.dcm", vendor="dicom")
    assert json.loads(written("fhir.json", vendor="dicom"))["entry"]
