"""What a DICOM object of a report is about: patient, study and specimen, and the slide's image where it is DICOM.

Of a DICOM slide only its identifiers and its geometry are taken over. The patient's id is the one the lab keeps; name,
birth date and whatever else the file says of the patient stay in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet import __version__
from mmdnet.errors import LabError
from mmdnet.reports.hospital.codes import SCHEME, SCHEME_NAME, SCHEME_UID, dicom_uid
from mmdnet.reports.schema import report_sha256
from mmdnet.slides.readers.dicom import WHOLE_SLIDE_IMAGE

if TYPE_CHECKING:
    from datetime import datetime

    from pydicom import Dataset

    from mmdnet.reports.inputs import ReportSlide
    from mmdnet.reports.schema import Header, Report

DICOM = "dicom"  # the vendor of slides that are
LONGEST_SHORT, LONGEST_LONG = 16, 64  # letters of the value types SH and LO (PS3.5, 6.2)
MANUFACTURER, PRODUCT = "MMD-Net lab", "MMD-Net"
UTF_8 = "ISO_IR 192"
_NEEDED = (
    "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "Rows", "Columns",
    "TotalPixelMatrixRows", "TotalPixelMatrixColumns",
)  # fmt: skip
_WANTED = (
    *_NEEDED, "SOPClassUID", "PatientID", "StudyDate", "StudyTime", "StudyID", "NumberOfFrames", "ImageType",
    "ImageOrientationSlide", "TotalPixelMatrixOriginSequence", "SharedFunctionalGroupsSequence",
    "DimensionOrganizationType", "SpecificCharacterSet", "ContainerIdentifier", "SpecimenDescriptionSequence",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
)  # fmt: skip


@dataclass(frozen=True)
class SlideReference:
    """The slide an object is about.

    Attributes:
        image: attributes of its finest image as DICOM has them; for a slide that is no DICOM they are made up, and
            nothing that is written may point to it (`is_dicom`).
        is_dicom: whether the image is one that can be pointed to.
        source: in words, which image the pixels were of.
        container: the identifier of the glass slide: its barcode, what a DICOM file calls it, its name or fingerprint.
        mpp: µm per level-0 pixel, across and down, of a DICOM slide as its file says, whatever a person stated; None
            where the lab knows no scale.
    """

    image: Dataset
    is_dicom: bool
    source: str
    container: str
    mpp: tuple[float, float] | None

    def position_mm(self, x_px0: float, y_px0: float) -> tuple[float, float, float]:
        """A place of level 0 in the slide's frame of reference; pixel corners are whole numbers.

        Of a DICOM slide by the place of its first pixel's centre and the directions of its rows and columns (PS3.3,
        C.8.12.4); of others in mm from the upper left corner, x across and y down.
        """
        assert self.mpp is not None
        across, down = x_px0 * self.mpp[0] / 1000, y_px0 * self.mpp[1] / 1000
        if not self.is_dicom:
            return across, down, 0.0
        across, down = across - self.mpp[0] / 2000, down - self.mpp[1] / 2000
        origin = self.image.TotalPixelMatrixOriginSequence[0]
        start = (float(origin.XOffsetInSlideCoordinateSystem), float(origin.YOffsetInSlideCoordinateSystem), 0.0)
        turned = [float(part) for part in self.image.ImageOrientationSlide]
        x, y, z = (start[k] + turned[k] * across + turned[3 + k] * down for k in range(3))
        return x, y, z


def slide_reference(report: Report, slide: ReportSlide, path: Path) -> SlideReference:
    """What objects of this report refer to.

    Args:
        report: the document.
        slide: the slide's facts.
        path: where its file lies; read for DICOM slides alone.

    Raises:
        LabError: a fact does not fit into DICOM, the slide's DICOM file is gone, damaged or lacks what DICOM requires,
            or names another patient than the lab does.
    """
    header = report.header
    patient = _fits(header.patient, LONGEST_LONG, "the patient's id", header.slide)
    accession = _fits(header.accession_number, LONGEST_SHORT, "the accession number", header.slide)
    is_dicom = slide.vendor == DICOM
    image = _dicom_image(path, header.slide, patient) if is_dicom else _made_up_image(slide, patient, accession)
    names = (header.barcode, image.get("ContainerIdentifier"), header.slide, header.fingerprint)
    container = next(str(name) for name in names if name and _is_long(str(name)))
    image.SpecificCharacterSet = UTF_8
    image.PatientID, image.AccessionNumber = patient, accession
    image.PatientName = image.PatientBirthDate = image.PatientSex = image.ReferringPhysicianName = ""
    image.ContainerIdentifier = container
    image.IssuerOfTheContainerIdentifierSequence = image.ContainerTypeCodeSequence = []
    image.SpecimenDescriptionSequence = [_specimen(container, _specimen_uid(image, header.fingerprint))]
    mpp = (header.mpp_x, header.mpp_y) if header.mpp_x and header.mpp_y else None
    if is_dicom and mpp:
        with readable(header.slide):
            down, across = image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
            mpp = float(across) * 1000, float(down) * 1000
    return SlideReference(image, is_dicom, source_words(header, is_dicom), container, mpp)


def source_words(header: Header, is_dicom: bool) -> str:
    """Which image the pixels were of, in words."""
    what = "DICOM image" if is_dicom else "image that is no DICOM"
    drawn = " drawn by a program (simulated, no patient behind it)" if header.simulated else ""
    return f"{what}{drawn}, {header.slide}, SHA-256 fingerprint {header.fingerprint}"


def beside_numbers(report: Report, reference: SlideReference) -> str:
    """What stands with an object's numbers: what they are for, what keeps them from being reported, whose they are."""
    said = (f"{report.header.use}.", report.validity.words, f"Source: {reference.source}.")
    return " ".join(filter(None, said))


