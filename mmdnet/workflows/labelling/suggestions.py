"""Suggested grades in a label session: switched on by its reader, left out where a reading has to be blind.

What was shown stands in the log of labels (`shown.suggestion`): the grades, the model, and the patch asked for before.
With the session's seed that says which grade was planted, so no route and no page needs to know it while it counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
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
from mmdnet.workflows.scoring.light_predictions import Followed, LightVersion, ModelsInView
from mmdnet.workflows.scoring.predictions import PatchShares
from mmdnet.workflows.services import Services, must_get

log = logging.getLogger(__name__)
LEAST_KAPPA = 0.4  # of a task on patients left out, below which a light model suggests nothing of it
NOBODY = (
    "No model knows these slides well enough yet. Score them, or go on labelling: what learns with you suggests a "
    f"feature's grade from a kappa of {LEAST_KAPPA} on patients left out."
)
STREAMS = ("plan", "click", "region")  # of the queue; the audit stream and all kinds of review stay blind


@dataclass(frozen=True, slots=True)
class SuggestionState:
    """Whether suggestions are on in a session, by which model, and if they cannot be, why."""

    on: bool
    model_name: str | None = None
    problem: str | None = None


class Suggestions:
    """Use cases reachable as `lab.labels.suggestions`."""

    def __init__(self, services: Services, models: ModelsInView) -> None:
        self._services = services
        self._models = models

    def state(self, session_id: int) -> SuggestionState:
        """Whether this session shows suggestions, or could."""
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            slides = _slides(session, row)
        if not _may_suggest(row):
            return SuggestionState(False, problem="This session is read blind, so nothing is suggested in it.")
        offered = self._offered(row.project_id, slides)
        if offered is None:
            return SuggestionState(False, problem=NOBODY)
        return SuggestionState(_is_on(row), self._named(row, slides) or offered.title)

    def _offered(self, project_id: int, slides: Sequence[int]) -> Followed | None:
        """The model a session's suggestions would be of: the one plans follow, if it is a light one only where it is
        sure enough of a task, and else one that scored the slides."""
        followed = self._models.followed(project_id, slides)
        if followed is not None and followed.light is not None and not known_tasks(followed.light):
            scored = next(iter(self._models.scored.scored_by(slides)), None)
            return None if scored is None else Followed(scored.model_name, scored.slide_ids, scored.model_id)
        return followed

    def _named(self, row: LabelSession, slides: Sequence[int]) -> str | None:
        """The model a session's suggestions are of, where they were switched on before."""
        chosen = _chosen(row)
        if chosen is None or chosen.light:
            light = self._models.light(row.project_id) if chosen else None
            return light.title if light else None
        scored = self._models.scored.scored_by(slides)
        return next((model.model_name for model in scored if model.model_id == chosen.model_id), None)

    def on(self, session_id: int) -> bool:
        """Whether suggestions are on in this session."""
        with self._services.db() as session:
            return _is_on(must_get(session, LabelSession, session_id, "label session"))

    def switch(self, session_id: int, reader_id: int, on: bool) -> None:
        """Show suggestions in this session from now on, of the newest model that knows its slides; or no longer.

        Raises:
            LabError: it is another reader's session, it is read blind, or no model has scored its slides.
        """
        state = self.state(session_id)
        if on and state.problem:
            raise LabError(state.problem)
        with self._services.db.begin() as session:
            row = acts.own_session(session, session_id, reader_id)
            offered = self._offered(row.project_id, _slides(session, row))
            before = _chosen(row) or SuggestionChoice(on=on, model_id=None)
            chosen = before if offered is None else SuggestionChoice(
                on=on, model_id=offered.model_id, light=offered.light is not None
            )  # fmt: skip
            row.plan = {**row.plan, "suggestions": chosen.model_copy(update={"on": on}).model_dump()}

    def of_queue(self, session_id: int, offset: int, limit: int) -> dict[int, ShownSuggestion]:
        """Suggestions for a stretch of the queue, by patch id; {} while off.

        A patch has none where the reading must be blind or the model did not assess it; and some have none by chance.
        """
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            chosen = _chosen(row)
            if chosen is None or not _is_on(row) or not (chosen.light or chosen.model_id):
                return {}
            project_id = row.project_id
            items = queues.items(session, session_id, max(0, offset - 1), limit + 1)
        share = SessionPlan.of(row.plan).audit_share
        before = [None, *(item.patch.id for item in items)]
        light = self._models.light(project_id) if chosen.light else None
        by_slide: dict[int, PatchShares | None] = {}
        offered: dict[int, ShownSuggestion] = {}
        for after, item in zip(before, items, strict=False):
            slide_id, patch_id = item.slide.id, item.patch.id
            blind = item.stream not in STREAMS or rules.withheld(_seed(row), patch_id, share)
            if item.position < offset or blind:
                continue
            if slide_id not in by_slide:
                by_slide[slide_id] = self._of_slide(project_id, slide_id, chosen.model_id, light)
            predictions = by_slide[slide_id]
            shares = predictions.of_patch(patch_id) if predictions else {}
            if light is not None:
                shares = {name: share for name, share in shares.items() if name in known_tasks(light)}
            if shares:
                made = rules.suggest(shares, _seed(row), patch_id, after)
                offered[patch_id] = ShownSuggestion(
                    made.grades, None if light else chosen.model_id, after, light.number if light else None
                )
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

    def _of_slide(
        self, project_id: int, slide_id: int, model_id: int | None, light: LightVersion | None
    ) -> PatchShares | None:
        if light is not None:
            return self._models.light_of_slide(project_id, light, slide_id)
        try:
            return self._models.scored.of_slide(slide_id, model_id)
        except LabError as problem:
            log.warning("no suggestions for slide %s: %s", slide_id, problem)
            return None


def known_tasks(light: LightVersion) -> set[str]:
    """Tasks of which a light model may suggest a grade: it was right often enough on patients left out."""
    kappa = light.estimate.kappa
    return {name for name, judged in kappa.items() if judged.value is not None and judged.value >= LEAST_KAPPA}


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
