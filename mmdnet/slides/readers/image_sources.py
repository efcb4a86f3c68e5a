"""Pictures as slides: one PNG or JPEG field, or a folder of tiles named `<slide id>_<column>_<row>.png`.

Tiles of several slides may lie in one folder; such a slide's path is the folder followed by the slide's id, a path
that names no file.
"""

import re
import threading
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from mmdnet.errors import LabError
from mmdnet.slides.facts import FileFacts, check_size, fingerprint, folder_fingerprint
from mmdnet.slides.geometry import Window, levels_of
from mmdnet.slides.pixels import WHITE, Pixels, blank, clip, shrink

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")
LARGEST_IMAGE_PX = 120_000_000  # decoded as a whole: 360 MB
TILES_KEPT = 64
LARGEST_GRID = 4096  # columns or rows of a patch folder
_TILE = re.compile(r"^(?P<slide>.+)_(?P<x>\d{1,6})_(?P<y>\d{1,6})$")


def decode_image(path: Path) -> Pixels:
    """A whole picture as RGB (h, w, 3); transparency lies on white.

    Raises:
        LabError: no picture, damaged, or claims more than 120 million pixels.
    """
    try:
        with Image.open(path) as image:
            if image.width * image.height > LARGEST_IMAGE_PX:
                raise LabError(
                    f"{path.name} was not added: it claims to be {image.width} × {image.height} pixels. Pictures up to "
                    "120 million pixels can be used; export larger ones as a pyramidal TIFF. Nothing was changed."
                )
            image.load()
            if image.mode in {"RGBA", "LA", "PA"} or "transparency" in image.info:
                rgba = image.convert("RGBA")
                white = Image.new("RGBA", rgba.size, (WHITE, WHITE, WHITE, WHITE))
                return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
            return np.asarray(image.convert("RGB"))
    except LabError:
        raise
    except PermissionError as error:
        raise LabError(f"{path.name} was not added: this program may not read it. Nothing was changed.") from error
    except Exception as error:  # a damaged picture raises almost anything: OSError, SyntaxError, struct.error ...
        raise LabError(
            f"{path.name} was not added: the picture cannot be decoded ({_first_line(error)}). Export it again. "
            "Nothing was changed."
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


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
    """A folder of equal tiles at their grid places; where no tile is, white.

    A second, coarse level of one mean-coloured thumbnail per tile keeps overviews fast; it is made when first read.
    """

    def __init__(self, path: Path) -> None:
        """Look at every name and at the first tile.

        Raises:
            LabError: no tiles, an absurd grid, or the first tile is damaged.
        """
        self.tiles = find_tiles(path)
        self._name = path.name
        columns, rows = zip(*self.tiles, strict=True)
        self._left, self._top = min(columns), min(rows)
        across, down = max(columns) - self._left + 1, max(rows) - self._top + 1
        if max(across, down) > LARGEST_GRID:
            raise LabError(
                f"{path.name} was not added: its tiles' names span {across} × {down} places, more than a slide has. "
                "x and y in the names are places in the grid, not pixels."
            )
        first = decode_image(self.tiles[min(self.tiles)])
        self._height, self._width = first.shape[:2]
        self._shrunk = next(d for d in (13, 8, 10, 5, 4, 2, 1) if self._height % d == 0 == self._width % d)
        sizes = [(across * self._width, down * self._height)]
        if self._shrunk > 2:
            sizes.append((sizes[0][0] // self._shrunk, sizes[0][1] // self._shrunk))
        self.levels = levels_of(sizes)
        self._cache: OrderedDict[tuple[int, int], Pixels] = OrderedDict()
        self._lock = threading.Lock()
        self._coarse = lru_cache(maxsize=len(self.tiles))(self._thumbnail)

    def _tile(self, cell: tuple[int, int]) -> Pixels:
        with self._lock:
            if cell in self._cache:
                self._cache.move_to_end(cell)
                return self._cache[cell]
        image = decode_image(self.tiles[cell])
        if image.shape[:2] != (self._height, self._width):
            raise LabError(f"{self._name}: the tile {self.tiles[cell].name} has another size than the rest.")
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


def open_image(path: Path, mpp: float | None) -> tuple[FileFacts, ImageSource]:
    """Open one picture.

    Raises:
        LabError: no picture, damaged, or too large.
    """
    source = ImageSource(path)
    return _facts(path, mpp, source, "image", fingerprint(path)), source


def open_image_folder(path: Path, mpp: float | None) -> tuple[FileFacts, ImageFolderSource]:
    """Open a folder of one slide's tiles, or the folder followed by a slide's id.

    Raises:
        LabError: no tiles, of several slides, an absurd grid, or the first is damaged.
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
    )
