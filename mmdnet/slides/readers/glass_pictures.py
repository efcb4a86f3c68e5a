"""Pictures that a slide's file holds beside its pyramid: of its label, of all the glass. They may name the patient."""

from __future__ import annotations

from pathlib import Path

import openslide

from mmdnet.errors import LabError
from mmdnet.slides.readers.dicom import dicom_files
from mmdnet.slides.readers.qptiff import is_qptiff, look_into, picture
from mmdnet.slides.readers.refusals import damaged

LARGEST_PX = 50_000_000  # of such a picture; a glass slide at 10 µm/px is 20 million
ERRORS = (openslide.OpenSlideError, OSError, ValueError, MemoryError, UnicodeError)


def glass_pictures(path: Path) -> tuple[str, ...]:
    """Names of the pictures, in order: "label", "macro", "thumbnail" and what else a maker calls them."""
    if is_qptiff(path):
        try:
            return tuple(sorted(look_into(path).pictures))
        except LabError:
            return ()
    try:
        with openslide.OpenSlide(_file(path)) as slide:
            return tuple(sorted(slide.associated_images))
    except ERRORS:
        return ()  # OpenSlide does not read it, and the readers beside it know of no such pictures


def glass_picture(path: Path, name: str) -> bytes:
    """One of them, as a PNG.

    Raises:
        LabError: there is none of that name, or it is damaged or absurdly large.
    """
    import io

    if name not in glass_pictures(path):
        raise LabError(f"{path.name} holds no picture called {name}.")
    if is_qptiff(path):
        return picture(path, name, LARGEST_PX)
    try:
        with openslide.OpenSlide(_file(path)) as slide:
            sides = [
                int(slide.properties.get(f"openslide.associated.{name}.{side}", 0)) for side in ("width", "height")
            ]
            if sides[0] * sides[1] > LARGEST_PX:
                raise LabError(f"The {name} of {path.name} claims to be {sides[0]} × {sides[1]} pixels. It is damaged.")
            file = io.BytesIO()
            slide.associated_images[name].convert("RGB").save(file, "PNG")
            return file.getvalue()
    except ERRORS as error:
        raise damaged(path.name, f"its {name} cannot be decoded") from error


def _file(path: Path) -> Path:
    """What OpenSlide opens: of a folder of DICOM files one of them."""
    return next((file for file, _ in dicom_files(sorted(path.iterdir()))), path) if path.is_dir() else path
