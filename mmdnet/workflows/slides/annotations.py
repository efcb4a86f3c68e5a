"""Lengths and areas that a reader draws on slides: their own alone, so that nobody's reading leans on another's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from db.models import Annotation, Reader, Slide
from db.slides import annotations_of
from mmdnet.errors import LabError
from mmdnet.slides.drawing import Drawn, Kind, drawn
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.views import AnnotationView

LONGEST_NOTE = 200
MOST = 1000  # of one reader on one slide


class Annotations:
    """Reachable as `lab.slides.annotations`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def of_slide(self, slide_id: int, reader_id: int) -> Sequence[AnnotationView]:
        """What a reader drew on a slide, in that order; nothing while its µm per pixel are not known."""
        with self._services.db() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            if slide.mpp_x is None or slide.mpp_y is None:
                return []
            return [_view(slide.mpp_x, slide.mpp_y, row) for row in annotations_of(session, slide_id, reader_id)]

    def add(self, slide_id: int, reader_id: int, kind: str, points_px0: object, note: str = "") -> AnnotationView:
        """Keep a length or an area.

        Args:
            kind: "length" or "area".
            points_px0: (x, y) of its corners in level-0 pixels, as they were sent.

        Raises:
            LabError: it is none, lies beside the slide, or the slide does not say how large its pixels are.
        """
        with self._services.db.begin() as session:
            slide = must_get(session, Slide, slide_id, "slide")
            must_get(session, Reader, reader_id, "reader")
            if slide.mpp_x is None or slide.mpp_y is None:
                raise LabError(
                    f"{slide.name} does not say how large its pixels are, so nothing can be measured on it. Enter µm "
                    "per pixel first. Nothing was kept."
                )
            shape = drawn(kind, points_px0, slide.width_px0, slide.height_px0)
            if len(annotations_of(session, slide_id, reader_id)) >= MOST:
                raise LabError(f"You drew {MOST:,} on {slide.name}, and more are not kept. Take some away first.")
            row = Annotation(
                slide_id=slide_id,
                reader_id=reader_id,
                kind=shape.kind,
                points_px0=[list(point) for point in shape.points_px0],
                note=_checked(note),
            )
            session.add(row)
            session.flush()
            return _view(slide.mpp_x, slide.mpp_y, row)

    def set_note(self, slide_id: int, reader_id: int, annotation_id: int, note: str) -> None:
        """Say what an annotation is.

        Raises:
            LabError: the reader drew no such annotation on this slide, or the note is too long.
        """
        with self._services.db.begin() as session:
            _own(session, slide_id, reader_id, annotation_id).note = _checked(note)

    def remove(self, slide_id: int, reader_id: int, annotation_id: int) -> None:
        """Take an annotation away.

        Raises:
            LabError: the reader drew no such annotation on this slide.
        """
        with self._services.db.begin() as session:
            session.delete(_own(session, slide_id, reader_id, annotation_id))


def _own(session: Session, slide_id: int, reader_id: int, annotation_id: int) -> Annotation:
    row = next((mine for mine in annotations_of(session, slide_id, reader_id) if mine.id == annotation_id), None)
    if row is None:
        raise LabError("You drew nothing of that number on this slide; it may be gone already. Nothing was changed.")
    return row


def _checked(note: str) -> str:
    note = " ".join(note.split())
    if len(note) > LONGEST_NOTE:
        raise LabError(f"A note has at most {LONGEST_NOTE} letters; this one has {len(note)}. Nothing was changed.")
    return note


def _view(mpp_x: float, mpp_y: float, row: Annotation) -> AnnotationView:
    kind: Kind = "area" if row.kind == "area" else "length"
    shape = Drawn(kind, tuple((x, y) for x, y in row.points_px0))
    return AnnotationView(row.id, shape, row.note, shape.length_um(mpp_x, mpp_y), shape.area_um2(mpp_x, mpp_y))
