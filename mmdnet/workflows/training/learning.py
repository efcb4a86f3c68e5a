"""The model that learns while one labels: when it is due, the job that fits it, and what is told of it.

A version is heads on frozen features of the labels so far, with what it says of every patch that has features. Of a
labelled patch it says what heads say that saw nothing of that patient: what one reader gave is not handed to another.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from itertools import takewhile

from sqlalchemy.orm import Session

from db import light_models as rows
from db.labels import labelled_by_slide
from db.models import Job, LabelSession, Slide
from db.slides import slides_of
from mmdnet.errors import LabError
from mmdnet.labels.light_estimate import NEXT_LABELS
from mmdnet.nn.registry import PRETRAINED
from mmdnet.progress import part_of
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import LearnSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.orders import Orders, follows
from mmdnet.workflows.labelling.views import SessionPlan
from mmdnet.workflows.scoring.light_predictions import LightVersion, version_of
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.slides.feature_store.embedding import see_slide
from mmdnet.workflows.slides.feature_store.extractor import Extractor
from mmdnet.workflows.training.light_fit import fit_version, known_already, look_at_slide
from mmdnet.workflows.views import JobView

log = logging.getLogger(__name__)
FIRST_LABELS = 30  # before that no head is worth fitting
EVERY_LABELS = NEXT_LABELS
OF_ALL = 20  # of so many labels one is to be new: learning takes longer the more there are, and changes less


def labels_between(labels: int) -> int:
    """How many labels are to be new before the next version, of all that a project has."""
    return max(EVERY_LABELS, labels // OF_ALL)


@dataclass(frozen=True, slots=True)
class LearningState:
    """What is told beside the labelling: the newest version, the job that makes the next one, labels so far."""

    labels: int
    version: LightVersion | None
    job: JobView | None

    @property
    def until_first(self) -> int:
        """Labels that are missing for a first version; 0 once there is one."""
        return 0 if self.version else max(0, FIRST_LABELS - self.labels)


class Learning:
    """Use cases reachable as `lab.learning`."""

    def __init__(self, services: Services, jobs: Jobs, orders: Orders) -> None:
        self._services = services
        self._jobs = jobs
        self._orders = orders
        self._asking = threading.Lock()  # labels that come at one moment queue one learning

    def state(self, project_id: int) -> LearningState:
        """What is known of the model that learns in this project."""
        with self._services.db() as session:
            labels = sum(labelled_by_slide(session, project_id).values())
            row, job = rows.newest(session, project_id), rows.newest_job(session, project_id, LearnSpec.kind)
            version = None if row is None else version_of(row)
        return LearningState(labels, version, None if job is None else self._jobs.get(job.id))

    def versions(self, project_id: int) -> list[LightVersion]:
        """Every version of a project, newest first."""
        with self._services.db() as session:
            return [version_of(row) for row in rows.versions_of(session, project_id)]

    def order_of(self, session_id: int) -> int:
        """Number of the light model that a session's order is of; of one that goes by no model, the newest there is."""
        with self._services.db() as session:
            row = must_get(session, LabelSession, session_id, "label session")
            if follows(row):
                return SessionPlan.of(row.plan).light or 0
            newest = rows.newest(session, row.project_id)
            return newest.number if newest else 0

    def after_labels(self, project_id: int) -> str | None:
        """Queue the learning where enough labels came since it was last queued, or the last ones of what was to be
        labelled: no more will come to wait for. The job's number, or None.

        Cheap where it is not due: it is asked after every label. The labels are safe already, so that nothing that
        keeps it from being queued reaches whoever gave them; it stands in the log.
        """
        try:
            return self._queue_if_due(project_id)
        except Exception:
            log.exception("the learning beside project %s could not be queued", project_id)
            return None

    def _queue_if_due(self, project_id: int) -> str | None:
        with self._asking:
            with self._services.db() as session:
                last, job = rows.last_event(session), rows.newest_job(session, project_id, LearnSpec.kind)
                if not _enough_new(session, project_id, job):
                    return None
            if job is not None and self._jobs.get(job.id).active:
                return None
            return self._submit(project_id, last)

    def submit(self, project_id: int) -> str:
        """Learn now, however few labels are new; the job's number. One that waits or runs already is taken for it."""
        with self._asking:
            active = self._learning(project_id)
            return active[0].id if active else self._submit(project_id, self._last_event())

    def _submit(self, project_id: int, last: int) -> str:
        return self._jobs.submit("Learning with you", LearnSpec(project_id=project_id, last_event=last), project_id)

    def _learning(self, project_id: int) -> list[JobView]:
        """Jobs that learn in this project or wait to, the oldest first."""
        active = self._jobs.list(project_id, active=True)
        return [job for job in reversed(active) if (job.kind, job.project_id) == (LearnSpec.kind, project_id)]

    def run(self, context: JobContext, project_id: int) -> LightVersion | None:
        """Learn from the labels as they stand; then look at the slides that nobody has looked at yet, learning again
        whenever enough labels came meanwhile, or the last ones of sessions that are finished. The newest version, None
        where there are no labels to learn from.

        A slide that cannot be read is left out and named in the job's message. Nothing is done where the newest version
        has learnt from these very labels on this backbone and looked at every slide, nor beside another learning of
        this project.

        Raises:
            LabError: no labelled slide can be read, or the backbone's weights are not there.
        """
        if self._learns_elsewhere(context, project_id):
            context.progress(1.0, "another one learns already")
            return self.state(project_id).version
        with self._services.db() as session:
            labelled = labelled_by_slide(session, project_id)
            slides = [slide for slide in slides_of(session, project_id) if slide.status == "ready"]
        if not slides:
            return None
        slides.sort(key=lambda slide: slide.id not in labelled)
        first = sum(slide.id in labelled for slide in slides)
        extractor = Extractor.frozen(PRETRAINED, slides[0].patch_px or self._services.settings.patch_px)
        if newest := known_already(self._services, project_id, extractor):
            context.progress(1.0, f"nothing new since {newest.title}")
            return newest
        refused = [self._look_at(context, slide, n, len(slides), extractor) for n, slide in enumerate(slides[:first])]
        seen = self._last_event()
        version = self._learn(context, project_id, extractor)
        for n, slide in enumerate(slides[first:], first):
            refused.append(self._look_at(context, slide, n, len(slides), extractor))
            if version is not None:
                look_at_slide(self._services, project_id, version, slide.id, extractor)
            if self._labelled_since(project_id, seen) >= labels_between(sum(labelled.values())):
                seen = self._last_event()
                version = self._learn(context, project_id, extractor)
        while self._finished_since(project_id, seen):
            seen = self._last_event()
            version = self._learn(context, project_id, extractor)
        problems = [problem for problem in refused if problem]
        if version is None and problems:
            raise LabError(" ".join(problems[:3]))
        if version is not None and len(slides) > first:
            self._orders.follow(project_id, version.number)
        left_out = f"; left out: {' '.join(problems)}" if problems else ""
        context.progress(1.0, (f"{version.title} made" if version else "too little to learn from yet") + left_out)
        return version

    def _learns_elsewhere(self, context: JobContext, project_id: int) -> bool:
        """Whether an earlier job of this project learns at this moment."""
        before = takewhile(lambda job: job.id != context.job_id, self._learning(project_id))
        return any(job.status == "running" for job in before)

    def _look_at(self, context: JobContext, slide: Slide, number: int, of: int, extractor: Extractor) -> str:
        """Compute what a slide lacks of features and local density; why it could not be read, or ""."""
        context.check()
        try:
            see_slide(self._services, slide.id, part_of(context.progress, number, of + 1), extractor)
        except LabError as problem:
            return f"{slide.name}: {problem}"
        return ""

    def _learn(self, context: JobContext, project_id: int, extractor: Extractor) -> LightVersion | None:
        version = fit_version(self._services, context, project_id, extractor)
        if version is not None:
            self._orders.follow(project_id, version.number)
        return version

    def _last_event(self) -> int:
        with self._services.db() as session:
            return rows.last_event(session)

    def _labelled_since(self, project_id: int, event_id: int) -> int:
        with self._services.db() as session:
            return rows.labelled_since(session, project_id, event_id)

    def _finished_since(self, project_id: int, event_id: int) -> bool:
        with self._services.db() as session:
            return rows.sessions_finished_since(session, project_id, event_id)


def _enough_new(session: Session, project_id: int, job: Job | None) -> bool:
    """Whether enough was labelled since the job was queued, or since what the newest version has learnt from."""
    newest = rows.newest(session, project_id)
    if newest is None and job is None:
        return sum(labelled_by_slide(session, project_id).values()) >= FIRST_LABELS
    learnt = 0 if newest is None else int(newest.label_set.get("events", 0))
    queued = 0 if job is None else int(job.spec.get("last_event", 0))
    known = max(learnt, queued)
    new = rows.labelled_since(session, project_id, known)
    if new >= EVERY_LABELS and new >= labels_between(sum(labelled_by_slide(session, project_id).values())):
        return True
    return newest is not None and new > 0 and rows.sessions_finished_since(session, project_id, known)
