"""A slide as OME-Zarr: which of its arrays are levels, and their pixels chunk by chunk.

OME-NGFF 0.4 (`.zattrs`) and 0.5 (`zarr.json`), sections "multiscales", "axes" and "coordinateTransformations"; a file
of several pictures as bioformats2raw lays it out is read by its first. The scales it states are tried on the pixels as
those of every other format: writers are known whose levels do not lie where their scales say.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts, check_size, fingerprint, scale_of
from mmdnet.slides.geometry import Level, Window
from mmdnet.slides.pixels import WHITE, Pixels
from mmdnet.slides.readers.levels import Remembered, StoredLevel, UsedLevel, used_levels
from mmdnet.slides.readers.ome_zarr.array import LONGEST_JSON, ZarrArray, ZarrError, read_array, read_json
from mmdnet.slides.readers.ome_zarr.store import FolderStore, Store, ZipStore, inside
from mmdnet.slides.readers.openslide_source import check_tile
from mmdnet.slides.readers.refusals import damaged
from mmdnet.slides.readers.slide_file import probe
from mmdnet.slides.readers.tiles.tile_cache import TileCache
from mmdnet.slides.readers.tiles.tile_pass import Tiling, read_tiles

FIRST = "0"  # where bioformats2raw puts the first picture
CACHE_BYTES = 96 * 1024 * 1024  # chunks are often of 1024 px
MOST_LEVELS = 64
MOST_CHUNKS = 50_000_000
CHUNKS_HASHED = 16
UM = {
    "micrometer": 1.0, "micrometre": 1.0, "micron": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "millimeter": 1e3,
    "millimetre": 1e3, "mm": 1e3, "nanometer": 1e-3, "nanometre": 1e-3, "nm": 1e-3, "meter": 1e6, "centimeter": 1e4,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Axes:
    """Where in an array's shape rows, columns and colours are, and which place of the other axes is read."""

    names: tuple[str, ...]
    fixed: tuple[int, ...]

    def of(self, name: str) -> int:
        return self.names.index(name)


