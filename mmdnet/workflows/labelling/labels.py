"""Labelling: sessions and queues, acts that are never lost or misplaced, and what the labels amount to.

Every act is an event appended to a hash-chained log (`db.event_log`). The rules of who may label what stand in this
folder, so that the page, the HTTP routes and the command line cannot differ in them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db import labels as rows
from db.models import LabelEvent, Reader, Slide
from mmdnet.labels.grading import TASK_NAMES, Grades
from mmdnet.workflows.labelling.acts import Acts
from mmdnet.workflows.labelling.agreement import Agreement
from mmdnet.workflows.labelling.atlas import Atlas
from mmdnet.workflows.labelling.bulk import Bulk
from mmdnet.workflows.labelling.consensus import Consensus
from mmdnet.workflows.labelling.exchange.files import Files
from mmdnet.workflows.labelling.orders import Orders
from mmdnet.workflows.labelling.own import Own
from mmdnet.workflows.labelling.plans import Planner
from mmdnet.workflows.labelling.record import Record
from mmdnet.workflows.labelling.reviews import Reviews
from mmdnet.workflows.labelling.sessions import Sessions
from mmdnet.workflows.labelling.suggestions import Suggestions
from mmdnet.workflows.labelling.views import LabelCounts, PatchLabelView
from mmdnet.workflows.scoring.light_predictions import ModelsInView
from mmdnet.workflows.scoring.predictions import Predictions
from mmdnet.workflows.services import Services
from mmdnet.workflows.slides.tissue_map import kinds_of_tissue


class Labels:
    """Use cases of labelling, by subject, and the labels as they stand; reachable as `lab.labels`."""

    def __init__(
        self, services: Services, predictions: Predictions, after_labels: Callable[[int], object] = lambda project: None
    ) -> None:
        """`after_labels` is told the project that many labels at once came into; single acts are told by their page."""
        self._services = services
        models = ModelsInView(services, predictions)
        planner = Planner(models, lambda project_id: kinds_of_tissue(services, project_id))
        self.acts = Acts(services)
        self.sessions = Sessions(services, planner)
        self.orders = Orders(services, planner)
        self.bulk = Bulk(services, self.acts, after_labels)
        self.own = Own(services, self.acts, after_labels)
        self.reviews = Reviews(services)
        self.consensus = Consensus(services)
        self.agreement = Agreement(services, predictions)
        self.suggestions = Suggestions(services, models)
        self.atlas = Atlas(services)
        self.files = Files(services, after_labels)
        self.record = Record(services)
        self._counted: dict[int, tuple[tuple[object, ...], LabelCounts]] = {}

    def current(
        self, project_id: int, reader_id: int | None = None, slide_id: int | None = None
    ) -> list[PatchLabelView]:
        """Every reader's label of every patch as it stands, oldest first; only one reader's or one slide's if given.

        For training, agreement and export. Pages show a reader only their own until they have read the patch.
        """
        with self._services.db() as session:
            standing = rows.current(session, project_id, reader_id, slide_id)
            return [_label_view(event, slide) for event, slide in standing]

    def counts(self, project_id: int) -> LabelCounts:
        """How many patches carry which grades; a patch labelled by several readers counts once per grade given.

        Counted anew only when there is another label, slide or merged reader than before.
        """
        with self._services.db() as session:
            mark = _mark(session, project_id)
            known = self._counted.get(project_id)
            if known is not None and known[0] == mark:
                return known[1]
            tallies = rows.tallies(session, project_id)
            slides = rows.labelled_by_slide(session, project_id)
            ignored = rows.patches_said(session, project_id, LabelEvent.ignored)
            flagged = rows.patches_said(session, project_id, LabelEvent.flagged)
        counted = LabelCounts(
            patches=sum(slides.values()),
            ignored=ignored,
            flagged=flagged,
            reader_ids=tuple(sorted({tally.reader_id for tally in tallies})),
            grades={name: _tally(tallies, place) for place, name in enumerate(TASK_NAMES)},
            slides=slides,
        )
        self._counted[project_id] = (mark, counted)
        return counted


def _mark(session: Session, project_id: int) -> tuple[object, ...]:
    """What counts of labels depend on."""
    slides = session.execute(select(func.count(), func.max(Slide.id)).where(Slide.project_id == project_id)).one()
    merged = session.execute(select(Reader.id, Reader.same_as).where(Reader.same_as.is_not(None))).tuples()
    return rows.last_hash(session), *slides, *sorted(merged)


def _tally(tallies: Sequence[rows.Tally], place: int) -> dict[int, int]:
    counted: Counter[int] = Counter()
    for tally in tallies:
        if (grade := tally.grades[place]) is not None:
            counted[grade] += tally.patches
    return dict(sorted(counted.items()))


def _label_view(event: LabelEvent, slide_id: int) -> PatchLabelView:
    return PatchLabelView(
        event_id=event.id,
        patch_id=event.patch_id,
        slide_id=slide_id,
        reader_id=event.reader_id,
        session_id=event.session_id,
        act=event.act,
        grades=Grades.of(event),
        ignored=event.ignored,
        flagged=event.flagged,
        took_ms=event.took_ms,
        at=event.at,
    )
