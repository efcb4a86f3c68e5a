"""The paper's public data set comes in: tiles become slides, their classes labels of one feature each."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import event_log, slide_readings
from db.models import Patch, Project, Slide
from db.slides import replace_patches, slide_at
from mmdnet.errors import LabError
from mmdnet.files import sha256_of
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.progress import Progress
from mmdnet.slides.facts import StatedFacts
from mmdnet.slides.geometry import PatchGrid, PatchPlace
from mmdnet.words import count
from mmdnet.workflows.projects import Readers
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.ingest.register import slide_row
from mmdnet.workflows.slides.ingest.survey import SurveyedPatch
from mmdnet.workflows.slides.ingest.tile_layout import READER, STAIN, TILE_MPP, Tile, TileSet, read_layout

if TYPE_CHECKING:
    from mmdnet.slides.facts import FileFacts

Tiles = Mapping[tuple[int, int], Tile]
CHECKERS = 2  # threads that decode tiles while the one before is written down; decoding lets others run


@dataclass(frozen=True)
class TileImport:
    """What an import of tiles did. `there`: slides that were in already, whole, and were passed over."""

    slides: int
    there: int
    tiles: int
    labels: int
    ignored: int
    slide_grades: int
    left_out: Mapping[str, int]
    problems: tuple[str, ...]


class TileSets:
    """Use cases reachable as `lab.tile_sets`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def add(
        self,
        project_id: int,
        folder: Path,
        progress: Progress,
        reader: str = READER,
        stain: str = STAIN,
        mpp: float = TILE_MPP,
        operator: str = "",
    ) -> TileImport:
        """Take in every slide of the folder (see `tile_layout`), one after the other, each whole or not at all.

        Started again after a stop it goes on with the first slide that is missing. A slide's patches are its tiles as
        they are, at their own scale; the patient is the slide until somebody says otherwise.

        Args:
            reader: whose labels they become.
            operator: who brings them, for the record.

        Raises:
            LabError: the folder has another layout.
        """
        tile_set = read_layout(folder.resolve())
        with self._services.db() as session:
            must_get(session, Project, project_id, "project")
        reader_id = Readers(self._services).ensure(reader).id
        facts = {"data_set": tile_set.folder.name, "imported_by": operator}
        problems = list(tile_set.problems)
        added = there = tiles = labels = ignored = graded = done = 0
        total = sum(map(len, tile_set.slides.values()))
        pool = ThreadPoolExecutor(CHECKERS)
        try:
            slides = (
                IncomingSlide(self._services, project_id, slide, own, tile_set, mpp, stain, pool)
                for slide, own in tile_set.slides.items()
            )
            for incoming in _checked_ahead(slides):
                progress(done / max(total, 1), f"slide {incoming.name}, {count(len(incoming.tiles), 'tile')}")
                done += len(incoming.tiles)
                try:
                    if incoming.is_there():
                        there += 1
                        continue
                    problems += incoming.add(reader_id, facts)
                except LabError as problem:
                    problems.append(f"slide {incoming.name}: {problem}")
                    continue
                added, tiles = added + 1, tiles + len(incoming.tiles)
                labels += sum(bool(tile.classes) for tile in incoming.tiles.values())
                ignored += sum(tile.ignored for tile in incoming.tiles.values())
                graded += bool(tile_set.slide_grades.get(incoming.name))
        finally:
            pool.shutdown(cancel_futures=True)
        return TileImport(added, there, tiles, labels, ignored, graded, dict(tile_set.left_out), tuple(problems))


def _checked_ahead(slides: Iterator[IncomingSlide]) -> Iterator[IncomingSlide]:
    """Slide after slide, the tiles of the next already being looked at."""
    before: IncomingSlide | None = None
    for slide in slides:
        if slide.known_tiles() is None:
            slide.check()
        if before is not None:
            yield before
        before = slide
    if before is not None:
        yield before


@dataclass(frozen=True)
class CheckedFile:
    """A tile's file that was decoded to its end: its size in pixels and its hash."""

    width_px: int
    height_px: int
    sha256: str


def _check(file: Path) -> CheckedFile:
    """Decode and hash a file.

    Raises:
        LabError: it is no picture, or a damaged one.
    """
    from mmdnet.slides.readers.image_sources import decoded_size

    return CheckedFile(*decoded_size(file), sha256_of(file))


