"""Open any slide, and find the slides below a folder."""

import os
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts, check_mpp, check_size, fingerprint, folder_fingerprint
from mmdnet.slides.geometry import Window
from mmdnet.slides.readers.image_sources import IMAGE_SUFFIXES, ImageSource, PatchFolderSource, slide_ids, tile_name
from mmdnet.slides.readers.reader import SlideReader, Source, Unreadable

__all__ = ["FileFacts", "SlideReader", "Unreadable", "discover", "open_slide"]

SLIDE_SUFFIXES = {
    *(".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".svslide", ".dcm", ".czi"),
}
PROBES = 5
PROBE_PX = 64
SERIES_TAG = b"\x20\x00\x0e\x00UI"  # DICOM (0020,000E), series instance UID


def open_slide(path: Path | str, mpp: float | None = None) -> SlideReader:
    """Open a slide file, a DICOM folder, a picture or a folder of tiles.

    Args:
        path: what to open; for one slide among a folder's tiles, the folder followed by the slide's id.
        mpp: µm per level-0 pixel as stated by a person; it goes before the file's own.

    Raises:
        LabError: nothing there, no rights, no slide, damaged, an absurd size or scale.
    """
    path = Path(path)
    if mpp is not None:
        check_mpp(path.name, mpp)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
        if is_file and not os.access(path, os.R_OK):
            raise PermissionError
        if is_folder:
            os.scandir(path).close()
        if not is_file and not is_folder and path.name not in slide_ids(path.parent):
            raise FileNotFoundError
        if is_file and path.suffix.lower() in IMAGE_SUFFIXES:
            return _picture(path, mpp)
        if is_file:
            return _slide_file(path, mpp)
        dicom = _dicom_series(path) if is_folder else []
        return _slide_file(dicom[0], mpp, shown=path) if dicom else _patch_folder(path, mpp)
    except PermissionError as error:
        raise LabError(
            f"{path.name} was not added: this program has no right to read it. Ask who owns it, then try again."
        ) from error
    except FileNotFoundError as error:
        raise LabError(f"There is no file or folder called {path.name} there. Nothing was changed.") from error


def _slide_file(path: Path, mpp: float | None, shown: Path | None = None) -> SlideReader:
    from mmdnet.slides.readers.jpeg_tiles import JpegTileSource, direct_pages
    from mmdnet.slides.readers.openslide_source import OpenSlideSource, statements

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
    return SlideReader(facts, JpegTileSource(path, source, direct) if direct else source)


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


def _picture(path: Path, mpp: float | None) -> SlideReader:
    return _virtual(path, mpp, ImageSource(path), "image", fingerprint(path))


def _patch_folder(path: Path, mpp: float | None) -> SlideReader:
    source = PatchFolderSource(path)
    return _virtual(path, mpp, source, "patch-folder", folder_fingerprint(list(source.tiles.values())))


def _virtual(
    path: Path, mpp: float | None, source: ImageSource | PatchFolderSource, kind: str, mark: str
) -> SlideReader:
    level = source.levels[0]
    check_size(path.name, level.width_px, level.height_px)
    facts = FileFacts(
        path=path,
        vendor=kind,
        reader=kind,
        width_px0=level.width_px,
        height_px0=level.height_px,
        mpp_x=mpp,
        mpp_y=mpp,
        mpp_source="person" if mpp else None,
        objective=None,
        stain=None,
        scanner=None,
        site=None,
        patient=None,
        simulated=False,
        levels=source.levels,
        bounds_px0=None,
        fingerprint=mark,
    )
    return SlideReader(facts, source)


def discover(path: Path | str) -> list[Path]:
    """Slides at or below a path, sorted; a file gives itself.

    Below a folder: every slide file (a DICOM series once), every folder of tiles (once per slide id), and plain
    pictures only where no slide file lies beside them, for there they are its masks and labels. Hidden files and
    folders are passed over, and links to folders are not followed.

    Raises:
        LabError: nothing there, no rights, or no slide below it.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        if path.name in slide_ids(path.parent):
            return [path]
        raise LabError(f"There is no file or folder called {path.name} there. Nothing was changed.")

    def refuse(error: OSError) -> None:
        if error.filename == str(path):
            raise LabError(
                f"The folder {path.name} cannot be opened: this program has no right to read it. "
                "Ask who owns it, then try again."
            ) from error

    found: list[Path] = []
    for folder, below, names in os.walk(path, onerror=refuse):
        below[:] = sorted(name for name in below if not name.startswith("."))
        found += _slides_in(Path(folder), [name for name in names if not name.startswith(".")])
    if not found:
        raise LabError(f"No slides were found in {path.name}. Known are {', '.join(sorted(SLIDE_SUFFIXES))} and tiles.")
    return sorted(found)


def _slides_in(folder: Path, names: list[str]) -> list[Path]:
    files = [folder / name for name in sorted(names)]
    slides = [file for file in files if file.suffix.lower() in SLIDE_SUFFIXES - {".dcm"}]
    slides += _dicom_series(folder)
    if slides:
        return slides
    tiles = [file for file in files if tile_name(file)]
    if tiles:
        ids = slide_ids(folder)
        slides = [folder] if len(ids) == 1 else [folder / one for one in ids]
    return slides + [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and not tile_name(file)]


def _dicom_series(folder: Path) -> list[Path]:
    """One file of each DICOM series in a folder: the largest, which holds the finest level."""
    best: dict[bytes, Path] = {}
    for file in sorted(file for file in folder.iterdir() if file.suffix.lower() == ".dcm"):
        with file.open("rb") as stream:
            head = stream.read(64 * 1024)
        at = head.find(SERIES_TAG)
        length = int.from_bytes(head[at + 6 : at + 8], "little") if at >= 0 else 0
        series = head[at + 8 : at + 8 + length] if at >= 0 else file.name.encode()
        if series not in best or file.stat().st_size > best[series].stat().st_size:
            best[series] = file
    return sorted(best.values())
