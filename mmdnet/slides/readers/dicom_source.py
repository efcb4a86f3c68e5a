"""DICOM slides that OpenSlide refuses, decoded frame by frame by imagecodecs: JPEG-LS, HTJ2K, JPEG XL, RLE and others.

Which frames that can be, and by what a frame is decoded a second time before it is believed: `tiles.dicom_frame`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mmdnet.errors import LabError
from mmdnet.slides.colour_profile import profile_note
from mmdnet.slides.facts import FileFacts, fingerprint, scale_of
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import WHITE, Pixels
from mmdnet.slides.readers.dicom import read_head, series_files
from mmdnet.slides.readers.dicom_pictures import NONE, Picture, pictures_of
from mmdnet.slides.readers.levels import Remembered, StoredLevel, UsedLevel, used_levels
from mmdnet.slides.readers.openslide_source import planes_note, statements
from mmdnet.slides.readers.slide_file import dicom_series, finest_file, refuse_derived
from mmdnet.slides.readers.tiles.dicom_frame import CODINGS, RGB, decode, second
from mmdnet.slides.readers.tiles.second_reader import Tiles, compare
from mmdnet.slides.readers.tiles.tile_cache import TileCache
from mmdnet.slides.readers.tiles.tile_pass import Tiling, read_tiles
from mmdnet.words import count

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

CACHE_BYTES = 48 * 1024 * 1024
PROPERTIES = {
    "InstitutionName": "dicom.InstitutionName",
    "PatientID": "dicom.PatientID",
    "AccessionNumber": "dicom.AccessionNumber",
    "ManufacturerModelName": "dicom.ManufacturerModelName",
    "BarcodeValue": "openslide.barcode",
}
"""What OpenSlide calls the tags whose facts are kept."""


class DicomFrameSource:
    """The levels of a DICOM slide, their frames decoded one by one. Takes over the pictures, the finest first."""

    def __init__(self, path: Path, pictures: Sequence[Picture]) -> None:
        self.name = path.name
        self._cache = TileCache(CACHE_BYTES)
        self._stored = tuple(pictures)
        self.planes = sum(
            (each.width_px, each.height_px) == (pictures[0].width_px, pictures[0].height_px) for each in pictures
        )
        """Pictures as large as the slide itself: focal planes in files of their own. The first is read."""
        self.pictures: tuple[Picture, ...] = ()
        self.levels: tuple[Level, ...] = ()

    def use(self, used: Sequence[UsedLevel]) -> None:
        """Read these levels from now on."""
        self.pictures = tuple(self._stored[each.index] for each in used)
        self.levels = tuple(each.level for each in used)

    def find_levels(self) -> tuple[UsedLevel, ...]:
        """The pictures that show what the finest one shows, by their own pixel spacing or by their size."""
        finest = self._stored[0].spacing_um
        stored = [
            StoredLevel(
                each.width_px,
                each.height_px,
                (each.form.width, each.form.height),
                each.spacing_um[0] / finest[0] if each.spacing_um and finest else None,
            )
            for each in self._stored
        ]
        return used_levels(stored, self._stored_pixels, self.name)

    def _stored_pixels(self, index: int, x: int, y: int, width: int, height: int) -> Pixels:
        picture = self._stored[index]
        level = Level(picture.width_px, picture.height_px, 1.0, 1.0)
        return read_tiles(Window(0, x, y, width, height), level, self._tiling(picture), self._cache, id(picture))

    def tiling(self, level: int) -> Tiling:
        """See Source.tiling."""
        return self._tiling(self.pictures[level])

    def _tiling(self, picture: Picture) -> Tiling:
        return Tiling(picture.form.width, picture.form.height, picture.across, partial(self.load, picture))

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        picture = self.pictures[window.level]
        level = self.levels[window.level]
        return read_tiles(window, level, self._tiling(picture), self._cache, id(picture), out)

    def load(self, picture: Picture, tile: int, out: Pixels) -> None:
        """Decode one tile of a picture into `out`, RGB (height, width, 3); white where none was scanned.

        Raises:
            LabError: it is damaged, or not in the file.
        """
        frame = int(picture.frames[tile])
        if frame == NONE:
            out.fill(WHITE)
            return
        try:
            decode(picture.bytes_of(frame), picture.form, out)
        except (ValueError, OSError) as error:
            raise LabError(f"{self.name}: pixels cannot be decoded there ({error}).") from error

    def close(self) -> None:
        for picture in self._stored:
            picture.close()
        self._cache.clear()


def open_frames(path: Path, mpp: float | None) -> tuple[FileFacts, DicomFrameSource]:
    """Open a DICOM slide by one of its files, or the first one of a folder, frame by frame.

    Raises:
        LabError: no slide, no 8-bit colours, frames that are not read, files that are missing, damaged, or decoded
            otherwise by a second reader.
    """
    named = dicom_series(list(path.iterdir()))[0] if path.is_dir() else path
    refuse_derived(named)
    files = series_files(named) or [(named, read_head(named))]
    shown = [pair for pair in files if pair[1].is_volume]
    if not shown:
        raise LabError(
            f"{path.name} was not added: none of its files shows tissue, only the label or all of the glass. Give all "
            "files of the slide. Nothing was changed."
        )
    pictures, left_out = pictures_of(path.name, shown)
    source = DicomFrameSource(path, pictures)
    try:
        key = [file for file, _ in shown]
        source.use(_LEVELS.of(key, path.name, source.find_levels))
        reason = _REASONS.of(key, path.name, partial(_believed, source))
        return _facts(path, mpp, source, finest_file(named), (reason, *left_out)), source
    except BaseException:
        source.close()
        raise


_LEVELS: Remembered[tuple[UsedLevel, ...]] = Remembered()
_REASONS: Remembered[str] = Remembered()


def _facts(path: Path, mpp: float | None, source: DicomFrameSource, first: Path, notes: tuple[str, ...]) -> FileFacts:
    finest = source.pictures[0]
    said = statements(_properties(finest))
    mpp_x, mpp_y, mpp_source = scale_of((said.mpp_x, said.mpp_y), mpp)
    series = read_head(first).series or None
    icc = _icc(finest.tags)
    return FileFacts(
        path=path,
        vendor="dicom",
        reader="imagecodecs",
        width_px0=finest.width_px,
        height_px0=finest.height_px,
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        mpp_source=mpp_source,
        objective=said.objective,
        scanner=said.scanner,
        site=said.site,
        patient=said.patient,
        accession_number=said.accession_number,
        barcode=said.barcode,
        levels=source.levels,
        fingerprint=fingerprint(first, series or ""),
        notes=(*notes, *_stack_note(finest), *planes_note(source.planes), *profile_note(icc)),
        icc=icc,
        series=series,
    )


def _properties(picture: Picture) -> dict[str, str]:
    """What a picture's tags say, under OpenSlide's names."""
    found = {name: str(picture.tags[tag].value) for tag, name in PROPERTIES.items() if picture.tags.get(tag)}
    if picture.spacing_um:
        found |= {f"openslide.mpp-{axis}": str(size) for axis, size in zip("xy", picture.spacing_um, strict=True)}
    with suppress(AttributeError, IndexError, TypeError):
        found["openslide.objective-power"] = str(picture.tags.OpticalPathSequence[0].ObjectiveLensPower)
    return found


def _icc(tags: Dataset) -> bytes | None:
    try:
        return bytes(tags.OpticalPathSequence[0].ICCProfile)
    except (AttributeError, IndexError, TypeError):
        return None


def _stack_note(picture: Picture) -> tuple[str, ...]:
    notes = []
    if picture.planes > 1:
        notes.append(f"The file holds {picture.planes} focal planes; the middle one is read.")
    if picture.paths > 1:
        notes.append(f"The file holds {picture.paths} optical paths; the first is read.")
    return tuple(notes)


def _believed(source: DicomFrameSource) -> str:
    """Decode some frames of each level a second time; the sentence that says which reader was taken and why.

    Raises:
        LabError: the second decoder gives other pixels, or not one frame can be decoded.
    """
    compared = compare(source.name, [_tiles(source, picture) for picture in source.pictures])
    form = source.pictures[0].form
    coding = CODINGS[form.syntax]
    colours = "" if form.photometric == RGB else f" ({form.photometric})"
    why = f"Read by imagecodecs: its frames are {coding.name}{colours}."
    if not compared:
        return f"{why} No second reader decodes them, so their pixels could not be compared."
    return f"{why} {coding.second_name} gave the same pixels of {count(compared, 'frame')}."


def _tiles(source: DicomFrameSource, picture: Picture) -> Tiles:
    scanned = [tile for tile, frame in enumerate(picture.frames.tolist()) if frame != NONE]

    def again(number: int) -> Pixels | None:
        try:
            return second(picture.bytes_of(int(picture.frames[scanned[number]])), picture.form)
        except (ValueError, OSError):
            return None

    return Tiles(
        [picture.size_of(int(picture.frames[tile])) for tile in scanned],
        picture.form.width,
        picture.form.height,
        lambda number, out: source.load(picture, scanned[number], out),
        again,
    )
