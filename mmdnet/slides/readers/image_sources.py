"""Pictures as slides: one PNG or JPEG field, or a folder of tiles named `<slide id>_<column>_<row>.png`.

Tiles of several slides may lie in one folder; such a slide's path is the folder followed by the slide's id, a path
that names no file.
"""

import math
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from mmdnet.errors import LabError
from mmdnet.slides.colour_profile import profile_note
from mmdnet.slides.facts import FileFacts, check_size, fingerprint, folder_fingerprint
from mmdnet.slides.geometry import Level, Window, levels_of
from mmdnet.slides.pixels import WHITE, Pixels, blank, clip, shrink
from mmdnet.slides.readers.png_stream import holds_all_pixels

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
LARGEST_IMAGE_PX = 120_000_000  # decoded as a whole: 360 MB
TILES_KEPT = 64
LARGEST_GRID = 4096  # columns or rows of a patch folder
ORIENTATION, QUARTER_TURNED = 0x0112, 5  # EXIF: from 5 on width and height change places
PNG_ORIENTATIONS = (b"eXIf", b"Raw profile type", b"adobe.xmp")  # a PNG without these bytes is upright
FEWEST_GAPS = 4  # steps between tiles, that all are as long as a tile's side
_TILE = re.compile(r"^(?P<slide>.+)_(?P<x>\d{1,6})_(?P<y>\d{1,6})$")


def decode_image(path: Path) -> Pixels:
    """A whole picture as RGB (h, w, 3); transparency lies on white.

    Raises:
        LabError: no picture, damaged, or claims more than 120 million pixels.
    """
    with _opened(path) as image:
        image.load()
        return _upright_rgb(image)


def decoded_size(path: Path) -> tuple[int, int]:
    """Width and height, upright, of a picture that was decoded to its last pixel, or is known to hold them all.

    Raises:
        LabError: as `decode_image`.
    """
    with _opened(path) as image:
        if image.format == "PNG" and not _may_be_turned(data := path.read_bytes()) and holds_all_pixels(data):
            return image.width, image.height
        image.load()  # says what is wrong
        return _upright_size(image)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """A picture, not decoded yet; what goes wrong with it inside is said as `decode_image` says it."""
    try:
        if path.stat().st_size == 0:
            raise LabError(f"{path.name} was not added: the file is empty. Copy it again. Nothing was changed.")
        with Image.open(path) as image:
            if image.width * image.height > LARGEST_IMAGE_PX:
                raise LabError(
                    f"{path.name} was not added: it claims to be {image.width} × {image.height} pixels. Pictures up to "
                    "120 million pixels can be used; export larger ones as a pyramidal TIFF. Nothing was changed."
                )
            yield image
    except LabError:
        raise
    except PermissionError as error:
        raise LabError(f"{path.name} was not added: this program may not read it. Nothing was changed.") from error
    except Exception as error:  # a damaged picture raises almost anything: OSError, SyntaxError, struct.error ...
        raise LabError(
            f"{path.name} was not added: the picture cannot be decoded ({_first_line(path, error)}). Export it again. "
            "Nothing was changed."
        ) from error


def _upright_rgb(image: Image.Image) -> Pixels:
    """A picture as RGB, (h, w, 3), turned as its EXIF orientation says; what is transparent lies on white."""
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith(("I", "F")):  # 16 bits: Pillow cuts them off at 255 instead of scaling
        values = np.asarray(turned, np.float32)
        eight = np.clip(values / (257.0 if values.max(initial=0) > WHITE else 1.0), 0, WHITE).round().astype(np.uint8)
        return np.repeat(eight[..., None], 3, axis=2)
    if turned.mode in {"RGBA", "LA", "PA"} or "transparency" in turned.info:
        rgba = turned.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (WHITE, WHITE, WHITE, WHITE))
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    return np.asarray(turned.convert("RGB"))


