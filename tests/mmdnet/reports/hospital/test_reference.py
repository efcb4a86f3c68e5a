"""Whose an object is and where it lies: the lab's patient and nothing else, the slide's own frame of reference."""

import pytest
from pydicom import Dataset, dcmread
from pydicom.config import disable_value_validation

from benchmarks._drawn import tissue, write_dicom
from mmdnet.errors import LabError
from mmdnet.reports.hospital.reference import needs_scale, person_name, readable
from mmdnet.reports.hospital.structured_report import structured_report
from tests.mmdnet.reports.crafted import inputs, slide
from tests.mmdnet.reports.hospital.conftest import built


def test_a_dicom_slide_gives_its_identifiers_and_the_lab_the_patient(of_dicom):
    image = of_dicom[2].image
    assert (image.StudyInstanceUID, image.SOPInstanceUID, image.SeriesInstanceUID) == ("1.2", "1.2.3.1", "1.2.3")
    assert (image.PatientID, image.PatientName, image.PatientBirthDate) == ("P-1", "", "")
    assert (image.TotalPixelMatrixColumns, image.TotalPixelMatrixRows) == (2000, 1200)


def test_nothing_more_of_the_patient_leaves_the_file(tmp_path, dicom_file):
    known = dcmread(dicom_file)
    known.PatientName, known.PatientBirthDate, known.PatientComments = "Doe^Jane", "19700101", "a neighbour"
    known.save_as(tmp_path / "known.dcm")
    given = inputs(slide=slide(vendor="dicom", patient="P-1"))
    image = built(given, tmp_path / "known.dcm")[2].image
    assert "Doe" not in str(image) and "1970" not in str(image) and "neighbour" not in str(image)


def test_the_specimen_is_called_as_the_slides_file_calls_it(tmp_path, dicom_file):
    known, specimen = dcmread(dicom_file), Dataset()
    specimen.SpecimenUID, specimen.SpecimenShortDescription = "1.2.77", "of a neighbour"
    known.ContainerIdentifier, known.SpecimenDescriptionSequence = "G-1", [specimen]
    known.save_as(tmp_path / "known.dcm")

    def image(**facts):
        return built(inputs(slide=slide(vendor="dicom", patient="P-1", **facts)), tmp_path / "known.dcm")[2].image

    (described,) = image().SpecimenDescriptionSequence
    assert (image().ContainerIdentifier, described.SpecimenIdentifier, described.SpecimenUID) == (
        "G-1",
        "G-1",
        "1.2.77",
    )
    assert image(barcode="S1").ContainerIdentifier == "S1" and "neighbour" not in str(image())


def test_places_on_a_dicom_slide_go_by_its_origin_and_directions(of_dicom):
    # Rows of pixels run along -y and columns along -x from (20, 50) mm, the centre of the first pixel of 0.5 µm.
    x, y, z = of_dicom[2].position_mm(1000.5, 200.5)
    assert (x, y, z) == pytest.approx((20 - 0.1, 50 - 0.5, 0))


def test_places_on_other_slides_are_mm_from_the_upper_left_corner(named):
    assert named[2].position_mm(1000, 200) == pytest.approx((0.5, 0.1, 0))


def test_a_study_is_the_case_and_without_its_number_the_slide():
    def study(**facts):
        return built(inputs(slide=slide(**facts)))[2].image.StudyInstanceUID

    assert study(accession_number="A1") == study(accession_number="A1", fingerprint="d" * 64)
    assert study() != study(fingerprint="d" * 64)
    assert study(accession_number="A1") != study(accession_number="A1", patient="P02")


@pytest.mark.parametrize(
    ("facts", "container"),
    [({"barcode": "S1"}, "S1"), ({}, "N01.svs"), ({"name": "x" * 65}, "c" * 64), ({"barcode": "a\\b"}, "N01.svs")],
)
def test_the_glass_is_called_by_its_barcode_else_its_name_else_its_fingerprint(facts, container):
    reference = built(inputs(slide=slide(**facts)))[2]
    assert reference.container == reference.image.ContainerIdentifier == container


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"accession_number": "x" * 17}, r"the accession number is “x{17}”, and DICOM holds 16"),
        ({"accession_number": "A\\1"}, "without a backslash"),
        ({"patient": "p" * 65}, "the patient's id is .* DICOM holds 64 .* Nothing was written"),
        ({"vendor": "dicom"}, r"cannot be read, so nothing can point to it.*nowhere\.svs"),
    ],
)
def test_what_dicom_cannot_hold_or_point_to_is_refused_and_never_cut(facts, words):
    with pytest.raises(LabError, match=words):
        built(inputs(slide=slide(**facts)))


def test_an_object_is_not_filed_under_a_patient_its_slide_is_not_of(tmp_path, dicom_file):
    with pytest.raises(LabError, match="names another patient than the lab does"):
        built(inputs(slide=slide(vendor="dicom", patient="P02")), dicom_file)
    for cut in (0, 150, 500):
        (tmp_path / "cut.dcm").write_bytes(dicom_file.read_bytes()[:cut])
        with pytest.raises(LabError, match="so nothing can point to it"):
            built(inputs(slide=slide(vendor="dicom", patient="P-1")), tmp_path / "cut.dcm")


def test_nothing_is_placed_where_scale_or_position_are_unknown(tmp_path):
    reference = built(inputs(slide=slide(mpp_x=None, mpp_y=None)))[2]
    with pytest.raises(LabError, match="has no µm per pixel"):
        needs_scale(reference, "a.svs")
    file = write_dicom(tmp_path / "a.dcm", tissue(256, 256, border=8))
    known = dcmread(file)
    del known.ImageOrientationSlide
    known.save_as(file)
    reference = built(inputs(slide=slide(vendor="dicom", patient="P-1")), file)[2]
    with pytest.raises(LabError, match="does not say how its image lies on the glass"):
        needs_scale(reference, "a.dcm")


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize(
    ("tag", "value", "words"),
    [
        ("StudyInstanceUID", "1.2.x", "has no valid StudyInstanceUID, so nothing can point to it"),
        ("Rows", 0, "has no valid Rows"),
        ("StudyDate", "2020-01-01", "attributes that DICOM does not allow"),
        ("SharedFunctionalGroupsSequence", [], "or lacks some"),
    ],
)
def test_a_dicom_file_with_odd_attributes_is_refused_in_a_sentence(tmp_path, dicom_file, tag, value, words):
    odd = dcmread(dicom_file)
    with disable_value_validation():
        setattr(odd, tag, value)
        odd.save_as(tmp_path / "odd.dcm")
    with pytest.raises(LabError, match=words), readable("a.dcm"):
        report, _, reference = built(inputs(slide=slide(vendor="dicom", patient="P-1")), tmp_path / "odd.dcm")
        structured_report(report, reference)


def test_of_a_slide_that_is_no_dicom_no_dicom_file_is_blamed():
    said = r"The report of a\.svs holds something that DICOM does not allow \(too long\)"
    with pytest.raises(LabError, match=said), readable("a.svs", is_dicom=False):
        raise ValueError("too long")


def test_a_readers_name_is_one_dicom_takes():
    assert person_name("Dr B") == "Dr B^"
    assert person_name("a^b=c\\d") == "a b c d^" and len(person_name("x" * 80)) == 64
