"""Every kind of background job, and which use case does it. A new kind is a spec and one entry here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from mmdnet.errors import LabError
from mmdnet.workflows.context import JobContext, QueuedState
from mmdnet.workflows.demo import make_demo
from mmdnet.workflows.job_specs import (
    AugmentSpec,
    BackboneSpec,
    CalibrateSpec,
    CrossValidateSpec,
    DeidentifySpec,
    DemoSpec,
    EvaluateSpec,
    EvidenceMapsSpec,
    FeaturesSpec,
    FieldSpec,
    ImportFeaturesSpec,
    IngestSpec,
    JobSpec,
    LearnSpec,
    MeasureSpec,
    ScoreAgainSpec,
    ScoreSpec,
    SearchSpec,
    StainsSpec,
    TissueMapSpec,
    TrainSpec,
)
from mmdnet.workflows.lab import Lab

Spec = TypeVar("Spec", bound=JobSpec)


@dataclass(frozen=True, slots=True)
class JobKind(Generic[Spec]):
    """A kind of job: the record of what it is told, and what does it."""

    spec: type[Spec]
    run: Callable[[Lab, JobContext, Spec], object]


KINDS: tuple[JobKind[Any], ...] = (
    JobKind(IngestSpec, lambda lab, context, spec: lab.slides.ingest(context, spec)),
    JobKind(DeidentifySpec, lambda lab, context, spec: lab.slides.copies.run(context, spec.slide_id)),
    JobKind(StainsSpec, lambda lab, context, spec: lab.slides.stains.run(context, spec.slide_ids)),
    JobKind(MeasureSpec, lambda lab, context, spec: lab.slides.embedding.measure(context, spec.slide_id)),
    JobKind(FeaturesSpec, lambda lab, context, spec: lab.slides.embedding.run(context, spec.project_id)),
    JobKind(ImportFeaturesSpec, lambda lab, context, spec: lab.slides.imported.run(context, spec)),
    JobKind(TissueMapSpec, lambda lab, context, spec: lab.maps.make(context, spec.project_id)),
    JobKind(LearnSpec, lambda lab, context, spec: lab.learning.run(context, spec.project_id)),
    JobKind(TrainSpec, lambda lab, context, spec: lab.training.run(context, spec.run_id)),
    JobKind(SearchSpec, lambda lab, context, spec: lab.searches.run(context, spec.search_id)),
    JobKind(ScoreSpec, lambda lab, context, spec: lab.scoring.run(context, spec)),
    JobKind(EvidenceMapsSpec, lambda lab, context, spec: lab.evidence_maps.run(context, spec.score_id)),
    JobKind(ScoreAgainSpec, lambda lab, context, spec: lab.scores_again.run(context, spec.score_id)),
    JobKind(
        EvaluateSpec,
        lambda lab, context, spec: lab.evaluations.run(context, spec.project_id, spec.model_id, spec.rule),
    ),
    JobKind(
        CrossValidateSpec,
        lambda lab, context, spec: lab.cross_validation.run(context, spec.project_id, spec.frozen, spec.rule),
    ),
    JobKind(
        CalibrateSpec,
        lambda lab, context, spec: lab.calibrations.run(context, spec.project_id, spec.model_id, spec.rule),
    ),
    JobKind(FieldSpec, lambda lab, context, spec: lab.field.run(context, spec.project_id, spec.frozen)),
    JobKind(BackboneSpec, lambda lab, context, spec: lab.backbones.run(context, spec.name)),
    JobKind(AugmentSpec, lambda lab, context, spec: lab.augmenting.run(context, spec.augmentation_id)),
    JobKind(DemoSpec, lambda lab, context, spec: make_demo(lab, context, spec.project_id, spec.made)),
)
BY_NAME = {kind.spec.kind: kind for kind in KINDS}


class NoQueue:
    """Stands where a running job would queue another: it must not."""

    def states(self, ids: Iterable[str]) -> Mapping[str, QueuedState]:
        return {}

    def active(self) -> set[str]:
        return set()

    def submit(self, kind: str, job_id: str, queue: str, priority: int, begin_at: datetime | None) -> None:
        raise RuntimeError("a job does not queue jobs")

    def plan(self, job_id: str, queue: str, priority: int, begin_at: datetime | None) -> bool:
        raise RuntimeError("a job does not plan jobs")

    def cancel(self, job_id: str) -> None:
        raise RuntimeError("a job does not cancel jobs")

    def retry(self, job_id: str, queue: str, held: bool = False) -> None:
        raise RuntimeError("a job does not start jobs again")

    def check(self) -> None:
        pass


def run_job(kind: str, spec: Mapping[str, Any], context: JobContext) -> None:
    """Do one background job, in the worker's child process.

    Args:
        kind: of `KINDS`, by its spec's name.
        spec: the spec's fields, as they stand in the job's row.
        context: of the running job.

    Raises:
        LabError: what a person can mend, or a job of a build that knew other kinds.
    """
    from db.engine import make_engine, session_factory

    if kind not in BY_NAME:
        raise LabError(f"This program knows no job of the kind {kind}: another version of it made the job.")
    known = BY_NAME[kind]
    try:
        order = known.spec.model_validate(spec)
    except ValidationError as error:
        raise LabError("This job was written by another version of the program. Start it anew.") from error
    lab = Lab(context.settings, session_factory(make_engine(context.settings.lab_url)), NoQueue())
    known.run(lab, context, order)
