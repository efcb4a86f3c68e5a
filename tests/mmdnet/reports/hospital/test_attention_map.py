"""Attention as a DICOM parametric map, read back by GDCM."""

from dataclasses import replace

import numpy as np
import pytest

from mmdnet.errors import LabError
from mmdnet.reports.hospital.attention_map import NOT_ASSESSED, attention_map
from tests.mmdnet.reports.crafted import arrays, inputs, not_reportable, slide
from tests.mmdnet.reports.hospital.conftest import built
from tests.mmdnet.reports.hospital.readers import code, read_back

SIDE = (299.0, 299.0)


def frames(document):
    shape = [int(document[name][0]) for name in ("NumberOfFrames", "Rows", "Columns")]
    return np.array(document["FloatPixelData"], np.float64).reshape(shape)


def test_each_pixel_is_a_patchs_attention_in_multiples_of_the_mean(named, tmp_path):
    document = read_back(attention_map(*named, SIDE), tmp_path)
    assert document["SOPClassUID"] == ["1.2.840.10008.5.1.4.1.1.30"] and document["ContentQualification"] == [
        "RESEARCH"
    ]
    values = frames(document)
    assert values.shape == (3, 3, 4)
    expected = np.arange(1.0, 12.0) / np.arange(1.0, 12.0).mean()
    assert values[0].ravel() == pytest.approx([*expected, NOT_ASSESSED], abs=1e-5)
    assert float(document["FloatPixelPaddingValue"][0]) == NOT_ASSESSED
    mapped = [frame["RealWorldValueMappingSequence"][0] for frame in document["PerFrameFunctionalGroupsSequence"]]
    assert [frame["LUTLabel"] for frame in mapped] == [["BALLOONING"], ["INFLAMMATION"], ["STEATOSIS"]]
    assert code(mapped[2]["MeasurementUnitsCodeSequence"]) == ("1", "UCUM", "no units")
    assert document["ImageComments"][0].startswith("Research use only. Source: image that is no DICOM, N01.svs")


def test_it_lies_where_the_patches_lie(named, of_dicom, tmp_path):
    side_mm = 299 * 0.5 / 1000
    document = read_back(attention_map(*named, SIDE), tmp_path)
    (shared,) = document["SharedFunctionalGroupsSequence"]
    spacing = [float(value) for value in shared["PixelMeasuresSequence"][0]["PixelSpacing"]]
    assert spacing == pytest.approx([side_mm, side_mm])
    (origin,) = document["TotalPixelMatrixOriginSequence"]
    first = [float(origin[f"{axis}OffsetInSlideCoordinateSystem"][0]) for axis in "XY"]
    assert first == pytest.approx([100 * 0.5e-3 + side_mm / 2, 50 * 0.5e-3 + side_mm / 2])
    assert not {"SourceImageSequence", "ReferencedSeriesSequence"} & set(document)

    document = read_back(attention_map(*of_dicom, SIDE), tmp_path)
    (origin,) = document["TotalPixelMatrixOriginSequence"]
    first = [float(origin[f"{axis}OffsetInSlideCoordinateSystem"][0]) for axis in "XY"]
    down, across = 50 * 0.5e-3 + side_mm / 2 - 0.25e-3, 100 * 0.5e-3 + side_mm / 2 - 0.25e-3
    assert first == pytest.approx([20 - down, 50 - across])  # the file's rows run along -y, its columns along -x
    assert document["FrameOfReferenceUID"] == ["1.2.9"] and document["StudyInstanceUID"] == ["1.2"]
    (series,) = document["ReferencedSeriesSequence"]
    (instance,) = series["ReferencedInstanceSequence"]
    assert instance["ReferencedSOPInstanceUID"] == ["1.2.3.1"]


def test_where_the_network_looked_is_written_though_the_grade_is_withheld_and_that_is_said(tmp_path):
    document = read_back(attention_map(*built(not_reportable()), SIDE), tmp_path)
    assert frames(document).max() > 1
    assert "Research use only. The model's score is not reportable: " in document["ImageComments"][0]


def test_of_a_drawn_slide_it_is_said_that_no_patient_is_behind_it(tmp_path):
    document = read_back(attention_map(*built(inputs(slide=slide(simulated=True))), SIDE), tmp_path)
    assert "simulated, no patient behind it" in document["ImageComments"][0]


def test_without_attention_or_scale_there_is_no_map():
    nothing = {name: np.full(12, np.nan) for name in arrays().attention}
    with pytest.raises(LabError, match=r"No patch of N01\.svs was assessed.*Nothing was written"):
        attention_map(*built(inputs(arrays=replace(arrays(), attention=nothing))), SIDE)
    with pytest.raises(LabError, match="no µm per pixel"):
        attention_map(*built(inputs(slide=slide(mpp_x=None, mpp_y=None))), SIDE)


def test_equal_reports_are_equal_files(named):
    assert attention_map(*named, SIDE) == attention_map(*named, SIDE)
