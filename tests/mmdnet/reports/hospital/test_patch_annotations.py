"""Grades of patches as DICOM bulk annotations, read back by GDCM."""

import io
from dataclasses import replace

import numpy as np
import pytest
from pydicom import dcmread

from mmdnet.errors import LabError
from mmdnet.reports.hospital.patch_annotations import patch_annotations
from tests.mmdnet.reports.crafted import arrays, inputs, not_reportable, slide
from tests.mmdnet.reports.hospital.conftest import built
from tests.mmdnet.reports.hospital.readers import code, read_back

SIDE = (299.0, 299.0)


def groups(given, folder):
    """The groups by label, and the data set."""
    document = read_back(patch_annotations(*given, SIDE), folder)
    return {group["AnnotationGroupLabel"][0]: group for group in document["AnnotationGroupSequence"]}, document


def outlines(group, axes):
    return np.array(group["PointCoordinatesData"], float).reshape(-1, 4, axes)


def test_patches_of_a_dicom_slide_are_in_its_pixels_and_it_is_pointed_to(of_dicom, tmp_path):
    by_label, document = groups(of_dicom, tmp_path)
    assert document["SOPClassUID"] == ["1.2.840.10008.5.1.4.1.1.91.1"]
    assert (document["AnnotationCoordinateType"], document["PixelOriginInterpretation"]) == (["2D"], ["VOLUME"])
    (image,) = document["ReferencedImageSequence"]
    assert image["ReferencedSOPInstanceUID"] == ["1.2.3.1"] and document["StudyInstanceUID"] == ["1.2"]
    drawn = outlines(by_label["Patches assessed"], 2)
    assert drawn.shape == (11, 4, 2) and by_label["Patches assessed"]["GraphicType"] == ["POLYGON"]
    (every, *_) = dcmread(io.BytesIO(patch_annotations(*of_dicom, SIDE))).AnnotationGroupSequence  # GDCM leaves OL out
    assert np.frombuffer(every.LongPrimitivePointIndexList, np.int32).tolist() == list(range(1, 89, 8))
    assert drawn[5].tolist() == [[399, 349], [698, 349], [698, 648], [399, 648]]  # row 1, column 1


def test_patches_of_other_slides_are_in_mm_and_nothing_is_pointed_to(named, tmp_path):
    by_label, document = groups(named, tmp_path)
    assert document["AnnotationCoordinateType"] == ["3D"]
    assert not {"ReferencedImageSequence", "ReferencedSeriesSequence"} & set(document)
    drawn = outlines(by_label["Patches assessed"], 2)  # z is one common value
    assert drawn[5][2] == pytest.approx([698 * 0.5e-3, 648 * 0.5e-3], abs=1e-5)
    assert "image that is no DICOM, N01.svs" in by_label["Patches assessed"]["AnnotationGroupDescription"][0]


def test_of_a_drawn_slide_it_is_said_that_no_patient_is_behind_it(tmp_path):
    by_label, _ = groups(built(inputs(slide=slide(simulated=True))), tmp_path)
    assert "simulated, no patient behind it" in by_label["Patches assessed"]["AnnotationGroupDescription"][0]


def test_each_grade_is_a_group_of_its_patches_with_its_probability_and_the_model(named, tmp_path):
    by_label, _ = groups(named, tmp_path)
    grades = np.arange(11) % 4
    for grade in range(4):
        group = by_label[f"Steatosis grade {grade}"]
        assert int(group["NumberOfAnnotations"][0]) == (grades == grade).sum()
        assert code(group["AnnotationPropertyTypeCodeSequence"])[:2] == (f"steatosis-{grade}", "99MMDNET")
    (measured,) = by_label["Steatosis grade 1"]["MeasurementsSequence"]
    assert code(measured["ConceptNameCodeSequence"])[2] == "Probability"
    assert [float(value) for value in measured["MeasurementValuesSequence"][0]["FloatingPointValues"]] == [1, 1, 1]
    (algorithm,) = by_label["Steatosis grade 1"]["AnnotationGroupAlgorithmIdentificationSequence"]
    assert (algorithm["AlgorithmName"], algorithm["AlgorithmVersion"]) == (["first"], ["a" * 64])
    attention = by_label["Patches assessed"]["MeasurementsSequence"][2]
    values = [float(value) for value in attention["MeasurementValuesSequence"][0]["FloatingPointValues"]]
    assert values == pytest.approx(np.arange(1, 12) / 6, abs=1e-5)


def test_patches_of_a_feature_that_is_withheld_have_no_grade(tmp_path):
    by_label, _ = groups(built(not_reportable()), tmp_path)
    assert {label.rsplit(" grade")[0] for label in by_label} == {"Patches assessed", "Lobular inflammation"}
    assert "The model's score is not reportable: " in by_label["Patches assessed"]["AnnotationGroupDescription"][0]


def test_without_patches_or_scale_there_is_nothing_to_annotate():
    with pytest.raises(LabError, match="there is none to annotate"):
        patch_annotations(*built(inputs(arrays=replace(arrays(), assessed=np.zeros(12, bool)))), SIDE)
    with pytest.raises(LabError, match="no µm per pixel"):
        patch_annotations(*built(inputs(slide=slide(mpp_x=None, mpp_y=None))), SIDE)


def test_a_models_name_of_any_length_is_written(tmp_path):
    report, given, reference = built(inputs())
    made = report.provenance.model_copy(update={"model": "a\\b" + "x" * 90})
    by_label, _ = groups((report.model_copy(update={"provenance": made}), given, reference), tmp_path)
    (algorithm,) = by_label["Patches assessed"]["AnnotationGroupAlgorithmIdentificationSequence"]
    assert algorithm["AlgorithmName"] == ["a b" + "x" * 61]