def _first_line(path: Path, error: Exception) -> str:
    """What a library says, without the server's path."""
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture, or one that is damaged at its start"
    return (str(error).splitlines() or [type(error).__name__])[0][:120].replace(str(path), path.name)


def _picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as a picture's header says, upright; None where it is damaged, by its checksums if it has any.

    Pillow decodes a PNG to tell its orientation, which may stand behind its pixels; where it has none, that is spared.
    """
    try:
        with Image.open(path) as image:
            if image.format != "PNG" or _may_be_turned(path.read_bytes()):
                return _upright_size(image)
            image.verify()
            return image.width, image.height
    except Exception:  # as in `decode_image`
        return None


def _may_be_turned(png: bytes) -> bool:
    return any(mark in png for mark in PNG_ORIENTATIONS)


def _upright_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(ORIENTATION, 1) >= QUARTER_TURNED
    return (image.height, image.width) if turned else (image.width, image.height)


class ImageSource:
    """One picture, held decoded."""

    def __init__(self, path: Path) -> None:
        self._image = decode_image(path)
        self.levels = levels_of([(self._image.shape[1], self._image.shape[0])])

    def tiling(self, level: int) -> None:
        """Tiles cannot be had one by one."""

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        level = self.levels[0]
        out = blank(window, level, out)
        x0, y0, x1, y1 = clip(window, level)
        out[y0 - window.y : y1 - window.y, x0 - window.x : x1 - window.x] = self._image[y0:y1, x0:x1]
        return out

    def close(self) -> None:
        """Nothing is held open."""


def tile_name(path: Path) -> tuple[str, int, int] | None:
    """Slide id, column and row in a tile's name, read from the right since ids hold underscores; None for others."""
    parts = _TILE.match(path.stem) if path.suffix.lower() in IMAGE_SUFFIXES else None
    return (parts["slide"], int(parts["x"]), int(parts["y"])) if parts else None


