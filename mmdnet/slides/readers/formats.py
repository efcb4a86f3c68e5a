"""The formats of slides: the one list of them. What an entry says is all the lab knows of a format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import openslide

from mmdnet.slides.facts import FileFacts
from mmdnet.slides.readers.image_sources import IMAGE_SUFFIXES, open_image, open_image_folder, tile_name
from mmdnet.slides.readers.ome_zarr.store import SUFFIXES as OME_ZARR
from mmdnet.slides.readers.ome_zarr.store import is_ome_zarr
from mmdnet.slides.readers.qptiff import SUFFIXES as QPTIFF
from mmdnet.slides.readers.qptiff import is_qptiff, look_into
from mmdnet.slides.readers.slide_file import dicom_series, open_dicom, open_slide_file, openslide_refuses
from mmdnet.slides.readers.source import Source
from mmdnet.slides.readers.tiles.tiff import PICTURE_CODINGS, NotTiffError, read_directories


@dataclass(frozen=True)
class SlideFormat:
    """One format.

    Attributes:
        name: for people.
        suffixes: of its files, lower case. A folder of images has none of its own.
        recognises: whether a path, which is there and may be read, is one; the first format that says so opens it.
        open: the path and the µm/px a person stated for a file that does not say, to its facts and its pixels. May
            raise LabError.
        find: its slides among a folder's files, which come sorted and without hidden ones.
        beside_slides: False: where other slides lie beside, these are their masks and labels, and not found.
        more_files: what a slide is made of beside the file that is opened, so that one file alone is none.
    """

    name: str
    suffixes: tuple[str, ...]
    recognises: Callable[[Path], bool]
    open: Callable[[Path, float | None], tuple[FileFacts, Source]]
    find: Callable[[Path, Sequence[Path]], list[Path]]
    beside_slides: bool = True
    more_files: str | None = None


def format_of(path: Path) -> SlideFormat:
    """The format that opens a path; what nothing recognises is left to the last one, which refuses it in words."""
    return next((known for known in FORMATS if known.recognises(path)), FORMATS[-1])


def format_of_suffix(suffix: str) -> SlideFormat | None:
    """The format whose files end so."""
    return next((known for known in FORMATS if suffix.lower() in known.suffixes), None)


def slide_suffixes() -> list[str]:
    """What slides' files end with, sorted; pictures', which may be anything, are left out."""
    return sorted(suffix for known in FORMATS if known.beside_slides for suffix in known.suffixes)


def slides_in(folder: Path, names: Sequence[str]) -> list[Path]:
    """The slides that lie in a folder itself, of whatever format; `names` are those of its files that count."""
    files = [folder / name for name in sorted(names)]
    slides = [path for known in FORMATS if known.beside_slides for path in known.find(folder, files)]
    return slides or [path for known in FORMATS if not known.beside_slides for path in known.find(folder, files)]


def _ends_with(suffixes: Sequence[str]) -> Callable[[Path], bool]:
    return lambda path: path.suffix.lower() in suffixes and path.is_file()


def _every_file(suffixes: Sequence[str]) -> Callable[[Path, Sequence[Path]], list[Path]]:
    return lambda folder, files: [file for file in files if file.suffix.lower() in suffixes]


def _is_dicom(path: Path) -> bool:
    if path.is_dir():
        return any(file.suffix.lower() == ".dcm" and file.is_file() for file in path.iterdir())
    return path.suffix.lower() == ".dcm" and path.is_file()


def _images(folder: Path, files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.suffix.lower() in IMAGE_SUFFIXES and not tile_name(file)]


def _image_folders(folder: Path, files: Sequence[Path]) -> list[Path]:
    ids = sorted({name[0] for name in map(tile_name, files) if name})
    return [folder] if len(ids) == 1 else [folder / slide_id for slide_id in ids]


def _zarrs(folder: Path, files: Sequence[Path]) -> list[Path]:
    """The folder itself where it is one, and zips beside each other."""
    return [folder] if is_ome_zarr(folder) else [file for file in files if is_ome_zarr(file)]


def _open_zarr(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    from mmdnet.slides.readers.ome_zarr.source import open_ome_zarr  # as below

    return open_ome_zarr(path, mpp)


def _is_for_tifffile(path: Path) -> bool:
    """Whether a file is a TIFF that OpenSlide does not read, or only the finest level of."""
    try:
        pages = read_directories(path) if path.is_file() else []
    except (NotTiffError, OSError):
        return False
    largest = max(pages, key=lambda page: page.width * page.height, default=None)
    if largest is None or not (largest.sub_levels or not largest.tile_width or largest.compression in PICTURE_CODINGS):
        return False
    try:
        return openslide.OpenSlide.detect_format(path) in {None, "generic-tiff"}
    except openslide.OpenSlideError:
        return False


def _open_by_tifffile(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    from mmdnet.slides.readers.tifffile_source import open_tiff  # tifffile is wanted for few files, and loads slowly

    return open_tiff(path, mpp)


def _is_for_frames(path: Path) -> bool:
    """Whether a path is a DICOM slide that OpenSlide does not open."""
    return _is_dicom(path) and openslide_refuses(path)


def _open_frames(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    from mmdnet.slides.readers.dicom_source import open_frames  # its decoders are wanted for few files, and load slowly

    return open_frames(path, mpp)


def _open_qptiff(path: Path, mpp: float | None) -> tuple[FileFacts, Source]:
    """Read by OpenSlide where it sees all levels, else by tifffile."""
    said = look_into(path)
    opens = open_slide_file if said.is_marked and not _is_for_tifffile(path) else _open_by_tifffile
    facts, source = opens(path, mpp)
    return said.added_to(facts), source


WHOLE_SLIDE = (".svs", ".tif", ".tiff", ".ndpi", ".scn", ".bif", ".svslide", ".czi")
MIRAX, HAMAMATSU = (".mrxs",), (".vms", ".vmu")

FORMATS: tuple[SlideFormat, ...] = (
    SlideFormat("picture", IMAGE_SUFFIXES, _ends_with(IMAGE_SUFFIXES), open_image, _images, beside_slides=False),
    SlideFormat("OME-Zarr", OME_ZARR, is_ome_zarr, _open_zarr, _zarrs),
    SlideFormat("DICOM frames", (), _is_for_frames, _open_frames, lambda folder, files: []),  # the next one finds them
    SlideFormat("DICOM", (".dcm",), _is_dicom, open_dicom, lambda folder, files: dicom_series(files)),
    SlideFormat(
        "MIRAX", MIRAX, _ends_with(MIRAX), open_slide_file, _every_file(MIRAX),
        more_files="a folder of the same name",
    ),
    SlideFormat(
        "Hamamatsu", HAMAMATSU, _ends_with(HAMAMATSU), open_slide_file, _every_file(HAMAMATSU),
        more_files="the images it names",
    ),
    SlideFormat(
        "folder of images", (), lambda path: not path.is_file(), open_image_folder, _image_folders,
        beside_slides=False,
    ),
    SlideFormat("QPTIFF", QPTIFF, is_qptiff, _open_qptiff, _every_file(QPTIFF)),
    SlideFormat("TIFF", (), _is_for_tifffile, _open_by_tifffile, lambda folder, files: []),  # the last entry finds them
    SlideFormat("slide", WHOLE_SLIDE, Path.is_file, open_slide_file, _every_file(WHOLE_SLIDE)),
)  # fmt: skip
"""Asked in this order. The last one takes any other file: OpenSlide looks into it, whatever its name ends with."""
