"""The layout of the paper's public data set of graded tiles (Heinemann 2022), read without opening a tile.

    ground_truth.csv                                    `;` between, decimal comma or point
    CNN/ballooning/{train,val}/{0,1,ignore}/*.png       299 px at 0.44 µm/px
    CNN/inflammation/{train,val}/{0,1,2,ignore}/*.png
    CNN/steatosis/{train,val}/{05,10,...,75,ignore}/*.png   per cent of fat, or grades 0 to 3
    CNN/fibrosis/...                                    another scale, and no task here: left out
    data/<project>/tiles/tiles/*.png                    tiles nobody graded

Tiles are named `<slide id>_<x>_<y>.png`; x and y are places in the slide's grid. A tile was graded for one feature
only: the others are unknown, not 0.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mmdnet.errors import LabError
from mmdnet.labels.grading import TASK_NAMES, task

READER, STAIN, TILE_MPP = "Heinemann 2022", "Trichrome", 0.44  # whose grades, of which stain, at how many µm/px
IGNORE = "ignore"
STEATOSIS_BINS = {f"{low:02d}": 1 + (low > 30) + (low > 65) for low in range(10, 80, 5)} | {"05": 0}
"""Grade of a class of fat in per cent. The authors have no class 00, so "05" holds what is below 5 %, too."""


@dataclass
class Tile:
    """One tile: its files, and the class of each feature it was graded for (`ignore` among them)."""

    files: list[Path] = field(default_factory=list)
    classes: dict[str, str] = field(default_factory=dict)

    @property
    def grades(self) -> dict[str, int]:
        return {name: grade for name, kind in self.classes.items() if (grade := grade_of(name, kind)) is not None}

    @property
    def ignored(self) -> bool:
        """Set to be ignored for a feature and graded for none."""
        return bool(self.classes) and not self.grades


@dataclass
class TileSet:
    """What a folder holds. `slides[id]` are its tiles by (column, row); `slide_grades[id]` by task."""

    folder: Path
    slides: dict[str, dict[tuple[int, int], Tile]] = field(default_factory=dict)
    slide_grades: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def grade_of(task_name: str, kind: str) -> int | None:
    """Grade of a class folder, None for `ignore`.

    Raises:
        ValueError: the feature has no such class.
    """
    if kind == IGNORE:
        return None
    if task_name == "steatosis" and kind in STEATOSIS_BINS:
        return STEATOSIS_BINS[kind]
    if len(kind) == 1 and kind.isdecimal() and int(kind) <= task(task_name).highest:
        return int(kind)
    raise ValueError(kind)


def read_layout(folder: Path) -> TileSet:
    """What lies in a folder of that layout.

    Raises:
        LabError: it has not that layout.
    """
    tile_set = TileSet(folder)
    graded = folder / "CNN" if (folder / "CNN").is_dir() else folder
    if not any((graded / name).is_dir() for name in TASK_NAMES):
        raise LabError(
            f"{folder.name} is not laid out as the public data set: there is no CNN/{TASK_NAMES[0]}, no "
            f"CNN/{TASK_NAMES[1]} and no CNN/{TASK_NAMES[2]} in it. Nothing was imported."
        )
    for name in TASK_NAMES:
        for file, kind in _class_files(graded / name, tile_set, name):
            _take(tile_set, file, name, kind)
    for part in sorted(folder.glob("data/*/tiles/tiles")):
        for file in _files(part):
            _take(tile_set, file)
    tile_set.left_out["tiles of fibrosis, which is not graded here"] = _count(graded / "fibrosis")
    tile_set.left_out["large tiles (1.32 µm/px)"] = sum(_count(part) for part in folder.glob("data/*/tiles_big/tiles"))
    _read_slide_grades(tile_set)
    tile_set.left_out = Counter({words: number for words, number in tile_set.left_out.items() if number})
    return tile_set


def _class_files(folder: Path, tile_set: TileSet, name: str) -> Iterator[tuple[Path, str]]:
    for part in ("train", "val"):
        for kind in sorted(child for child in folder.glob(f"{part}/*") if child.is_dir()):
            try:
                grade_of(name, kind.name)
            except ValueError:
                tile_set.problems.append(f"{_short(tile_set, kind)}: {name} has no such class; its tiles were left out")
                continue
            for file in _files(kind):
                yield file, kind.name


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))


def _count(folder: Path) -> int:
    return sum(1 for file in folder.rglob("*.png")) if folder.is_dir() else 0


def _take(tile_set: TileSet, file: Path, name: str | None = None, kind: str = "") -> None:
    from mmdnet.slides.readers.image_sources import tile_name

    name_parts = tile_name(file)
    if name_parts is None:
        tile_set.problems.append(f"{_short(tile_set, file)}: it is not named as a tile is (slide_x_y.png)")
        return
    slide, col, row = name_parts
    tile = tile_set.slides.setdefault(slide, {}).setdefault((col, row), Tile())
    tile.files.append(file)
    if name is None:
        return
    if tile.classes.get(name, kind) != kind:
        tile_set.problems.append(
            f"{_short(tile_set, file)}: this tile lies in two classes of {name} ({tile.classes[name]} and {kind}); "
            "the first was taken"
        )
        return
    tile.classes[name] = kind


def _short(tile_set: TileSet, path: Path) -> str:
    return path.relative_to(tile_set.folder).as_posix()


def _read_slide_grades(tile_set: TileSet) -> None:
    """Grades of whole slides, where the table gives a whole grade of the scale for a slide that has tiles."""
    path = tile_set.folder / "ground_truth.csv"
    if not path.is_file():
        return
    table = csv.DictReader(io.StringIO(path.read_text("utf-8-sig", errors="replace"), newline=""), delimiter=";")
    table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
    if "id" not in table.fieldnames:
        tile_set.problems.append("ground_truth.csv: it has no column id, so no slide got its grades")
        return
    for line in table:
        slide = (line.get("id") or "").strip()
        if slide not in tile_set.slides:
            tile_set.left_out["slides in ground_truth.csv without tiles"] += bool(slide)
            continue
        grades = {name: _whole_grade(tile_set, line, slide, name) for name in TASK_NAMES}
        tile_set.slide_grades[slide] = {name: grade for name, grade in grades.items() if grade is not None}


def _whole_grade(tile_set: TileSet, line: dict[str, str], slide: str, name: str) -> int | None:
    written = (line.get(f"{name}_score") or "").strip()
    try:
        value = float(written.replace(",", ".")) if written else None
    except ValueError:
        tile_set.problems.append(
            f"ground_truth.csv: slide {slide} has {written[:20]} as {name}_score, which is no number"
        )
        return None
    if value is None:
        return None
    if not value.is_integer() or not 0 <= value <= task(name).highest:
        tile_set.left_out[f"{name} scores in ground_truth.csv that are no grade"] += 1
        return None
    return int(value)