def slide_ids(folder: Path) -> list[str]:
    """Ids of the slides whose tiles lie in a folder, sorted; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted({name[0] for name in map(tile_name, folder.iterdir()) if name})


def find_tiles(path: Path) -> dict[tuple[int, int], Path]:
    """Tiles of a slide by (column, row): `path` is a folder of one slide, or a folder followed by an id.

    Raises:
        LabError: no tiles there, or tiles of several slides and none was named.
    """
    folder, wanted = (path, None) if path.is_dir() else (path.parent, path.name)
    tiles: dict[tuple[int, int], Path] = {}
    ids = set()
    for file in sorted(folder.iterdir()):
        name = tile_name(file)
        if name and wanted in {None, name[0]}:
            ids.add(name[0])
            tiles.setdefault((name[1], name[2]), file)
    if not tiles:
        raise LabError(f"{path.name} was not added: no slide and no tiles named id_x_y.png lie there.")
    if len(ids) > 1:
        raise LabError(
            f"{path.name} holds tiles of {len(ids)} slides ({', '.join(sorted(ids)[:3])} ...). "
            "Add them one by one, as the folder followed by the slide's id."
        )
    return tiles


class ImageFolderSource:
    """A folder of tiles of one size at their grid places; where no tile is, white.

    Tiles of the last column and row may be smaller, as cutting a slide leaves them. A tile that is damaged, or of
    another size, fails alone. A second, coarse level of one mean-coloured thumbnail per tile keeps overviews fast; it
    is made when first read.
    """

    def __init__(self, path: Path) -> None:
        """Look at every name and at every tile's header.

        Raises:
            LabError: no tiles, an absurd grid, names that count pixels, or not one tile that is a picture.
        """
        self.tiles = find_tiles(path)
        self._name = path.name
        columns, rows = zip(*self.tiles, strict=True)
        self._left, self._top = min(columns), min(rows)
        across, down = max(columns) - self._left + 1, max(rows) - self._top + 1
        sizes = {cell: size for cell, file in self.tiles.items() if (size := _picture_size(file)) is not None}
        if not sizes:
            decode_image(self.tiles[min(self.tiles)])  # says what is wrong with it
            raise LabError(f"{path.name} was not added: none of its tiles is a picture. Nothing was changed.")
        self._width, self._height = Counter(sizes.values()).most_common(1)[0][0]
        _refuse_pixel_names(path.name, self.tiles, self._width, self._height)
        if max(across, down) > LARGEST_GRID:
            raise LabError(
                f"{path.name} was not added: its tiles' names span {across} × {down} places, more than a slide has. "
                "x and y in the names are places in the grid, not pixels."
            )
        self._shrunk = next(d for d in (13, 8, 10, 5, 4, 2, 1) if self._height % d == 0 == self._width % d)
        last_width = _last(sizes, 0, max(columns), self._width)
        last_height = _last(sizes, 1, max(rows), self._height)
        whole = ((across - 1) * self._width + last_width, (down - 1) * self._height + last_height)
        at_edge = {(0, max(columns)): last_width, (1, max(rows)): last_height}
        self._sizes = {
            cell: (at_edge.get((0, cell[0]), self._width), at_edge.get((1, cell[1]), self._height))
            for cell in self.tiles
        }
        wrong = [cell for cell in sorted(self.tiles) if not self._fits(cell, sizes.get(cell))]
        self.notes: tuple[str, ...] = (_left_out([self.tiles[cell].name for cell in wrong]),) if wrong else ()
        if len(wrong) == len(self.tiles):
            raise LabError(f"{path.name} was not added: its tiles are of many sizes. Nothing was changed.")
        self.levels: tuple[Level, ...] = (Level(*whole, 1.0, 1.0),)
        if self._shrunk > 2:
            by = self._shrunk
            self.levels += (Level(-(-whole[0] // by), -(-whole[1] // by), float(by), float(by)),)
        self._cache: OrderedDict[tuple[int, int], Pixels] = OrderedDict()
        self._lock = threading.Lock()
        self._coarse = lru_cache(maxsize=len(self.tiles))(self._thumbnail)

    def _fits(self, cell: tuple[int, int], size: tuple[int, int] | None) -> bool:
        """Whether a tile is as large as its place: those of the last column and row may also be whole."""
        if size is None:
            return False
        return all(side in {own, full} for side, own, full in zip(
            size, self._sizes[cell], (self._width, self._height), strict=True
        ))  # fmt: skip

    def _tile(self, cell: tuple[int, int]) -> Pixels:
        with self._lock:
            if cell in self._cache:
                self._cache.move_to_end(cell)
                return self._cache[cell]
        image = decode_image(self.tiles[cell])
        if not self._fits(cell, (image.shape[1], image.shape[0])):
            raise LabError(f"{self._name}: the tile {self.tiles[cell].name} has another size than the rest.")
        if image.shape[:2] != (self._height, self._width):  # at the right or lower edge: what is not there is white
            beside, below = self._width - image.shape[1], self._height - image.shape[0]
            image = np.pad(image, ((0, below), (0, beside), (0, 0)), constant_values=WHITE)
        with self._lock:
            self._cache[cell] = image
            if len(self._cache) > TILES_KEPT:
                self._cache.popitem(last=False)
        return image

    def _thumbnail(self, cell: tuple[int, int]) -> Pixels:
        return shrink(self._tile(cell), self._width // self._shrunk, self._height // self._shrunk)

    def tiling(self, level: int) -> None:
        """Tiles cannot be had one by one."""

    def read(self, window: Window, out: Pixels | None = None) -> Pixels:
        divisor = self._shrunk if window.level else 1
        width, height = self._width // divisor, self._height // divisor
        out = blank(window, self.levels[window.level], out)
        out.fill(WHITE)  # where no tile is
        x0, y0, x1, y1 = clip(window, self.levels[window.level])
        if x0 == x1 or y0 == y1:
            return out
        for row in range(y0 // height, (y1 - 1) // height + 1):
            for col in range(x0 // width, (x1 - 1) // width + 1):
                cell = (col + self._left, row + self._top)
                if cell not in self.tiles:
                    continue
                tile = self._coarse(cell) if window.level else self._tile(cell)
                left, right = max(x0, col * width), min(x1, (col + 1) * width)
                top, bottom = max(y0, row * height), min(y1, (row + 1) * height)
                part = tile[top - row * height : bottom - row * height, left - col * width : right - col * width]
                out[top - window.y : bottom - window.y, left - window.x : right - window.x] = part
        return out

    def close(self) -> None:
        self._cache.clear()
        self._coarse.cache_clear()


def _last(sizes: Mapping[tuple[int, int], tuple[int, int]], axis: int, last: int, usual: int) -> int:
    """Width (or height) of the last column (or row): smaller than usual only where all tiles of it are equally so."""
    sides = {size[axis] for cell, size in sizes.items() if cell[axis] == last}
    return sides.pop() if len(sides) == 1 and min(sides) < usual else usual


def _left_out(names: list[str]) -> str:
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    tiles = f"{len(names)} tiles are" if len(names) > 1 else "One tile is"
    return f"{tiles} damaged or of another size than the rest, and left out: {shown}."


def _refuse_pixel_names(name: str, cells: Iterable[tuple[int, int]], width: int, height: int) -> None:
    """Refuse tiles whose names count pixels: they lie a tile's side apart, or nearly, with nothing between.

    Raises:
        LabError: they do.
    """
    steps = []
    for axis, side in ((0, width), (1, height)):
        places = sorted({cell[axis] for cell in cells})
        if len(places) > 1:
            gaps = [after - before for before, after in pairwise(places)]
            steps.append((math.gcd(*gaps), side, len(gaps)))
    if not steps or any(step < max(2, side / 2) for step, side, _ in steps):
        return
    if sum(count for *_, count in steps) < FEWEST_GAPS and any(step % side for step, side, _ in steps):
        return  # two tiles may lie that far apart in a grid
    raise LabError(
        f"{name} was not added: its tiles' names seem to count pixels (they go in steps of {steps[0][0]}), and places "
        "in the grid are needed: column 0, 1, 2 and row 0, 1, 2. Rename them, <slide id>_<column>_<row>. "
        "Nothing was changed."
    )


def open_image(path: Path, mpp: float | None) -> tuple[FileFacts, ImageSource]:
    """Open one picture.

    Raises:
        LabError: no picture, damaged, or too large.
    """
    source = ImageSource(path)
    facts, icc = _facts(path, mpp, source, "image", fingerprint(path)), _icc(path)
    return replace(facts, icc=icc, notes=(*facts.notes, *profile_note(icc))), source


def _icc(path: Path) -> bytes | None:
    """The profile of a picture's colours, where it holds one; only a picture in RGB is shown through it."""
    with Image.open(path) as image:
        profile = image.info.get("icc_profile") if image.mode == "RGB" else None
    return profile if isinstance(profile, bytes) else None


def open_image_folder(path: Path, mpp: float | None) -> tuple[FileFacts, ImageFolderSource]:
    """Open a folder of one slide's tiles, or the folder followed by a slide's id.

    Raises:
        LabError: no tiles, of several slides, an absurd grid, names that count pixels, or no tile that is whole.
    """
    source = ImageFolderSource(path)
    return _facts(path, mpp, source, "patch-folder", folder_fingerprint(list(source.tiles.values()))), source


def _facts(path: Path, mpp: float | None, source: ImageSource | ImageFolderSource, kind: str, mark: str) -> FileFacts:
    level = source.levels[0]
    check_size(path.name, level.width_px, level.height_px)
    return FileFacts(
        path=path,
        vendor=kind,
        reader=kind,
        width_px0=level.width_px,
        height_px0=level.height_px,
        mpp_x=mpp,
        mpp_y=mpp,
        mpp_source="person" if mpp else None,
        levels=source.levels,
        fingerprint=mark,
        notes=getattr(source, "notes", ()),
    )