@dataclass(frozen=True, slots=True)
class _Picture:
    """A level as it is stored: its array, and how far its pixels are apart, across and down, in µm or any unit."""

    array: ZarrArray
    axes: _Axes
    scale: tuple[float, float]

    @property
    def width_px(self) -> int:
        return self.array.shape[self.axes.of("x")]

    @property
    def height_px(self) -> int:
        return self.array.shape[self.axes.of("y")]

    @property
    def tile(self) -> tuple[int, int]:
        """Width and height of a chunk."""
        return self.array.chunk[self.axes.of("x")], self.array.chunk[self.axes.of("y")]

    @property
    def across(self) -> int:
        """Chunks in a row."""
        return -(-self.width_px // self.tile[0])


class OmeZarrSource:
    """The levels of an OME-Zarr, chunk by chunk."""

    def __init__(self, path: Path, pictures: Sequence[_Picture], mark: str) -> None:
        """Find the levels; those of the same file with the same fingerprint (`mark`) were found before."""
        self.name = path.name
        self._cache = TileCache(CACHE_BYTES)
        self._stored = tuple(pictures)
        first = pictures[0]
        stored = [
            StoredLevel(each.width_px, each.height_px, each.tile, each.scale[0] / first.scale[0]) for each in pictures
        ]
        used = _LEVELS.of([path], mark, partial(used_levels, stored, self._stored_pixels, self.name))
        self.levels: tuple[Level, ...] = tuple(each.level for each in used)
        self.pictures: tuple[_Picture, ...] = tuple(pictures[each.index] for each in used)

    def _stored_pixels(self, index: int, x: int, y: int, width: int, height: int) -> Pixels:
        picture = self._stored[index]
        level = Level(picture.width_px, picture.height_px, 1.0, 1.0)
        return read_tiles(Window(0, x, y, width, height), level, self._tiling(picture), self._cache, picture.array.key)

    def tiling(self, level: int) -> Tiling:
        """See Source.tiling."""
        return self._tiling(self.pictures[level])

    def _tiling(self, picture: _Picture) -> Tiling:
        return Tiling(*picture.tile, picture.across, partial(self.load, picture))

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        picture, level = self.pictures[window.level], self.levels[window.level]
        return read_tiles(window, level, self._tiling(picture), self._cache, picture.array.key, out)

    def load(self, picture: _Picture, tile: int, out: Pixels) -> None:
        """Decode one chunk, or the three of its colours, into `out`, RGB (height, width, 3).

        Raises:
            LabError: damaged.
        """
        array, axes = picture.array, picture.axes
        rows, cols, colours = axes.of("y"), axes.of("x"), axes.of("c")
        row, col = divmod(tile, picture.across)
        out.fill(WHITE)
        try:
            for first in range(0, 3, array.chunk[colours]):
                place = [index // side for index, side in zip(axes.fixed, array.chunk, strict=True)]
                place[rows], place[cols], place[colours] = row, col, first // array.chunk[colours]
                chunk = array.read(place)
                cut: list[Any] = [index % side for index, side in zip(axes.fixed, array.chunk, strict=True)]
                cut[rows] = cut[cols] = cut[colours] = slice(None)
                kept = [axis for axis in range(len(cut)) if axis in {rows, cols, colours}]
                order = [kept.index(axis) for axis in (rows, cols, colours)]
                pixels = chunk[tuple(cut)].transpose(order)[..., : 3 - first]
                out[..., first : first + pixels.shape[2]] = pixels
        except (ValueError, OSError, zipfile.BadZipFile) as error:
            raise LabError(f"{self.name}: pixels cannot be decoded there ({error}).") from error

    def close(self) -> None:
        self._stored[0].array.store.close()
        self._cache.clear()


def open_ome_zarr(path: Path, mpp: float | None) -> tuple[FileFacts, OmeZarrSource]:
    """Open an OME-Zarr, a folder or a zip.

    Raises:
        LabError: no OME-Zarr, damaged, no 8-bit picture in red, green and blue, or stored in a way that is not read.
    """
    store: Store | None = None
    try:
        store = FolderStore(path) if path.is_dir() else ZipStore(path)
        pictures, planes, has_unit = _pictures(path, store)
        mark = _fingerprint(path, pictures)
        source = OmeZarrSource(path, pictures, mark)
        probe(source, path.name)
    except BaseException as error:
        if store is not None:
            store.close()
        if isinstance(error, ZarrError):
            raise LabError(f"{path.name} was not added: {error}. Nothing was changed.") from error
        if isinstance(error, zipfile.BadZipFile):
            raise damaged(path.name, "it is no zip, or one that was cut short") from error
        raise
    scale = pictures[0].scale if has_unit else None
    mpp_x, mpp_y, mpp_source = scale_of(scale or (None, None), mpp)
    notes = ["Read from its chunks; no second reader decodes them, so its pixels could not be compared."]
    if planes > 1:
        notes.append(f"The file holds {planes} focal planes; the middle one is read.")
    facts = FileFacts(
        path=path,
        vendor="ome-zarr",
        reader="ome-zarr",
        width_px0=source.levels[0].width_px,
        height_px0=source.levels[0].height_px,
        mpp_x=mpp_x,
        mpp_y=mpp_y,
        mpp_source=mpp_source,
        levels=source.levels,
        fingerprint=mark,
        notes=tuple(notes),
    )
    return facts, source


def _pictures(path: Path, store: Store) -> tuple[list[_Picture], int, bool]:
    """The levels as they are stored, the finest first, how many focal planes each has, and whether a unit is stated.

    Raises:
        ZarrError: no picture in red, green and blue, or stored in a way that is not read.
        LabError: of an absurd size.
    """
    top, said = _attributes(store)
    try:
        (multiscale, *_) = said["multiscales"]
        datasets = multiscale["datasets"][:MOST_LEVELS]
        axes = multiscale["axes"]
        names = tuple(axis["name"] for axis in axes)
        units = [UM.get(str(axis.get("unit", "")).lower()) for axis in axes if axis["name"] in {"x", "y"}]
        arrays = [read_array(store, inside(f"{top}{each['path']}")) for each in datasets]
        shared = _scale(multiscale, names)
        scales = [_scale(each, names) for each in datasets]
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise ZarrError("what it says of its levels cannot be read") from error
    if not arrays:
        raise ZarrError("it names no level")
    unit = units[0] if len(set(units)) == 1 else None
    pictures, planes = [], 1
    for array, (x, y) in zip(arrays, scales, strict=True):
        places, planes = _axes(names, array)
        picture = _Picture(array, places, (x * shared[0] * (unit or 1), y * shared[1] * (unit or 1)))
        check_size(path.name, picture.width_px, picture.height_px)
        check_tile(path, *picture.tile)
        if math.prod(-(-side // part) for side, part in zip(array.shape, array.chunk, strict=True)) > MOST_CHUNKS:
            raise ZarrError("its chunks are smaller than any program writes")
        pictures.append(picture)
    pictures.sort(key=lambda each: -each.width_px * each.height_px)
    return pictures, planes, unit is not None


def _attributes(store: Store) -> tuple[str, Mapping[str, Any]]:
    """Where the first picture lies, and what is said of it."""
    for top in ("", f"{FIRST}/"):
        third = read_json(store, f"{top}zarr.json")
        said = third.get("attributes", {}) if third is not None else read_json(store, f"{top}.zattrs") or {}
        if isinstance(said, dict) and isinstance(said.get("ome"), dict):
            said = said["ome"]
        if isinstance(said, dict) and said.get("multiscales"):
            return top, said
    raise ZarrError(
        "it is a Zarr folder, but no OME-Zarr picture (no multiscales). Give the folder that holds one, or export the "
        "slide as OME-TIFF"
    )


def _scale(said: Mapping[str, Any], names: Sequence[str]) -> tuple[float, float]:
    """How far pixels are apart, across and down, in whatever unit."""
    x = y = 1.0
    for change in said.get("coordinateTransformations", []):
        if change.get("type") == "scale":
            x *= float(change["scale"][names.index("x")])
            y *= float(change["scale"][names.index("y")])
    if not (0 < x < math.inf and 0 < y < math.inf):
        raise ValueError("a scale that is none")
    return x, y


def _axes(names: tuple[str, ...], array: ZarrArray) -> tuple[_Axes, int]:
    """The axes of a level, and how many focal planes it has; the middle one is read."""
    if len(names) != len(array.shape) or len(set(names)) != len(names) or not {"x", "y"} <= set(names):
        raise ZarrError("what it says of its axes does not fit its levels")
    colours = array.shape[names.index("c")] if "c" in names else 1
    if colours != 3:
        what = "one channel" if colours == 1 else f"{colours} channels"
        raise ZarrError(f"it holds {what}, and a brightfield picture in red, green and blue is read. Give that")
    others = {name: size for name, size in zip(names, array.shape, strict=True) if name not in {"x", "y", "c"}}
    if any(size > 1 for name, size in others.items() if name != "z"):
        raise ZarrError("it holds several times or positions, and one is read. Export the one")
    planes = others.get("z", 1)
    return _Axes(names, tuple(planes // 2 if name == "z" else 0 for name in names)), planes


_LEVELS: Remembered[tuple[UsedLevel, ...]] = Remembered()


def _fingerprint(path: Path, pictures: Sequence[_Picture]) -> str:
    """Of a zip as of any file; of a folder what it says of itself, and chunks at even distances of its finest level."""
    if path.is_file():
        return fingerprint(path)
    digest = hashlib.sha256()
    for picture in pictures:
        for name in ("zarr.json", ".zarray"):
            said = picture.array.store.get(f"{picture.array.key}/{name}", LONGEST_JSON)
            digest.update(json.dumps(name).encode() + (said or b""))
    finest = pictures[0]
    grid = [-(-side // part) for side, part in zip(finest.array.shape, finest.array.chunk, strict=True)]
    chunks = math.prod(grid)
    for number in sorted({(chunks - 1) * i // (CHUNKS_HASHED - 1) for i in range(CHUNKS_HASHED)}):
        place = [int(index) for index in np.unravel_index(number, grid)]
        with suppress(ValueError):  # damaged
            digest.update(f"{number}:".encode() + (finest.array.bytes_of(place) or b""))
    return digest.hexdigest()