def needs_scale(reference: SlideReference, name: str) -> None:
    """Refuse to place anything on a slide whose scale or position is not known.

    Raises:
        LabError: no µm per pixel, or the DICOM file does not say how it lies on the glass.
    """
    if reference.mpp is None:
        raise LabError(
            f"{name} has no µm per pixel, so nothing can be placed on it. Enter it on the slide's page, then score "
            "again. Nothing was written."
        )
    placed = all(tag in reference.image for tag in ("ImageOrientationSlide", "TotalPixelMatrixOriginSequence"))
    if reference.is_dicom and not placed:
        raise LabError(
            f"The DICOM file of {name} does not say how its image lies on the glass (Image Orientation, Total Pixel "
            "Matrix Origin), so no map can be laid on it. Take the patches or the report. Nothing was written."
        )


@contextmanager
def readable(name: str, is_dicom: bool = True) -> Iterator[None]:
    """Say it in a sentence where a DICOM file's attributes, or of another slide the report's facts, do not fit.

    Raises:
        LabError: they do not.
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, OverflowError) as problem:
        wrong = (
            f"The DICOM file of {name} has attributes that DICOM does not allow or lacks some"
            if is_dicom
            else f"The report of {name} holds something that DICOM does not allow"
        )
        raise LabError(
            f"{wrong} ({problem}), so no such object can be made. Take FHIR or JSON. Nothing was written."
        ) from problem


def object_uid(kind: str, report: Report) -> str:
    """The identifier of an object: the same for the same report, signatures and program, another for any other."""
    told = report.model_dump_json(include={"sign_off", "features", "validity"})
    return dicom_uid(kind, __version__, report_sha256(report), told)


def object_facts(kind: str, series_number: int, about: str, report: Report, image: Dataset) -> dict[str, object]:
    """Which object it is, of which series and time, and the program that wrote it, as arguments of highdicom's classes.

    Args:
        kind: of object; identifiers are made of it.
        series_number: of its series in the study of the slide.
        about: what the object says, in a word.
        report: the document.
        image: the slide it is about.
    """
    at = made(report)
    return {
        "series_instance_uid": dicom_uid(kind, "series", image.StudyInstanceUID, report.provenance.score_id),
        "series_number": series_number,
        "sop_instance_uid": object_uid(kind, report),
        "instance_number": 1,
        "series_description": f"{PRODUCT}: {about}, research use",
        "content_date": at.date(),
        "content_time": at.time().replace(microsecond=0),
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PRODUCT,
        "software_versions": __version__,
        "device_serial_number": report.provenance.weights_sha256,
    }


def made(report: Report) -> datetime:
    """When what an object says was said last: the last signature, or the score."""
    signed = report.sign_off.current
    return signed.at if signed else report.provenance.scored_at


def long_string(text: str) -> str:
    """A name as DICOM's value type LO holds one, cut where it is longer: beside it stands what tells it apart."""
    return " ".join("".join(" " if letter == "\\" else letter for letter in text).split())[:LONGEST_LONG]


def person_name(reader: str) -> str:
    """A reader's name as DICOM's value type PN: all of it as the family name, since its parts are not known."""
    return " ".join("".join(" " if letter in "^=\\" else letter for letter in reader).split())[: LONGEST_LONG - 1] + "^"


def finish(made_object: Dataset, report: Report) -> bytes:
    """Name the private codes and the times, and write: equal content gives an equal object with an equal identifier.

    Args:
        made_object: of highdicom.
        report: that it is of.
    """
    import io

    from pydicom import Dataset

    scheme = Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeName = SCHEME, SCHEME_NAME
    scheme.CodingSchemeUID, scheme.CodingSchemeResponsibleOrganization = SCHEME_UID, MANUFACTURER
    made_object.CodingSchemeIdentificationSequence = [scheme]
    at = made(report)
    for library in made_object.get("ContributingEquipmentSequence", []):
        library.ContributionDateTime = f"{at:%Y%m%d%H%M%S%z}"
    made_object.InstanceCreationDate, made_object.InstanceCreationTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    made_object.TimezoneOffsetFromUTC = f"{at:%z}"
    out = io.BytesIO()
    made_object.save_as(out, enforce_file_format=True)
    return out.getvalue()


