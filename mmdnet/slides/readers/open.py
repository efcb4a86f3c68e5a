"""Open any slide, and find the slides below a folder."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.slides.facts import OVERRULED, SAME_SCALE, FileFacts, check_mpp, scale_not_used
from mmdnet.slides.readers.formats import format_of, slide_suffixes, slides_in
from mmdnet.slides.readers.image_sources import IMAGE_SUFFIXES, slide_ids
from mmdnet.slides.readers.ome_zarr.store import is_ome_zarr
from mmdnet.slides.readers.reader import SlideReader


def open_slide(path: Path | str, mpp: float | None = None, overrule: bool = False) -> SlideReader:
    """Open a slide of any format: a file, a DICOM folder, a picture or a folder of images.

    Args:
        path: what to open; for one slide among a folder's tiles, the folder followed by the slide's id.
        mpp: µm per level-0 pixel as stated by a person, for a file that does not say.
        overrule: take it though the file says otherwise.

    Raises:
        LabError: nothing there, no rights, no slide, damaged, an absurd size or scale.
    """
    path = Path(path)
    if mpp is not None:
        check_mpp(path.name, mpp)
    try:
        _look(path)
        facts, source = format_of(path).open(path, mpp)
    except PermissionError as error:
        raise LabError(
            f"{path.name} was not added: this program has no right to read it. Ask who owns it, then try again."
        ) from error
    except FileNotFoundError as error:
        raise LabError(f"There is no file or folder called {path.name} there. Nothing was changed.") from error
    try:
        facts = _scaled(facts, mpp, overrule)
        check_mpp(path.name, facts.mpp_x)
        check_mpp(path.name, facts.mpp_y)
    except BaseException:
        source.close()
        raise
    return SlideReader(facts, source, partial(open_slide, path, mpp, overrule))


def _scaled(facts: FileFacts, mpp: float | None, overrule: bool) -> FileFacts:
    """Facts with the scale that counts: the file's own, unless a person overrules it."""
    if mpp is None or facts.mpp_source != "file" or facts.mpp_x is None:
        return facts
    if overrule:
        return replace(facts, mpp_x=mpp, mpp_y=mpp, mpp_source=OVERRULED)
    if abs(mpp / facts.mpp_x - 1) < SAME_SCALE:
        return facts
    return replace(facts, notes=(*facts.notes, scale_not_used(facts.mpp_x, mpp)))


def _look(path: Path) -> None:
    """Whether there is something that may be read.

    Raises:
        FileNotFoundError: there is not.
        PermissionError: it may not.
        LabError: it is a link to nothing, or no regular file.
    """
    if path.is_file():
        if not os.access(path, os.R_OK):
            raise PermissionError
    elif path.is_dir():
        os.scandir(path).close()
    elif path.is_symlink() and not path.exists():
        raise LabError(f"{path.name} was not added: it is a link to a file that is not there. Mend the link.")
    elif path.exists():
        raise LabError(f"{path.name} was not added: it is no file that can be read at any place, as a pipe is none.")
    elif path.name not in slide_ids(path.parent):
        raise FileNotFoundError


def pictures_beside(places: Sequence[Path]) -> list[Path]:
    """Plain pictures that `discover` passes over below these folders since slides lie beside them, sorted.

    A picture that is one of the places itself was meant, and is none.
    """
    slides = {slide for place in places if place.is_dir() for slide in discover(place)}
    folders = {slide.parent for slide in slides}
    found = (file for folder in folders for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    taken = slides.union(places)
    return sorted(file for file in found if file not in taken and file.is_file() and not file.name.startswith("."))


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

    slides: list[Path] = []
    for folder, below, names in os.walk(path, onerror=refuse):
        below[:] = sorted(name for name in below if not name.startswith("."))
        found = slides_in(Path(folder), [name for name in names if not name.startswith(".")])
        if is_ome_zarr(Path(folder)):
            below.clear()  # what lies below are its chunks
        slides += found
    if not slides:
        raise LabError(f"No slides were found in {path.name}. Known are {', '.join(slide_suffixes())} and tiles.")
    return sorted(slides)
