"""Many patches at once: which may be, where they lie on the map and on the slides, and one grade given to all of them.

A bulk act is one act: one group of events in the log, taken back as one. It goes into a label session of the reader.
What is in a queue of the reader is read one by one and neither offered nor taken here: the random audit, second and
repeat reads among it must be unaided, and leaving out only those would tell which they are. Nothing here knows other
readers' labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from db import labels as rows
from db import sessions as queues
from db.labels import Standing
from db.models import LabelEvent, LabelSession, Project, Reader, Slide
from db.slides import slides_of
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.acts import Acts, check_state, own_session
from mmdnet.workflows.labelling.views import LabelRefused, PatchGrades, SessionPlan
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.tissue_map import tissue_map

NONE, IGNORED = 255, 254  # in arrays of grades and kinds
MOST = 20_000  # patches in one act
GAP = 0.04  # between slides, as a share of the plane


@dataclass(frozen=True, slots=True)
class SlideBox:
    """Where a slide lies on the plane of all slides; shares of the plane's side.

    `crop` is the part of the whole slide that lies there: left, top, width and height as shares of the slide's.
    """

    id: int
    name: str
    x: float
    y: float
    width: float
    height: float
    crop: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class LastBulk:
    """The bulk act that stands last in a session: it can be taken back."""

    key: str
    patches: int


@dataclass(frozen=True)
class BulkPatches:
    """The patches a reader may label in bulk. Arrays are in one order, all of shape (n,) but the planes (n, 2).

    `map_xy` is NaN where a patch is not on the tissue map; `kind` is 255 there. `grades` are the reader's own standing
    ones, shape (n, 3) in the order of the tasks: 255 none, 254 the patch is ignored.
    """

    patch_id: np.ndarray
    slides_xy: np.ndarray
    map_xy: np.ndarray
    kind: np.ndarray
    fat: np.ndarray
    grades: np.ndarray
    slide: np.ndarray  # position in `slides`
    slides: tuple[SlideBox, ...]
    side: float  # of a patch on the plane of slides (the largest slide's)
    method: str | None  # how the map was made; None where there is none
    queued: int  # patches left out since they are in a queue of the reader
    last: LastBulk | None


class Bulk:
    """Use cases reachable as `lab.labels.bulk`."""

    def __init__(self, services: Services, acts: Acts, after_labels: Callable[[int], object]) -> None:
        self._services = services
        self._acts = acts
        self._after_labels = after_labels
        self._placed: tuple[int, object, np.ndarray] | None = None  # of the project that was looked at last

    def session(self, project_id: int, reader_id: int, wanted: int | None = None) -> int:
        """The label session bulk acts go into: the wanted one if it is this reader's and no review, else the reader's
        newest, else a new one."""
        with self._services.db.begin() as session:
            must_get(session, Project, project_id, "project")
            must_get(session, Reader, reader_id, "reader")
            mine = [row for row in queues.sessions_of(session, project_id, reader_id) if _takes_bulk(row)]
            chosen = next((row for row in mine if row.id == wanted), mine[0] if mine else None)
            if chosen is None:
                chosen = LabelSession(
                    project_id=project_id,
                    reader_id=reader_id,
                    name="Many at once",
                    plan=SessionPlan(kind="plan").kept(),
                )
                session.add(chosen)
                session.flush()
            return chosen.id

    def patches(self, session_id: int, reader_id: int) -> BulkPatches:
        """Every patch of the session's project that this reader may label in bulk.

        Raises:
            LabError: it is not the reader's session, or one of reviews.
        """
        with self._services.db() as session:
            row = _own(session, session_id, reader_id)
            slides = {slide.id: slide for slide in slides_of(session, row.project_id)}
            places = self._places(session, row.project_id)
            queued = queues.queued_for(session, row.project_id, reader_id)
            standing = rows.standing_grades(session, row.project_id, reader_id)
            last = rows.last_standing(session, session_id, reader_id)
        offered = places[~np.isin(places["patch_id"], np.fromiter(queued, np.int64))]
        patch = offered["patch_id"]
        order = sorted(np.unique(offered["slide_id"]).tolist(), key=lambda key: slides[key].name)
        slide = _positions(offered["slide_id"], order)
        px0 = np.stack([offered["x_px0"], offered["y_px0"]], axis=1).astype(float)
        xy, side, boxes = _on_slides(px0, slide, [slides[key] for key in order])
        map_xy, kind, method = self._on_map(row.project_id, patch)
        return BulkPatches(
            patch_id=patch,
            slides_xy=xy,
            map_xy=map_xy,
            kind=kind,
            fat=offered["fat_area_share"],
            grades=_own_grades(patch, standing),
            slide=slide,
            slides=boxes,
            side=side,
            method=method,
            queued=len(places) - len(offered),
            last=_last(last),
        )

    def _places(self, session: Session, project_id: int) -> np.ndarray:
        """`queues.places_of_patches`, read anew where a patch is another than before."""
        mark = queues.mark_of_places(session, project_id)
        if self._placed is None or self._placed[:2] != (project_id, mark):
            self._placed = project_id, mark, queues.places_of_patches(session, project_id)
        return self._placed[2]

    def _on_map(self, project_id: int, patch: np.ndarray) -> tuple[np.ndarray, np.ndarray, str | None]:
        xy = np.full((len(patch), 2), np.nan, np.float32)
        kind = np.full(len(patch), NONE, np.uint8)
        made = tissue_map(self._services, project_id)
        if made is None:
            return xy, kind, None
        at = np.minimum(np.searchsorted(made.patch_id, patch), len(made.patch_id) - 1)
        here = made.patch_id[at] == patch
        xy[here], kind[here] = made.xy[at[here]], made.kind[at[here]]
        return xy, kind, made.method

    def give(
        self,
        session_id: int,
        reader_id: int,
        patch_ids: Sequence[int],
        grades: Mapping[str, int | None],
        ignored: bool = False,
        key: str | None = None,
        shown: Mapping[str, object] | None = None,
    ) -> int:
        """Give these grades to all these patches as one act; how many.

        A task without a grade keeps what the reader gave the patch before. `shown` says what was on the screen.

        Raises:
            LabelRefused: not this reader's session, no such grade, too many patches or none, or one of them is to be
                read by itself. Nothing was changed.
        """
        check_state("ignore" if ignored else "grade", grades, ignored)
        given = {name: grade for name, grade in grades.items() if grade is not None}
        if not ignored and not given:
            raise LabelRefused("No grade was chosen, so nothing was given.")
        wanted = set(patch_ids)
        if not 1 <= len(patch_ids) <= MOST:
            raise LabelRefused(f"From 1 to {MOST:,} patches are labelled at once. Nothing was changed.")
        with self._services.db() as session:
            row = _own(session, session_id, reader_id)
            alone = wanted & queues.queued_for(session, row.project_id, reader_id)
            if alone:
                raise LabelRefused(
                    f"{len(alone)} of these patches are in your queue, to be read one by one. Nothing was changed."
                )
            before = rows.standing_grades(session, row.project_id, reader_id)
        labels = [_merged(patch, before.get(patch), given, ignored) for patch in patch_ids]
        given_to = self._acts.put_many(row.project_id, reader_id, labels, session_id, "bulk", key, _as_json(shown))
        self._after_labels(row.project_id)
        return given_to


def _as_json(shown: Mapping[str, object] | None) -> dict[str, object]:
    return {"view": "many", **(shown or {})}


def _takes_bulk(row: LabelSession) -> bool:
    return SessionPlan.of(row.plan).kind == "plan"


def _own(session: Session, session_id: int, reader_id: int) -> LabelSession:
    row = own_session(session, session_id, reader_id)
    if not _takes_bulk(row):
        raise LabelRefused("The patches of this session are read one by one. Nothing was changed.")
    return row


def _merged(patch: int, before: Standing | None, given: Mapping[str, int], ignored: bool) -> PatchGrades:
    """The whole state of a patch after the act."""
    flagged = before is not None and before.flagged
    if ignored:
        return PatchGrades(patch, ignored=True, flagged=flagged)
    return PatchGrades(patch, Grades(**{**(before.grades if before else {}), **given}), flagged=flagged)


def _positions(slide_ids: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """Where each id stands in `order`, shape (n,), uint16."""
    by_id = np.argsort(order)
    return by_id[np.searchsorted(order, slide_ids, sorter=by_id)].astype(np.uint16) if order else np.empty(0, np.uint16)


def _own_grades(patch: np.ndarray, standing: Mapping[int, Standing]) -> np.ndarray:
    """Shape (n, tasks), uint8, of patches by id; see `BulkPatches`."""
    grades = np.full((len(patch), len(TASK_NAMES)), NONE, np.uint8)
    labelled = np.fromiter(standing, np.int64)
    at = np.searchsorted(patch, labelled)
    for n, patch_id, own in zip(at.tolist(), labelled.tolist(), standing.values(), strict=True):
        if n < len(patch) and patch[n] == patch_id:
            grades[n] = IGNORED if own.ignored else [NONE if grade is None else grade for grade in own.grades.as_tuple]
    return grades


def _last(event: LabelEvent | None) -> LastBulk | None:
    if event is None or event.act != "bulk" or "batch" not in event.shown:
        return None
    return LastBulk(str(event.shown["batch"]), int(event.shown["of"]))


def _on_slides(
    px0: np.ndarray, slide: np.ndarray, slides: Sequence[Slide]
) -> tuple[np.ndarray, float, tuple[SlideBox, ...]]:
    """Patch centres on one plane on which all slides lie beside each other at one scale, in rows; within 0-1.

    Only the part of a slide that has patches is laid, so that tissue is large. With them the side of a patch.
    """
    if not slides:
        return np.empty((0, 2), np.float32), 1.0, ()
    mpp = np.array([[row.mpp_x or 1.0, row.mpp_y or 1.0] for row in slides])
    side = np.array([(row.patch_px or 1) * (row.patch_mpp or 1.0) for row in slides])
    um = px0 * mpp[slide]
    low = np.full((len(slides), 2), np.inf)
    high = np.full((len(slides), 2), -np.inf)
    np.minimum.at(low, slide, um)
    np.maximum.at(high, slide, um)
    size = high - low + side[:, None]
    gap = GAP * float(np.sqrt(size.prod(axis=1).sum()))
    corner, extent = shelf_layout(size, gap)
    xy = (um - low[slide] + side[slide, None] / 2 + corner[slide]) / extent
    whole = np.array([[row.width_px0, row.height_px0] for row in slides]) * mpp
    places = np.concatenate([corner / extent, size / extent, low / whole, size / whole], axis=1).tolist()
    boxes = tuple(
        SlideBox(row.id, row.name, x, y, width, height, (left, top, wide, high))
        for row, (x, y, width, height, left, top, wide, high) in zip(slides, places, strict=True)
    )
    return xy.astype(np.float32), float(side.max() / extent), boxes


def shelf_layout(size: np.ndarray, gap: float) -> tuple[np.ndarray, float]:
    """Corners of rectangles laid in rows in their order, shape (n, 2), and the side of the square that holds them.

    Of some widths of the rows the one that needs the smallest square.
    """
    least = max(float(np.sqrt((size + gap).prod(axis=1).sum())), float(size[:, 0].max()))
    tried = [_rows(size, gap, least * (1 + k / 20)) for k in range(13)]
    return min(tried, key=lambda shelves: shelves[1])


def _rows(size: np.ndarray, gap: float, width: float) -> tuple[np.ndarray, float]:
    corner, x, y, tall = np.zeros_like(size), 0.0, 0.0, 0.0
    for n, (w, h) in enumerate(size.tolist()):
        if x > 0 and x + w > width:
            x, y, tall = 0.0, y + tall + gap, 0.0
        corner[n] = x, y
        x, tall = x + w + gap, max(tall, h)
    return corner, float((corner + size).max())
