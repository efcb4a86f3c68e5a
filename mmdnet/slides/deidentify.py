"""A copy of a slide that does not say whose it is: its pyramid alone, with what is needed to read it.

What is kept is named, and everything else is left out (label, macro, thumbnails, private tags, free text); a format of
which that cannot be shown is refused. A copy is read back before it takes its place, and the original is only read.
"""

from __future__ import annotations

import struct
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.files import moved_into_place
from mmdnet.slides.deidentified_tiff import KEPT_ORIGINAL, Deidentified, copy_tiff, unshown


def deidentify(slide: Path, out: Path) -> Deidentified:
    """Copy a slide without what identifies a patient; a DICOM slide, all files of its series, into a new folder.

    Raises:
        LabError: no slide, a format of which it cannot be shown, or a place where nothing can be written.
    """
    from mmdnet.slides.deidentified_dicom import copy_dicom
    from mmdnet.slides.readers.open import open_slide

    if out.exists() or out.is_symlink():
        raise LabError(f"{out} is there already. Name another place. {KEPT_ORIGINAL}")
    if not out.parent.is_dir():
        raise LabError(f"The folder {out.parent} is not there. {KEPT_ORIGINAL}")
    with open_slide(slide) as opened:
        facts = opened.facts
    dicom = facts.series is not None
    if not dicom and slide.suffix.lower() not in {".svs", ".tif", ".tiff"}:
        raise unshown(slide.name, f"of {slide.suffix or 'such files'} only the maker knows what else they hold")
    if not dicom and out.suffix.lower() != slide.suffix.lower():
        raise LabError(f"{out.name} does not end as the slide does ({slide.suffix}). {KEPT_ORIGINAL}")
    try:
        with moved_into_place(out) as aside:
            made = copy_dicom(facts, aside) if dicom else copy_tiff(facts, aside)
    except (ValueError, TypeError, KeyError, NotImplementedError, struct.error) as error:
        raise unshown(slide.name, "it is damaged, or built as is not known here") from error
    except OSError as error:
        raise LabError(f"{out} cannot be written: {error.strerror or error}. {KEPT_ORIGINAL}") from error
    return Deidentified(out, made.levels, made.tiles, made.left_out)
