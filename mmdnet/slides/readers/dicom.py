"""The few tags of a DICOM file that tell which slide it belongs to, read with nothing trusted.

DICOM PS3.10 (file meta information) and PS3.5 (explicit and implicit little endian). Tags count at the top level of
the data set alone: objects derived from a slide name its series inside sequences, long before their own.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

WHOLE_SLIDE_IMAGE = "1.2.840.10008.5.1.4.1.1.77.1.6"  # VL Whole Slide Microscopy Image Storage
IMPLICIT = "1.2.840.10008.1.2"
NOT_FOLLOWED = {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"}  # all behind the first group deflated, or big endian
PREAMBLE = 128
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
META_CLASS, SYNTAX, CLASS, IMAGE_TYPE, SERIES = 0x00020002, 0x00020010, 0x00080016, 0x00080008, 0x0020000E
BITS, COLUMNS, ROWS, PIXELS = 0x00280100, 0x00480006, 0x00480007, 0x7FE00010
SHARED_GROUPS, PER_FRAME_GROUPS, MEASURES, SPACING = 0x52009229, 0x52009230, 0x00289110, 0x00280030
PLACES, COLUMN, ROW, HEIGHT = 0x0048021A, 0x0048021E, 0x0048021F, 0x0040074A
PATHS, PATH = 0x00480207, 0x00480106
WANTED = {META_CLASS, SYNTAX, CLASS, IMAGE_TYPE, SERIES, BITS, COLUMNS, ROWS}
LONGEST_VALUE = 1024
MOST_ELEMENTS, MOST_ELEMENTS_OF_A_FRAME = 50_000, 100
DEEPEST = 12


class NotDicomError(Exception):
    """Not a DICOM file, or one whose tags cannot be followed."""


@dataclass(frozen=True, slots=True)
class DicomHead:
    """What a file says of itself: a level of the slide that its series is. Empty or 0 where it says nothing.

    `spacing_um` is the distance of its pixels, across and down; `flavour` the third word of its image type.
    """

    series: str
    sop_class: str
    syntax: str
    columns: int
    rows: int
    bits: int
    spacing_um: tuple[float, float] | None
    flavour: str

    @property
    def is_volume(self) -> bool:
        """Whether it shows the slide's tissue, and not its label or all of the glass."""
        return self.flavour not in {"LABEL", "OVERVIEW"}

    @property
    def is_slide(self) -> bool:
        """Whether it holds pixels of a slide, and is not derived from one (an annotation, a segmentation)."""
        return self.sop_class == WHOLE_SLIDE_IMAGE


def read_head(path: Path) -> DicomHead:
    """The tags of a file that precede its pixels.

    Raises:
        NotDicomError: no DICOM, or damaged before its pixels.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if file.read(PREAMBLE + 4)[PREAMBLE:] != b"DICM":
            raise NotDicomError("no DICOM header")
        walk = _Walk(file, path.stat().st_size)
        try:
            walk.data_set(walk.size, (), 0)
        except (struct.error, ValueError, OverflowError) as error:
            raise NotDicomError(str(error)) from error
    return walk.head()


class _Walk:
    """One pass over a file's elements up to its pixels; `values` by where they stand: tags from the top down."""

    stops = frozenset({PIXELS, PER_FRAME_GROUPS})
    entered = frozenset({(SHARED_GROUPS,), (SHARED_GROUPS, MEASURES)})
    kept = frozenset({*((tag,) for tag in WANTED), (SHARED_GROUPS, MEASURES, SPACING)})

    def __init__(self, file: BinaryIO, size: int, elements: int = MOST_ELEMENTS) -> None:
        self._file = file
        self.size = size
        self.values: dict[tuple[int, ...], bytes] = {}
        self._explicit = True
        self._left = elements

    def data_set(self, end: int, at: tuple[int, ...], depth: int) -> None:
        """Go through elements until a place in the file, an item's end, or the pixels."""
        if depth > DEEPEST:
            raise ValueError("nested too deeply")
        while self._file.tell() < end:
            tag = self._tag()
            if tag in {ITEM_END, SEQUENCE_END}:
                self._file.seek(4, 1)
                return
            behind = not at and tag >> 16 != 2
            if behind and (tag in self.stops or self._syntax() in NOT_FOLLOWED):
                self._file.seek(self.size)
                return
            if behind and self._syntax() == IMPLICIT:
                self._explicit = False
            length = self._length(tag)
            here = (*at, tag)
            if length == UNDEFINED or here in self.entered:
                self._sequence(length, here, depth)
            elif here in self.kept:
                if length > LONGEST_VALUE:
                    raise ValueError("a short value claims to be long")
                self.keep(here, self._read(length))
            else:
                self._skip(length)

    def _sequence(self, length: int, here: tuple[int, ...], depth: int) -> None:
        end = self.size if length == UNDEFINED else min(self.size, self._file.tell() + length)
        while self._file.tell() < end:
            tag = self._tag()
            (size,) = struct.unpack("<I", self._read(4))
            if tag == SEQUENCE_END:
                return
            if tag != ITEM:
                raise ValueError("a sequence holds something else than items")
            stop = self.size if size == UNDEFINED else min(self.size, self._file.tell() + size)
            self.begin_item(here)
            self.data_set(stop, here, depth + 1)

    def begin_item(self, here: tuple[int, ...]) -> None:
        """An item of a sequence begins."""

    def keep(self, here: tuple[int, ...], value: bytes) -> None:
        """Of what stands there several times the first counts."""
        self.values.setdefault(here, value)

    def _tag(self) -> int:
        self._left -= 1
        if self._left < 0:
            raise ValueError("too many elements")
        group, element = struct.unpack("<HH", self._read(4))
        return int(group << 16 | element)

    def _length(self, tag: int) -> int:
        if not self._explicit and tag >> 16 > 2:
            return int(struct.unpack("<I", self._read(4))[0])
        kind, short = struct.unpack("<2sH", self._read(4))
        return int(struct.unpack("<I", self._read(4))[0]) if kind in LONG else int(short)

    def _syntax(self) -> str:
        return _text(self.values.get((SYNTAX,), b""))

    def _read(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) < count:
            raise ValueError("the file ends within its tags")
        return data

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self.size:
            raise ValueError("a value points out of the file")
        self._file.seek(length, 1)

    def head(self) -> DicomHead:
        values = self.values
        return DicomHead(
            series=_text(values.get((SERIES,), b"")),
            sop_class=_text(values.get((CLASS,), values.get((META_CLASS,), b""))),
            syntax=self._syntax(),
            columns=_whole(values.get((COLUMNS,), b"")),
            rows=_whole(values.get((ROWS,), b"")),
            bits=_whole(values.get((BITS,), b"")),
            spacing_um=_spacing(values.get((SHARED_GROUPS, MEASURES, SPACING), b"")),
            flavour="".join(_text(values.get((IMAGE_TYPE,), b"")).split("\\")[2:3]),
        )


