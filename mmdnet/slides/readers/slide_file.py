"""A slide's file through OpenSlide, its JPEG tiles read directly where that gives the same pixels."""

from collections.abc import Sequence
from pathlib import Path

import openslide

from mmdnet.errors import LabError
from mmdnet.slides.colour_profile import profile_note
from mmdnet.slides.facts import FileFacts, fingerprint, scale_of
from mmdnet.slides.geometry import Window
from mmdnet.slides.readers.dicom import DicomHead, NotDicomError, dicom_files, is_dicom, read_head, series_files
from mmdnet.slides.readers.jpeg_tiles import JpegTileSource, direct_pages
from mmdnet.slides.readers.openslide_source import OpenSlideSource, planes_note, statements
from mmdnet.slides.readers.refusals import dicom_reason
from mmdnet.slides.readers.source import Source

PROBES = 5
PROBE_PX = 64


def open_slide_file(path: Path, mpp: float | None, shown: Path | None = None) -> tuple[FileFacts, Source]:
    """Open a file that OpenSlide reads; `shown` is the path people know it by, where that is another one.

    Raises:
        LabError: no slide, damaged, without readable pixels, or of an absurd size or scale.
    """
    if path.stat().st_size == 0:
        raise LabError(f"{path.name} was not added: the file is empty. Copy it again. Nothing was changed.")
    source = OpenSlideSource(path)
    try:
        said = statements(source.properties)
        mpp_x, mpp_y, mpp_source = scale_of((said.mpp_x, said.mpp_y), mpp)
        probe(source, path.name)
        direct = direct_pages(path, source)
        if 0 not in direct:
            source.keep_tiles()
    except BaseException:
        source.close()
        raise
    quick = source.properties.get("openslide.quickhash-1", "")
    first = finest_file(path) if source.properties.get("openslide.vendor") == "dicom" else path
    facts = FileFacts(
        path=shown or path,
        vendor=source.properties.get("openslide.vendor", "unknown"),
        reader="jpeg-tiles" if 0 in direct else "openslide",
        width_px0=source.levels[0].width_px,
        height_px0=source.levels[0].height_px,
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        mpp_source=mpp_source,
        objective=said.objective,
        stain=said.stain,
        scanner=said.scanner,
        site=said.site,
        patient=said.patient,
        simulated=said.simulated,
        staining_run=said.staining_run,
        accession_number=said.accession_number,
        barcode=said.barcode,
        levels=source.levels,
        bounds_px0=said.bounds_px0,
        fingerprint=fingerprint(first, quick),
        former_fingerprint=None if first == path else fingerprint(path, quick),
        notes=(*planes_note(source.planes), *profile_note(source.icc)),
        icc=source.icc,
        series=source.properties.get("dicom.SeriesInstanceUID"),
    )
    return facts, JpegTileSource(path, source, direct) if direct else source


def open_dicom(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    """Open a DICOM file, or the first series of a folder. See `open_slide_file`."""
    if path.is_dir():
        return open_slide_file(dicom_series(list(path.iterdir()))[0], mpp, shown=path)
    refuse_derived(path)
    return open_slide_file(path, mpp)


def openslide_refuses(path: Path) -> bool:
    """Whether a file, or the first slide of a folder, is of a DICOM slide that OpenSlide does not open."""
    try:
        path = dicom_series(list(path.iterdir()))[0] if path.is_dir() else path
        if path.suffix.lower() != ".dcm" or not path.is_file() or not read_head(path).is_slide:
            return False
    except (NotDicomError, OSError, IndexError):
        return False
    try:
        openslide.OpenSlide(path).close()
    except openslide.OpenSlideError:
        return True
    return False


def refuse_derived(path: Path) -> None:
    """Refuse a DICOM object that is no slide by its own words, before anything is made of its pixels.

    Raises:
        LabError: it is an annotation, a segmentation or another kind of image.
    """
    try:
        head = read_head(path)
    except NotDicomError:
        return
    if not head.is_slide:
        raise LabError(f"{path.name} was not added: {dicom_reason(head)} Nothing was changed.")


def probe(source: Source, name: str) -> None:
    """Read a few small windows of the finest level, so that a slide without readable pixels is refused at once.

    Raises:
        LabError: not one of them could be read.
    """
    level = source.levels[0]
    failure: LabError | None = None
    for i in range(PROBES):
        share = (i + 0.5) / PROBES
        x = int(share * max(0, level.width_px - PROBE_PX))
        y = int((share * 3) % 1 * max(0, level.height_px - PROBE_PX))
        try:
            source.read(Window(0, x, y, min(PROBE_PX, level.width_px), min(PROBE_PX, level.height_px)))
            return
        except LabError as error:
            failure = error
    raise LabError(
        f"{name} was not added: the file opens, but its pixels cannot be decoded. Copy or scan it again. "
        "Nothing was changed."
    ) from failure


def finest_file(path: Path) -> Path:
    """The file of a DICOM slide that holds its finest level, whichever of its files was named; else the path itself."""
    files = series_files(path)
    return _largest(files) if files else path


def _largest(files: Sequence[tuple[Path, DicomHead]]) -> Path:
    def order(pair: tuple[Path, DicomHead]) -> tuple[int, int, str]:
        return -pair[1].columns * pair[1].rows, -pair[0].stat().st_size, pair[0].name

    return min(files, key=order)[0]


def dicom_series(files: Sequence[Path]) -> list[Path]:
    """One file of each DICOM slide among a folder's files, the one with the finest level; a slide is a series.

    Objects derived from slides (annotations, segmentations), labels and overviews are passed over where a slide lies
    beside them. A file that is no DICOM stands for itself, and is refused when it is opened.
    """
    own = sorted(file for file in files if file.suffix.lower() == ".dcm")
    slides = dicom_files(own)
    series: dict[str, list[tuple[Path, DicomHead]]] = {}
    for file, head in slides:
        series.setdefault(head.series or file.name, []).append((file, head))
    pictures = [group for group in series.values() if any(head.is_volume for _, head in group)]
    slide_files = [_largest(group) for group in pictures or series.values()]
    known = {file for file, _ in slides}
    return sorted(slide_files + [file for file in own if file not in known and (not slide_files or not is_dicom(file))])