@dataclass
class IncomingSlide:
    """One slide of a data set on its way in."""

    services: Services
    project_id: int
    name: str
    tiles: Tiles
    tile_set: TileSet
    mpp: float
    stain: str
    pool: ThreadPoolExecutor
    checks: dict[Path, Future[CheckedFile]] = field(default_factory=dict)

    @cached_property
    def folder(self) -> Path:
        return self.services.settings.folder("tile-slides") / str(self.project_id) / self.name

    def known_tiles(self) -> int | None:
        """How many tiles the slide has in the project; None where it is not there."""
        with self.services.db() as session:
            known = slide_at(session, self.project_id, str(self.folder))
            if known is None:
                return None
            return session.scalar(select(func.count(Patch.id)).where(Patch.slide_id == known.id)) or 0

    def check(self) -> None:
        """Begin to look at the tiles; `_good` waits for what comes of it."""
        files = [tile.files[0] for tile in self.tiles.values()]
        self.checks |= {file: self.pool.submit(_check, file) for file in files if file not in self.checks}

    def is_there(self) -> bool:
        """Whether it was imported before, from the same tiles.

        Raises:
            LabError: it was, and from other tiles.
        """
        there = self.known_tiles()
        if there is None:
            return False
        if there != len(self.tiles) and there != len(self._good([])):
            raise LabError(
                f"it was imported before with {there} tiles, and there are {len(self.tiles)} now. It was left as it "
                "is; import the folder into a new project."
            )
        return True

    def add(self, reader_id: int, facts: Mapping[str, str]) -> list[str]:
        """Slide, patches, labels and slide grades in one transaction; tiles left out, each in a sentence.

        Raises:
            LabError: its tiles make no slide.
        """
        from mmdnet.slides.readers.open import open_slide

        problems: list[str] = []
        self.tiles = self._good(problems)
        if not self.tiles:
            raise LabError("not one of its tiles can be decoded.")
        self._lay_out()
        with open_slide(self.folder, mpp=self.mpp) as reader:
            row = self._slide(reader.facts)
        assert row.patch_px
        with event_log.appending(self.services.db) as session:
            session.add(row)
            session.flush()
            replace_patches(session, row.id, [patch.columns() for patch in self._patches(row.patch_px)])
            event_log.append(session, self._events(session, row.id, reader_id, facts))
            grades: dict[str, int | None] = dict(self.tile_set.slide_grades.get(self.name, {}))
            if grades:
                slide_readings.put(session, row.id, reader_id, "import", grades, shown=dict(facts))
        return problems

    def _good(self, problems: list[str]) -> Tiles:
        """The tiles that can be decoded and are of one size."""
        self.check()
        good: dict[tuple[int, int], Tile] = {}
        size: tuple[int, int] | None = None
        for cell, tile in sorted(self.tiles.items()):
            try:
                seen = self.checks[tile.files[0]].result()
                own_size = (seen.width_px, seen.height_px)
                size = size or own_size
                if own_size != size:
                    raise LabError(f"it is {own_size[0]} × {own_size[1]} pixels, and others of this slide are not.")
                good[cell] = tile
            except LabError as problem:
                problems.append(f"{tile.files[0].relative_to(self.tile_set.folder).as_posix()}: {problem}")
        return good

    def _lay_out(self) -> None:
        """The slide's tiles in one folder of their own, as links where the system makes them, else as copies."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for (col, row), tile in self.tiles.items():
            link = self.folder / f"{self.name}_{col}_{row}{tile.files[0].suffix.lower()}"
            try:
                link.symlink_to(tile.files[0])
            except OSError:
                shutil.copy2(tile.files[0], link)

    def _slide(self, seen: FileFacts) -> Slide:
        columns = [col for col, _ in self.tiles]
        side_px = seen.width_px0 // (max(columns) - min(columns) + 1)
        facts = seen.with_stated(StatedFacts(stain=self.stain, patient=self.name))
        row = slide_row(facts, project_id=self.project_id, name=self.name, path=str(self.folder))
        row.patch_px, row.patch_mpp = side_px, self.mpp
        row.tissue_mm2 = len(self.tiles) * PatchGrid((0, 0), side_px, self.mpp, self.mpp, self.mpp).area_mm2
        return row

    def _corner(self) -> tuple[int, int]:
        """First column and first row of the slide's grid."""
        return min(col for col, _ in self.tiles), min(row for _, row in self.tiles)

    def _patches(self, side_px: int) -> Iterator[SurveyedPatch]:
        """One patch per tile; its authors cut it out as tissue, so it counts as tissue whole."""
        left, top = self._corner()
        for col, row in self.tiles:
            x_px0, y_px0 = (col - left) * side_px, (row - top) * side_px
            yield SurveyedPatch(PatchPlace(row - top, col - left, x_px0, y_px0, 1.0), {})

    def _events(
        self, session: Session, slide_id: int, reader_id: int, facts: Mapping[str, str]
    ) -> Iterator[event_log.NewEvent]:
        left, top = self._corner()
        rows = session.execute(select(Patch.row, Patch.col, Patch.id).where(Patch.slide_id == slide_id))
        patches = {(col + left, row + top): patch_id for row, col, patch_id in rows}
        given = [(cell, tile) for cell, tile in self.tiles.items() if tile.classes]
        key = f"tiles-{uuid.uuid4().hex}"
        for number, (cell, tile) in enumerate(given):
            file = tile.files[0]
            seen = self.checks[file].result()
            said = {"file": file.relative_to(self.tile_set.folder).as_posix(), "sha256": seen.sha256}
            grades = Grades(**{name: tile.grades.get(name) for name in TASK_NAMES})
            yield event_log.NewEvent(
                key=f"{key}:{number}",
                session_id=None,
                reader_id=reader_id,
                patch_id=patches[cell],
                act="import",
                grades=grades,
                ignored=tile.ignored,
                shown={**facts, **said, "classes": dict(tile.classes), "batch": key, "of": len(given)},
            )
