"""Open any slide, and find the slides below a folder."""

import os
from functools import partial
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.slides.facts import check_mpp
from mmdnet.slides.readers.formats import format_of, slide_suffixes, slides_in
from mmdnet.slides.readers.image_sources import slide_ids
from mmdnet.slides.readers.reader import SlideReader


def open_slide(path: Path | str, mpp: float | None = None) -> SlideReader:
    """Open a slide of any format: a file, a DICOM folder, a picture or a folder of images.

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
        _look(path)
        facts, source = format_of(path).open(path, mpp)
    except PermissionError as error:
        raise LabError(
            f"{path.name} was not added: this program has no right to read it. Ask who owns it, then try again."
        ) from error
    except FileNotFoundError as error:
        raise LabError(f"There is no file or folder called {path.name} there. Nothing was changed.") from error
    return SlideReader(facts, source, partial(open_slide, path, mpp))


def _look(path: Path) -> None:
    """Whether there is something that may be read.

    Raises:
        FileNotFoundError: there is not.
        PermissionError: it may not.
    """
    if path.is_file():
        if not os.access(path, os.R_OK):
            raise PermissionError
    elif path.is_dir():
        os.scandir(path).close()
    elif path.name not in slide_ids(path.parent):
        raise FileNotFoundError


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
        slides += slides_in(Path(folder), [name for name in names if not name.startswith(".")])
    if not slides:
        raise LabError(f"No slides were found in {path.name}. Known are {', '.join(slide_suffixes())} and tiles.")
    return sorted(slides)
