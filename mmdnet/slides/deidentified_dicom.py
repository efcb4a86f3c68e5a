"""The levels of a DICOM slide in a new folder, with the attributes that reading them needs and no others.

A list of what is kept, not of what is removed as in DICOM PS3.15 annex E: what is not known here cannot slip through.
Identifiers of study, series and object are new, the same in all files of a copy, and cannot be traced back.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.slides.deidentified_tiff import Deidentified, more_than_pixels, unshown
from mmdnet.slides.facts import FileFacts
from mmdnet.slides.readers.dicom import dicom_files

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Attributes of the whole-slide image (PS3.3 A.32.8) by which its pixels are found, measured and coloured.
KEPT = frozenset((
    "ImageType", "Modality", "InstanceNumber", "NumberOfFrames", "Rows", "Columns", "SamplesPerPixel",
    "PhotometricInterpretation", "PlanarConfiguration", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "BurnedInAnnotation", "SpecimenLabelInImage", "LossyImageCompression",
    "LossyImageCompressionRatio", "LossyImageCompressionMethod", "VolumetricProperties", "TotalPixelMatrixColumns",
    "TotalPixelMatrixRows", "TotalPixelMatrixFocalPlanes", "TotalPixelMatrixOriginSequence",
    "XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem", "ZOffsetInSlideCoordinateSystem",
    "ImagedVolumeWidth", "ImagedVolumeHeight", "ImagedVolumeDepth", "ImageOrientationSlide", "FocusMethod",
    "ExtendedDepthOfField", "NumberOfOpticalPaths", "OpticalPathSequence", "OpticalPathIdentifier",
    "IlluminationTypeCodeSequence", "IlluminationColorCodeSequence", "IlluminationWaveLength", "ICCProfile",
    "ColorSpace", "ObjectiveLensPower", "CondenserLensPower", "ObjectiveLensNumericalAperture", "CodeValue",
    "CodingSchemeDesignator", "CodeMeaning", "DimensionOrganizationType", "DimensionOrganizationSequence",
    "DimensionIndexSequence", "DimensionIndexPointer", "FunctionalGroupPointer", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "PixelMeasuresSequence", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "FrameContentSequence", "DimensionIndexValues", "PlanePositionSlideSequence",
    "ColumnPositionInTotalImagePixelMatrix", "RowPositionInTotalImagePixelMatrix", "OpticalPathIdentificationSequence",
    "WholeSlideMicroscopyImageFrameTypeSequence", "FrameType", "ExtendedOffsetTable", "ExtendedOffsetTableLengths",
    "InConcatenationNumber", "InConcatenationTotalNumber", "ConcatenationFrameOffsetNumber", "PixelData", "SOPClassUID",
))  # fmt: skip
LEVEL = "VOLUME"  # third word of the image type of what the scanner scanned of tissue (PS3.3 C.8.12.4.1.1)
JPEG_START = b"\xff\xd8"
RENEWED = frozenset((
    "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "DimensionOrganizationUID",
    "ConcatenationUID", "SOPInstanceUIDOfConcatenationSource",
))  # fmt: skip
EMPTY = (
    "PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "ReferringPhysicianName", "PositionReferenceIndicator",
)  # fmt: skip
"""What every object must have, though it may be empty (type 2)."""
PLAIN = {
    "PatientID": "REMOVED",
    "ContainerIdentifier": "REMOVED",
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "mmdnet: the pyramid and what reads it kept, all else removed",
}


def copy_dicom(facts: FileFacts, out: Path) -> Deidentified:
    """Write the levels of a DICOM slide to files 1.dcm, 2.dcm ... of a new folder, and read them back.

    Raises:
        LabError: words are burnt into it, its frames hold words, no file of it is a level, or one is damaged.
    """
    import pydicom
    from pydicom.errors import InvalidDicomError

    folder = facts.path if facts.path.is_dir() else facts.path.parent
    files = [pair for pair in dicom_files(sorted(folder.iterdir())) if pair[1].series == facts.series]
    salt = secrets.token_hex(16)
    out.mkdir()
    tiles, gone = 0, {f"{head.flavour.lower() or 'unnamed'} picture" for _, head in files if head.flavour != LEVEL}
    kept = [file for file, head in files if head.flavour == LEVEL]
    if not kept:
        raise unshown(facts.path.name, "none of its files says that it is a level of the pyramid")
    for number, file in enumerate(kept, 1):
        place = out / f"{number}.dcm"
        try:
            source = pydicom.dcmread(file)
            _check_frames(source, facts.path.name)
            copy = _copy(source, salt)
            copy.save_as(place, enforce_file_format=True)
            again = pydicom.dcmread(place)
        except (InvalidDicomError, AttributeError, ValueError, TypeError, KeyError) as error:
            raise unshown(facts.path.name, f"{file.name} is damaged or not as DICOM has it") from error
        if again.PixelData != source.PixelData or not _only_kept(again):
            raise unshown(facts.path.name, "what was written is not what was read")
        gone |= {element.keyword or f"tag {element.tag}" for element in source if element.keyword not in _all_known()}
        tiles += int(source.get("NumberOfFrames", 1))
    return Deidentified(out, len(kept), tiles, tuple(sorted(gone)))


def _check_frames(source: Dataset, name: str) -> None:
    """Refuse what shows or holds words.

    Raises:
        LabError: so it does.
    """
    from pydicom.encaps import generate_frames

    if "YES" in {source.get("BurnedInAnnotation", "NO"), source.get("SpecimenLabelInImage", "NO")}:
        raise unshown(name, "it says itself that words or the slide's label are in its picture")
    if source.file_meta.TransferSyntaxUID.is_compressed:
        for frame in generate_frames(source.PixelData, number_of_frames=int(source.get("NumberOfFrames", 1))):
            if frame[:2] != JPEG_START:
                raise unshown(name, "its frames are no JPEG, and may hold words beside pixels")
            more = more_than_pixels(frame)
            if more is not None:
                raise unshown(name, f"its frames hold more than pixels ({more})")


def _copy(source: Dataset, salt: str) -> Dataset:
    """A new object of what is kept; its pixels are the very bytes."""
    from pydicom.dataset import FileMetaDataset

    copy = _reduced(source, salt)
    for keyword in EMPTY:
        setattr(copy, keyword, "")
    for keyword, value in PLAIN.items():
        setattr(copy, keyword, value)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = source.file_meta.TransferSyntaxUID
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = copy.SOPClassUID, copy.SOPInstanceUID
    copy.file_meta = meta
    return copy


def _reduced(source: Dataset, salt: str) -> Dataset:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    copy = Dataset()
    for element in source:
        if element.keyword in RENEWED:
            setattr(copy, element.keyword, _renewed(str(element.value), salt))
        elif element.keyword not in KEPT:
            continue
        elif element.VR == "SQ":
            setattr(copy, element.keyword, Sequence([_reduced(item, salt) for item in element.value]))
        else:
            copy.add(element)
    return copy


def _renewed(uid: str, salt: str) -> str:
    """A new identifier for an old one (PS3.5 annex B.2: 2.25. and a number of 128 bits)."""
    return f"2.25.{int.from_bytes(hashlib.sha256(f'{salt}{uid}'.encode()).digest()[:16], 'big')}"


def _all_known() -> frozenset[str]:
    return KEPT | RENEWED | {*EMPTY, *PLAIN}


def _only_kept(copy: Dataset) -> bool:
    return all(
        element.keyword in _all_known() and (element.VR != "SQ" or all(_only_kept(item) for item in element.value))
        for element in copy
    )
