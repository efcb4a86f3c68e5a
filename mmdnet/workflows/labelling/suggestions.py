"""Suggested grades in a label session: switched on by its reader, left out where a reading has to be blind.

What was shown stands in the log of labels (`shown.suggestion`): the grades, the model, and the patch asked for before.
With the session's seed that says which grade was planted, so no route and no page needs to know it while it counts.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import sessions as queues
from db.models import LabelEvent, LabelSession, Reader
from mmdnet.errors import LabError
from mmdnet.labels import suggestions as rules
from mmdnet.labels.grading import TASK_NAMES
from mmdnet.labels.plans import PLANS
from mmdnet.workflows.labelling import acts
from mmdnet.workflows.labelling.views import SessionPlan, ShownSuggestion, SuggestionChoice
from mmdnet.workflows.scoring.predictions import PatchPredictions, Predictions
from mmdnet.workflows.services import Services, must_get

log = logging.getLogger(__name__)
STREAMS = ("plan", "click", "region")  # of the queue; the audit stream and all kinds of review stay blind


@dataclass(frozen=True, slots=True)
class SuggestionState:
    """Whether suggestions are on in a session, by which model, and if they cannot be, why."""

    on: bool
    model_name: str | None = None
    problem: str | None = None


class Suggestions:
    """Use cases reachable as `lab.labels.suggestions`."""

    def __init__(self, services: Services, predictions: Predictions) -> None:
        self._services = services
        self._predictions = predictions

    def state(self, session_id: int) -> SuggestionState:
        """Whether this session shows suggestions, or could."""
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            slides = _slides(session, row)
        if not _may_suggest(row):
            return SuggestionState(False, problem="This session is read blind, so nothing is suggested in it.")
        models = self._predictions.scored_by(slides)
        if not models:
            return SuggestionState(False, problem="No model has scored these slides yet; score them first.")
        chosen = _chosen(row)
        model = next((scored for scored in models if chosen and scored.model_id == chosen.model_id), models[0])
        return SuggestionState(_is_on(row), model.model_name)

    def on(self, session_id: int) -> bool:
        """Whether suggestions are on in this session."""
        with self._services.db() as session:
            return _is_on(must_get(session, LabelSession, session_id, "label session"))

    def switch(self, session_id: int, reader_id: int, on: bool) -> None:
        """Show suggestions in this session from now on, of the model that scored most of its slides; or no longer.

        Raises:
            LabError: it is another reader's session, it is read blind, or no model has scored its slides.
        """
        state = self.state(session_id)
        if on and state.problem:
            raise LabError(state.problem)
        with self._services.db.begin() as session:
            row = acts.own_session(session, session_id, reader_id)
            models = self._predictions.scored_by(_slides(session, row))
            before = _chosen(row)
            model_id = models[0].model_id if models else before.model_id if before else None
            row.plan = {**row.plan, "suggestions": SuggestionChoice(on=on, model_id=model_id).model_dump()}

    def of_queue(self, session_id: int, offset: int, limit: int) -> dict[int, ShownSuggestion]:
        """Suggestions for a stretch of the queue, by patch id; {} while off.

        A patch has none where the reading must be blind or the model did not assess it; and some have none by chance.
        """
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            chosen = _chosen(row)
            if chosen is None or chosen.model_id is None or not _is_on(row):
                return {}
            items = queues.items(session, session_id, max(0, offset - 1), limit + 1)
        share = SessionPlan.of(row.plan).audit_share
        before = [None, *(item.patch.id for item in items)]
        by_slide: dict[int, PatchPredictions | None] = {}
        offered: dict[int, ShownSuggestion] = {}
        for after, item in zip(before, items, strict=False):
            slide_id, patch_id = item.slide.id, item.patch.id
            blind = item.stream not in STREAMS or rules.withheld(_seed(row), patch_id, share)
            if item.position < offset or blind:
                continue
            if slide_id not in by_slide:
                by_slide[slide_id] = self._of_slide(slide_id, chosen.model_id)
            predictions = by_slide[slide_id]
            shares = predictions.of_patch(patch_id) if predictions else {}
            if shares:
                made = rules.suggest(shares, _seed(row), patch_id, after)
                offered[patch_id] = ShownSuggestion(made.grades, chosen.model_id, after)
        return offered

    def accepted_wrong(self, project_id: int) -> list[rules.AcceptedWrong]:
        """Per reader how many planted wrong grades were shown and taken; the last answer on a patch counts."""
        taken: dict[str, list[bool]] = {}
        with self._services.db() as session:
            for row in queues.sessions_of(session, project_id):
                if _chosen(row):
                    reader = must_get(session, Reader, row.reader_id, "reader").name
                    taken.setdefault(reader, []).extend(_answers(session, row))
        return rules.accepted_wrong(taken)

    def _of_slide(self, slide_id: int, model_id: int) -> PatchPredictions | None:
        try:
            return self._predictions.of_slide(slide_id, model_id)
        except LabError as problem:
            log.warning("no suggestions for slide %s: %s", slide_id, problem)
            return None


def _chosen(row: LabelSession) -> SuggestionChoice | None:
    return SessionPlan.of(row.plan).suggestions


def _slides(session: Session, row: LabelSession) -> list[int]:
    """The slides a session was made over; of one whose patches were chosen by hand, those it has patches of."""
    slides = SessionPlan.of(row.plan).slides
    if slides is not None:
        return list(slides)
    return [slide_id for slide_id, *_ in queues.progress_by_slide(session, row.id, row.reader_id)]


def _may_suggest(row: LabelSession) -> bool:
    chosen = SessionPlan.of(row.plan)
    plan = PLANS.get(chosen.plan or "")
    return chosen.kind == "plan" and not (plan is not None and plan.asks_again)


def _is_on(row: LabelSession) -> bool:
    chosen = _chosen(row)
    return bool(chosen and chosen.on) and _may_suggest(row)


def _seed(row: LabelSession) -> int:
    return row.seed * 1_000_003 + row.id


def _answers(session: Session, row: LabelSession) -> list[bool]:
    """Of each patch of the session that a planted grade was shown on, whether the reader's label carries it."""
    events = session.scalars(
        select(LabelEvent)
        .where(LabelEvent.reader_id == row.reader_id, LabelEvent.session_id == row.id, LabelEvent.act == "grade")
        .order_by(LabelEvent.id)
    )
    answers: dict[int, bool] = {}
    for event in events:
        shown: Any = event.shown.get("suggestion")
        grades = shown.get("grades") if isinstance(shown, dict) else None
        if not isinstance(grades, dict) or not set(grades) <= set(TASK_NAMES):
            continue  # none was shown, or what was sent as shown is nothing the lab suggests
        task = rules.planted_task(grades, _seed(row), event.patch_id, shown.get("after"))
        if task is not None:
            answers[event.patch_id] = getattr(event, task) == grades[task]
    return list(answers.values())
