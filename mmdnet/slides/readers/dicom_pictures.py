"""The pictures of one DICOM slide, one for each level: which frame of which file is which tile.

Whole-slide images: DICOM PS3.3 A.32.8 and C.8.12.4; frames in full and sparse tiling: C.7.6.17.3; one picture in
several files (concatenation): C.7.6.16.2.2.4. Tags are read by pydicom, places of frames by `dicom.frame_places`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.facts import check_size
from mmdnet.slides.readers.dicom import DicomHead, FramePlace, NotDicomError, frame_places
from mmdnet.slides.readers.openslide_source import check_tile
from mmdnet.slides.readers.refusals import damaged, dicom_reason
from mmdnet.slides.readers.tiles.dicom_frame import CODINGS, EXPLICIT, IMPLICIT, YBR_422, FrameForm
from mmdnet.slides.readers.tiles.dicom_frames import FrameFile, Numbers

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

NUMBERS = {
    "InstanceNumber": 0, "NumberOfFrames": 1, "Rows": 0, "Columns": 0, "SamplesPerPixel": 1, "PlanarConfiguration": 0,
    "BitsStored": 8, "TotalPixelMatrixFocalPlanes": 1, "NumberOfOpticalPaths": 1, "ConcatenationFrameOffsetNumber": 0,
    "InConcatenationTotalNumber": 0,
}  # fmt: skip
"""Tags that are whole numbers, and what holds where one is not there."""
TAGS = [
    *NUMBERS, "SpecificCharacterSet", "PhotometricInterpretation", "OpticalPathSequence", "ConcatenationUID",
    "InstitutionName", "PatientID", "AccessionNumber", "ManufacturerModelName", "BarcodeValue",
]  # fmt: skip
MOST_TILES = 8_000_000  # of a level: a glass slide at 0.1 µm/px in tiles of 160 px
NONE = -1


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: what its tags say, how many frames it has and which of the picture's is its first."""

    path: Path
    head: DicomHead
    tags: Dataset
    numbers: Mapping[str, int]
    form: FrameForm
    frames: int
    first: int
    pixels_at: int


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a slide: a level, or a focal plane.

    `frames` gives for each tile, row by row, the number of its frame, `NONE` where none was scanned. `planes` is how
    many focal planes each tile has (the middle one is meant), `paths` how many optical paths (the first). `number` is
    the picture's own among those of the slide.
    """

    name: str
    width_px: int
    height_px: int
    spacing_um: tuple[float, float] | None
    form: FrameForm
    frames: Numbers
    planes: int
    paths: int
    tags: Dataset
    number: int
    files: tuple[FrameFile, ...]
    ends: tuple[int, ...]

    @property
    def across(self) -> int:
        """Tiles in a row."""
        return -(-self.width_px // self.form.width)

    def size_of(self, frame: int) -> int:
        """Bytes of a frame."""
        file, number = self._where(frame)
        return int(file.sizes[number])

    def bytes_of(self, frame: int) -> bytes:
        """A frame's bytes.

        Raises:
            ValueError: not where they should be.
            OSError: the file cannot be read.
        """
        file, number = self._where(frame)
        return file.frame(number, self.form.largest_bytes)

    def _where(self, frame: int) -> tuple[FrameFile, int]:
        at = bisect_right(self.ends, frame)
        return self.files[at], frame - (self.ends[at - 1] if at else 0)

    def close(self) -> None:
        for file in self.files:
            file.close()


def pictures_of(name: str, files: Sequence[tuple[Path, DicomHead]]) -> tuple[list[Picture], list[str]]:
    """The pictures of a slide's files, the finest first, and why any of the smaller ones is left out.

    Raises:
        LabError: the finest one cannot be read.
    """
    groups: dict[str, list[_Part]] = defaultdict(list)
    left_out: list[str] = []
    largest = max(head.columns * head.rows for _, head in files)
    pictures: list[Picture] = []

    @contextmanager
    def fails_alone(head: DicomHead) -> Iterator[None]:
        try:
            yield
        except LabError as refusal:
            if head.columns * head.rows == largest:
                raise
            left_out.append(str(refusal))

    try:
        for path, head in files:
            with fails_alone(head):
                part = _part(name, path, head)
                groups[str(part.tags.get("ConcatenationUID", path))].append(part)
        for group in groups.values():
            with fails_alone(group[0].head):
                pictures.append(_picture(name, sorted(group, key=lambda part: part.first)))
    except BaseException:
        for picture in pictures:
            picture.close()
        raise
    pictures.sort(key=lambda each: (-each.width_px * each.height_px, each.number))
    return pictures, left_out


def _part(name: str, path: Path, head: DicomHead) -> _Part:
    """What one file says of itself.

    Raises:
        LabError: what it holds is not read here, or it is damaged.
    """
    import pydicom

    _refuse(name, dicom_reason(head))
    check_size(name, head.columns, head.rows)
    try:
        with path.open("rb") as file:
            tags = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=TAGS)
            pixels_at = file.tell()
        for _ in tags.iterall():  # values are looked into only when they are asked for: here
            pass
        numbers = NUMBERS | {tag: int(tags[tag].value) for tag in NUMBERS if tags.get(tag) is not None}
        photometric = str(tags.get("PhotometricInterpretation", ""))
    except OSError:
        raise
    except Exception as error:  # pydicom raises almost anything on damaged files
        raise damaged(name, "its tags cannot be read") from error
    width, height, frames = numbers["Columns"], numbers["Rows"], numbers["NumberOfFrames"]
    form = FrameForm(head.syntax, photometric, numbers["PlanarConfiguration"] == 1, width, height)
    _refuse(name, _colours_reason(numbers, form))
    check_tile(path, form.width, form.height)
    tiles = -(-head.columns // width) * -(-head.rows // height) if width > 0 and height > 0 else 0
    if not 0 < tiles <= MOST_TILES or not 0 < frames <= path.stat().st_size:
        raise damaged(name, "it claims frames that cannot be")
    return _Part(path, head, tags, numbers, form, frames, numbers["ConcatenationFrameOffsetNumber"], pixels_at)


def _refuse(name: str, reason: str | None) -> None:
    if reason is not None:
        raise LabError(f"{name} was not added: {reason} Nothing was changed.")


def _colours_reason(numbers: Mapping[str, int], form: FrameForm) -> str | None:
    if numbers["SamplesPerPixel"] != 3:
        return (
            f"its pixels have one channel ({form.photometric}), as of fluorescence, and red, green and blue are read. "
            "Give a brightfield slide."
        )
    if numbers["BitsStored"] != 8:
        return f"its pixels have {numbers['BitsStored']} bits a colour, and 8 are read. Export it with 8 bits."
    coding = CODINGS.get(form.syntax)
    if coding is None:
        return f"its frames are compressed in a way that is not read here ({form.syntax}). Export it with JPEG frames."
    if form.photometric not in coding.photometrics or (form.photometric == YBR_422 and form.width % 2):
        return f"its {coding.name} frames have colours as {form.photometric}, which is not read. Export it as RGB."
    return None


def _picture(name: str, parts: Sequence[_Part]) -> Picture:
    """One picture of its file, or of the files it was cut into.

    Raises:
        LabError: files are missing or contradict each other, or frames are not where they should be.
    """
    first = parts[0]
    ends = tuple(accumulate(part.frames for part in parts))
    said = {part.numbers["InConcatenationTotalNumber"] for part in parts} - {0}
    if [part.first for part in parts] != [0, *ends[:-1]] or (said and said != {len(parts)}):
        raise LabError(
            f"{name} was not added: one picture of it is spread over several files, and not all of them are here. "
            "Copy all files of the slide. Nothing was changed."
        )
    if any((part.form, part.head.columns, part.head.rows) != (first.form, first.head.columns, first.head.rows)
           for part in parts):  # fmt: skip
        raise damaged(name, "the files of one picture contradict each other")
    paths = max(1, first.numbers["NumberOfOpticalPaths"])
    try:
        places = [place for part in parts for place in frame_places(part.path, part.frames)]
        frames, planes = _placed(name, first, places, ends[-1]) if places else _in_order(name, first, ends[-1], paths)
    except NotDicomError as error:
        raise damaged(name, "where its frames lie cannot be followed") from error
    files: list[FrameFile] = []
    try:
        files += [_frame_file(part) for part in parts]
    except ValueError as error:
        for file in files:
            file.close()
        raise damaged(name, str(error)) from error
    return Picture(
        name, first.head.columns, first.head.rows, first.head.spacing_um, first.form, frames, planes, paths, first.tags,
        first.numbers["InstanceNumber"], tuple(files), ends,
    )  # fmt: skip


def _frame_file(part: _Part) -> FrameFile:
    raw = part.form.raw_bytes if part.form.syntax in {IMPLICIT, EXPLICIT} else None
    return FrameFile(part.path, part.pixels_at, part.head.syntax == IMPLICIT, part.frames, raw)


def _in_order(name: str, part: _Part, frames: int, paths: int) -> tuple[Numbers, int]:
    """Frames of full tiling: tiles row by row, then focal planes, then optical paths; of each tile the middle plane."""
    planes = max(1, part.numbers["TotalPixelMatrixFocalPlanes"])
    tiles = -(-part.head.columns // part.form.width) * -(-part.head.rows // part.form.height)
    if frames != tiles * planes * paths:
        raise LabError(
            f"{name} was not added: its picture needs {tiles * planes * paths} frames, and {frames} are in its files. "
            "Copy all files of the slide, or scan it again. Nothing was changed."
        )
    return np.arange(tiles, dtype=np.int64) + tiles * (planes // 2), planes


def _placed(name: str, part: _Part, places: Sequence[FramePlace], frames: int) -> tuple[Numbers, int]:
    """Frames that say where they lie; of several of one tile the one in the middle, by height."""
    if len(places) != frames:
        raise NotDicomError("some files do not say where their frames lie")
    form, across = part.form, -(-part.head.columns // part.form.width)
    tiles = across * -(-part.head.rows // form.height)
    found: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for frame, place in enumerate(places):
        inside = 0 <= place.x < part.head.columns and 0 <= place.y < part.head.rows
        if place.x % form.width or place.y % form.height or not inside:
            raise LabError(
                f"{name} was not added: its frames do not lie side by side on one grid. Export it in full tiling "
                "(TILED_FULL). Nothing was changed."
            )
        if place.path == places[0].path:
            found[place.y // form.height * across + place.x // form.width].append((place.z_um, frame))
    out = np.full(tiles, NONE, np.int64)
    for tile, stack in found.items():
        out[tile] = sorted(stack)[len(stack) // 2][1]
    return out, max(len(stack) for stack in found.values())
