"""Why a file that no reader takes is not taken: what it is, in words that say what to do, never the server's path."""

from pathlib import Path
from typing import NoReturn

from mmdnet.errors import LabError
from mmdnet.slides.readers.dicom import DicomHead, NotDicomError, read_head
from mmdnet.slides.readers.tiles.tiff import Directory, NotTiffError, read_directories

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
TIFF_CODINGS = {
    33003: "JPEG 2000 (Aperio)", 33005: "JPEG 2000 (Aperio)", 34712: "JPEG 2000", 34713: "JPEG 2000",
    34715: "JBIG 2", 34887: "LERC", 34892: "lossy JPEG of DNG", 34926: "ZSTD", 50000: "ZSTD", 50001: "WebP",
    50002: "JPEG XL", 52546: "JPEG XL", 22610: "JPEG XR", 34934: "JPEG XR", 34925: "LZMA",
}  # fmt: skip
DICOM_CODINGS = {
    "1.2.840.10008.1.2.1.99": "deflated as a whole", "1.2.840.10008.1.2.2": "written big-endian",
    "1.2.840.10008.1.2.4.94": "kept on a server (JPIP)", "1.2.840.10008.1.2.4.95": "kept on a server (JPIP)",
    **{f"1.2.840.10008.1.2.4.{number}": "stored as a film (MPEG)" for number in range(100, 109)},
}  # fmt: skip
"""How what follows the first tags may be stored that is not read; what is read of frames: `tiles.dicom_frame`."""


def damaged(name: str, why: str) -> LabError:
    """The sentence for a file whose content contradicts itself."""
    return LabError(f"{name} was not added: the file is damaged ({why}). Copy or scan it again. Nothing was changed.")


def refuse_unknown(path: Path, why: str = "") -> NoReturn:
    """Refuse a file that OpenSlide does not open; `why` is its own reason, where it knew the format.

    Raises:
        LabError: always.
    """
    reason = _tiff_reason(path) or _dicom_reason(path)
    if reason is not None:
        raise LabError(f"{path.name} was not added: {reason} Nothing was changed.")
    if why:
        raise damaged(path.name, _without_path(path, why))
    raise LabError(
        f"{path.name} was not added: it is no slide this program can read. Export it as SVS, pyramidal TIFF or DICOM "
        "and try again. Nothing was changed."
    )


def _without_path(path: Path, why: str) -> str:
    return why.replace(str(path), path.name).replace(str(path.parent), "its folder")


def _tiff_reason(path: Path) -> str | None:
    with path.open("rb") as file:
        if file.read(4) not in TIFF_STARTS:
            return None
    try:
        directories = read_directories(path)
    except NotTiffError:
        return "the file ends before its own table of contents, as one that was cut short. Copy it again."
    size = path.stat().st_size
    if any(len(page.offsets) and len(page.offsets) == len(page.sizes) and (page.offsets + page.sizes > size).any()
           for page in directories):  # fmt: skip
        return "the file ends before its last tile, as one that was cut short. Copy it again."
    return _picture_reason(max(directories, key=lambda page: page.width * page.height)) if directories else None


def _picture_reason(page: Directory) -> str | None:
    coding = TIFF_CODINGS.get(page.compression)
    if coding is not None:
        return f"its tiles are compressed as {coding}, which this reader does not know. Export it with JPEG tiles."
    if page.planar != 1:
        return "its colours are stored as planes of their own. Export it with the colours of a pixel together."
    return None


def _dicom_reason(path: Path) -> str | None:
    try:
        head = read_head(path)
    except (NotDicomError, OSError):
        return None
    return dicom_reason(head)


def dicom_reason(head: DicomHead) -> str | None:
    """What about a DICOM file this program cannot read; None where nothing is known of."""
    if not head.is_slide:
        return "it is a DICOM object, but no whole-slide image. Give the slide's own files."
    if head.bits > 8:
        return f"its pixels have {head.bits} bits a colour, and 8 are read. Export it with 8 bits."
    coding = DICOM_CODINGS.get(head.syntax)
    if coding is not None:
        return f"it is {coding}, which this reader does not know. Export it with JPEG frames."
    return None