class _FrameWalk(_Walk):
    """What the frames of a file say of themselves, one after the other: their tags, by number."""

    stops = frozenset({PIXELS})
    entered = frozenset({(PER_FRAME_GROUPS,), (PER_FRAME_GROUPS, PLACES), (PER_FRAME_GROUPS, PATHS)})
    kept = frozenset({
        (SYNTAX,), (PER_FRAME_GROUPS, PATHS, PATH),
        *((PER_FRAME_GROUPS, PLACES, tag) for tag in (COLUMN, ROW, HEIGHT)),
    })  # fmt: skip

    def __init__(self, file: BinaryIO, size: int, elements: int) -> None:
        super().__init__(file, size, elements)
        self.frames: list[dict[int, bytes]] = []

    def begin_item(self, here: tuple[int, ...]) -> None:
        if here == (PER_FRAME_GROUPS,):
            self.frames.append({})

    def keep(self, here: tuple[int, ...], value: bytes) -> None:
        if here[0] == PER_FRAME_GROUPS:
            self.frames[-1].setdefault(here[-1], value)
        else:
            super().keep(here, value)


@dataclass(frozen=True, slots=True)
class FramePlace:
    """Where a frame lies: its corner in pixels of its level, its height over the glass in µm, its optical path."""

    x: int
    y: int
    z_um: float
    path: str


def frame_places(path: Path, frames: int) -> list[FramePlace]:
    """Where each frame of a file says that it lies; none where they do not say.

    Raises:
        NotDicomError: they cannot be followed, or some say it and others do not.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        file.seek(PREAMBLE + 4)
        walk = _FrameWalk(file, path.stat().st_size, MOST_ELEMENTS + MOST_ELEMENTS_OF_A_FRAME * frames)
        try:
            walk.data_set(walk.size, (), 0)
            placed = [frame for frame in walk.frames if COLUMN in frame and ROW in frame]
            if placed and not len(placed) == len(walk.frames) == frames:
                raise ValueError("some frames do not say where they lie")
            return [_place(frame) for frame in placed]
        except (struct.error, ValueError, OverflowError) as error:
            raise NotDicomError(str(error)) from error


def _place(frame: dict[int, bytes]) -> FramePlace:
    (x,), (y,) = struct.unpack("<i", frame[COLUMN]), struct.unpack("<i", frame[ROW])
    height = float(_text(frame.get(HEIGHT, b"")) or 0)
    return FramePlace(x - 1, y - 1, height, _text(frame.get(PATH, b"")))


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace").strip(" \0")


def _whole(value: bytes) -> int:
    return int.from_bytes(value, "little") if len(value) in {2, 4} else 0


def _spacing(value: bytes) -> tuple[float, float] | None:
    """DICOM says rows first, in mm."""
    try:
        down, across = (float(part) * 1000 for part in _text(value).split("\\"))
    except ValueError:
        return None
    return (across, down) if across > 0 and down > 0 else None


def series_of(path: Path) -> str | None:
    """The series that a file, or the first slide of a folder, belongs to; None for what is no DICOM."""
    if path.is_dir():
        return next((head.series for _, head in dicom_files(sorted(path.iterdir()))), None)
    try:
        return read_head(path).series or None
    except (NotDicomError, OSError):
        return None


def series_files(path: Path) -> list[tuple[Path, DicomHead]]:
    """The files beside a DICOM file that belong to its slide, itself among them, the finest first; none for others."""
    wanted = series_of(path)
    if wanted is None:
        return []
    files = [(file, head) for file, head in dicom_files(path.parent.iterdir()) if head.series == wanted]
    return sorted(files, key=lambda pair: (-pair[1].columns, -pair[1].rows, pair[0].name))


def is_dicom(path: Path) -> bool:
    """Whether it is a file whose tags are DICOM's."""
    if not path.is_file():
        return False
    try:
        read_head(path)
    except (NotDicomError, OSError):
        return False
    return True


def dicom_files(files: Iterable[Path]) -> list[tuple[Path, DicomHead]]:
    """The DICOM slides' files among some; what is none, or cannot be read, is left out."""
    slides = []
    for file in files:
        if file.suffix.lower() != ".dcm" or not file.is_file():
            continue
        try:
            head = read_head(file)
        except (NotDicomError, OSError):
            continue
        if head.is_slide:
            slides.append((file, head))
    return slides