def _is_long(text: str) -> bool:
    """Whether a text fits DICOM's value type LO (PS3.5, 6.2)."""
    return len(text) <= LONGEST_LONG and text.isprintable() and "\\" not in text


def _fits(text: str | None, longest: int, what: str, name: str) -> str:
    if text is None:
        return ""
    if len(text) > longest or not _is_long(text):
        raise LabError(
            f"In {name}, {what} is “{text}”, and DICOM holds {longest} printable letters without a backslash. Correct "
            "it on the slide's page, or take FHIR or JSON, which hold it. Nothing was written."
        )
    return text


def _specimen_uid(image: Dataset, fingerprint: str) -> str:
    """The identifier of the specimen on the slide: the one its file gives, else one of its own."""
    from pydicom.uid import UID

    known = image.get("SpecimenDescriptionSequence") or []
    own = str(known[0].get("SpecimenUID") or "") if len(known) == 1 else ""
    return own if UID(own).is_valid else dicom_uid("specimen", fingerprint)


def _specimen(container: str, uid: str) -> Dataset:
    from pydicom import Dataset

    specimen = Dataset()
    specimen.SpecimenIdentifier = container
    specimen.SpecimenUID = uid
    specimen.IssuerOfTheSpecimenIdentifierSequence = specimen.SpecimenPreparationSequence = []
    return specimen


def _made_up_image(slide: ReportSlide, patient: str, accession: str) -> Dataset:
    """What highdicom asks of a source image, for a slide that is no DICOM: its study and its frame of reference."""
    from pydicom import Dataset

    image = Dataset()
    image.SOPClassUID, image.Modality = WHOLE_SLIDE_IMAGE, "SM"
    image.SOPInstanceUID, image.SeriesInstanceUID = (dicom_uid(kind, slide.fingerprint) for kind in ("image", "series"))
    image.StudyInstanceUID = dicom_uid("study", patient, accession or slide.fingerprint)
    image.FrameOfReferenceUID = dicom_uid("frame of reference", slide.fingerprint)
    image.StudyDate = image.StudyTime = image.StudyID = ""
    image.Rows = image.TotalPixelMatrixRows = slide.height_px0
    image.Columns = image.TotalPixelMatrixColumns = slide.width_px0
    image.NumberOfFrames, image.ImageType = 1, ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    image.ImageOrientationSlide = [1, 0, 0, 0, 1, 0]
    measures, shared = Dataset(), Dataset()
    measures.PixelSpacing = [(mpp or 1.0) / 1000 for mpp in (slide.mpp_y, slide.mpp_x)]
    shared.PixelMeasuresSequence = [measures]
    image.SharedFunctionalGroupsSequence = [shared]
    return image


def _dicom_image(path: Path, name: str, patient: str) -> Dataset:
    """The wanted attributes of the finest file of a DICOM slide.

    Raises:
        LabError: it is gone, cannot be read, lacks identifiers, or is of another patient.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import UID

    from mmdnet.slides.readers.slide_file import dicom_series, finest_file

    try:
        first = dicom_series(list(path.iterdir()))[0] if path.is_dir() else path
        image = pydicom.dcmread(finest_file(first), stop_before_pixels=True, specific_tags=list(_WANTED))
        lacking = [
            tag for tag in _NEEDED if not image.get(tag) or (tag.endswith("UID") and not UID(image[tag].value).is_valid)
        ]
        own = " ".join(str(image.get("PatientID") or "").split())
    except (OSError, InvalidDicomError, IndexError, ValueError, KeyError, NotImplementedError) as problem:
        raise LabError(
            f"The DICOM file of {name} cannot be read, so nothing can point to it. Put it back where it was "
            f"({path.name}). Nothing was written."
        ) from problem
    if lacking:
        raise LabError(
            f"The DICOM file of {name} has no valid {', '.join(lacking)}, so nothing can point to it. Take FHIR or "
            "JSON. Nothing was written."
        )
    if own and own != patient:
        raise LabError(
            f"The file of {name} names another patient than the lab does, and an object that names the one and points "
            "to the other would be filed wrongly. Correct the slide's patient or its file, or take FHIR or JSON. "
            "Nothing was written."
        )
    del image.file_meta
    image.SOPClassUID, image.Modality = WHOLE_SLIDE_IMAGE, "SM"
    for tag in ("StudyDate", "StudyTime", "StudyID"):
        setattr(image, tag, image.get(tag) or "")
    return image
