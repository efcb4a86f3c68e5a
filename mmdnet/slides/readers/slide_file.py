"""A slide's file through OpenSlide, its JPEG tiles read directly where that gives the same pixels."""

from collections.abc import Sequence
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts, check_mpp, fingerprint
from mmdnet.slides.geometry import Window
from mmdnet.slides.readers.jpeg_tiles import JpegTileSource, direct_pages
from mmdnet.slides.readers.openslide_source import OpenSlideSource, statements
from mmdnet.slides.readers.source import Source

PROBES = 5
PROBE_PX = 64
SERIES_TAG = b"\x20\x00\x0e\x00UI"  # DICOM (0020,000E), series instance UID


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
        given = mpp is not None
        mpp_x, mpp_y = (mpp, mpp) if given else (said.mpp_x, said.mpp_y)
        check_mpp(path.name, mpp_x)
        check_mpp(path.name, mpp_y)
        probe(source, path.name)
        direct = direct_pages(path, source)
    except BaseException:
        source.close()
        raise
    facts = FileFacts(
        path=shown or path,
        vendor=source.properties.get("openslide.vendor", "unknown"),
        reader="jpeg-tiles" if 0 in direct else "openslide",
        width_px0=source.levels[0].width_px,
        height_px0=source.levels[0].height_px,
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        mpp_source="person" if given else "file" if mpp_x else None,
        objective=said.objective,
        stain=said.stain,
        scanner=said.scanner,
        site=said.site,
        patient=said.patient,
        simulated=said.simulated,
        levels=source.levels,
        bounds_px0=said.bounds_px0,
        fingerprint=fingerprint(path, source.properties.get("openslide.quickhash-1", "")),
    )
    return facts, JpegTileSource(path, source, direct) if direct else source


def open_dicom(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    """Open a DICOM file, or the first series of a folder. See `open_slide_file`."""
    if path.is_dir():
        return open_slide_file(dicom_series(list(path.iterdir()))[0], mpp, shown=path)
    return open_slide_file(path, mpp)


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


def dicom_series(files: Sequence[Path]) -> list[Path]:
    """One file of each DICOM series among a folder's files: the largest, which holds the finest level."""
    best: dict[bytes, Path] = {}
    for file in sorted(file for file in files if file.suffix.lower() == ".dcm"):
        with file.open("rb") as stream:
            head = stream.read(64 * 1024)
        at = head.find(SERIES_TAG)
        length = int.from_bytes(head[at + 6 : at + 8], "little") if at >= 0 else 0
        series = head[at + 8 : at + 8 + length] if at >= 0 else file.name.encode()
        if series not in best or file.stat().st_size > best[series].stat().st_size:
            best[series] = file
    return sorted(best.values())
