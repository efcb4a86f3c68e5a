"""The methods of the field compared on a project's labels, in the background; results are kept as files.

What is learnt from is frozen when the job is queued, as for a cross-validation; a job that is taken up again repeats no
finished training.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from db.models import Job
from mmdnet.errors import LabError
from mmdnet.experiments.field.bags import parts_of
from mmdnet.experiments.field.plan import FieldPlan, check_files, read_plan
from mmdnet.experiments.field.result import FieldResult, read_field
from mmdnet.files import write_aside
from mmdnet.nn.registry import PRETRAINED, SMALL
from mmdnet.progress import Progress, between
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.evaluation.views import EvaluationHead
from mmdnet.workflows.job_specs import FieldSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.views import LabelChoice
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.training.backbones import Backbones
from mmdnet.workflows.training.pixels import PatchPixels
from mmdnet.workflows.training.training import Training

PLAN = "plan.json"


class FrozenField(BaseModel):
    """The plan, and whose features it is tried on."""

    model_config = ConfigDict(frozen=True)

    plan: FieldPlan
    backbone: str
    weights: Path | None = None
    files: dict[str, Path | None] = {}  # weights by backbone, where backbones are compared
    refused: dict[str, str] = {}  # why a backbone cannot be used


class FieldExperiments:
    """Use cases reachable as `lab.field`."""

    def __init__(self, services: Services, jobs: Jobs, training: Training, backbones: Backbones) -> None:
        self._services = services
        self._jobs = jobs
        self._training = training
        self._backbones = backbones

    def start(
        self, project_id: int, choices: Mapping[str, Any], backbone: str | None = None, weights: Path | None = None,
        labels: LabelChoice | None = None, files: Mapping[str, Path] | None = None,
    ) -> str:  # fmt: skip
        """Freeze the labels and queue the job; its number.

        Args:
            project_id: whose labels.
            choices: of `FieldPlan`.
            backbone: whose frozen features; the pretrained one if not given.
            weights: a safetensors file of that backbone's, from whoever runs the lab.
            labels: whose labels; all if not given.
            files: as `weights`, by backbone, where the plan names backbones.

        Raises:
            LabError: a choice that does not work, no labels, or too few patients; nothing is written then.
        """
        plan = read_plan(dict(choices))
        given = dict(files or {})
        check_files(file for file in (weights, *given.values()) if file)
        own, refused = self._weights_of(plan.backbones, given)
        if refused and not own:
            raise LabError(" ".join(refused.values()))
        config = _config(SMALL if plan.backbones else backbone or PRETRAINED)  # labels and slides are alike for all
        prepared = self._training.prepare(project_id, config.model_dump(mode="json"), labels)
        if not prepared.check.ok:
            raise LabError(prepared.check.problem or "Nothing can be learnt from these labels. Nothing was started.")
        parts_of(prepared.cohort, plan)
        frozen = uuid.uuid4().hex
        folder = self._folder(frozen)
        folder.mkdir(parents=True)
        prepared.save(folder)
        start = weights.resolve() if weights else prepared.config.weights
        told = FrozenField(plan=plan, backbone=config.backbone, weights=start, files=own, refused=refused)
        write_aside(folder / PLAN, told.model_dump_json())
        title = f"Compare {count(len(plan.asked), plan.rows)}"
        title += "" if plan.backbones else f" on {config.backbone}"
        title += ", slide by slide" if plan.unit == "slide" else ""
        return self._jobs.submit(title, FieldSpec(project_id=project_id, frozen=frozen), project_id)

    def run(self, context: JobContext, project_id: int, frozen: str) -> FieldResult:
        """Compute features, then train and test what is not done yet (in the worker).

        Raises:
            LabError: patches cannot be read, no part could be trained, or the job is of another version.
        """
        from mmdnet.experiments.field.data import FieldData, extractor_of, field_data
        from mmdnet.experiments.field.run import run_backbones, run_field

        folder = self._folder(frozen)
        told = _read_frozen(folder / PLAN)
        cohort, _ = self._training.frozen(folder, project_id, _config(told.backbone))

        heard = checked(context)
        with self._services.db() as session:
            pixels = PatchPixels.of(session, self._services.settings, cohort.patch_id.tolist(), between(heard, 0, 0.1))
        name = f"{count(len(cohort.slides), 'slide')} of this project"

        def data_of(backbone: str, progress: Progress) -> FieldData:
            if backbone in told.refused:
                raise LabError(told.refused[backbone])
            extractor = extractor_of(backbone, told.files.get(backbone, told.weights), cohort.patch_px)
            return field_data(
                cohort, pixels, extractor, folder, name, progress, told.plan.scales, told.plan.ignored_task
            )

        if told.plan.backbones:
            result = run_backbones(data_of, told.plan, folder / "cells", between(heard, 0.1, 1))
        else:
            data = data_of(told.backbone, between(heard, 0.1, 0.4))
            result = run_field(data, told.plan, folder / "cells", between(heard, 0.4, 1))
        context.check()
        write_aside(self._file(context.job_id), result.model_dump_json())
        return result

    def list(self, project_id: int) -> Sequence[EvaluationHead]:
        """Finished comparisons of a project, newest first."""
        return [
            EvaluationHead(job.id, job.kind, job.title, job.created_at)
            for job in self._jobs.list(project_id)
            if job.kind == FieldSpec.kind and job.project_id == project_id and self._file(job.id).is_file()
        ]

    def get(self, job_id: str) -> FieldResult:
        """A finished comparison.

        Raises:
            LabError: there is none of that number, or its file is damaged or of another version.
        """
        with self._services.db() as session:
            must_get(session, Job, job_id, "comparison of methods")
        file = self._file(job_id)
        if not file.is_file():
            raise LabError("This comparison of methods is not finished, or its file is gone. Run it again.")
        return read_field(file.read_bytes())

    def _weights_of(
        self, backbones: Sequence[str], given: Mapping[str, Path]
    ) -> tuple[dict[str, Path | None], dict[str, str]]:
        """Weights by backbone: given, fetched into this lab, or None; and why others cannot be used."""
        weights: dict[str, Path | None] = {}
        refused: dict[str, str] = {}
        for name in backbones:
            try:
                configured = self._backbones.configured({"backbone": name}).weights
                weights[name] = given[name].resolve() if name in given else configured
            except LabError as why:
                refused[name] = str(why)
        return weights, refused

    def _folder(self, frozen: str) -> Path:
        return self._services.settings.folder("evaluations") / f"field-{frozen}"

    def _file(self, job_id: str) -> Path:
        return self._services.settings.folder("evaluations") / f"{job_id}.json"


def _read_frozen(file: Path) -> FrozenField:
    """What was frozen when the job was queued.

    Raises:
        LabError: it is gone, damaged or of another version of the program.
    """
    try:
        return FrozenField.model_validate_json(file.read_text("utf-8"))
    except (OSError, ValidationError, UnicodeDecodeError) as problem:
        raise LabError(
            "What this comparison was to do is damaged, gone or of another version of the program. Start it anew; "
            "nothing else was touched."
        ) from problem


def _config(backbone: str) -> TrainingConfig:
    """What a training on this backbone's frozen features learns from.

    Raises:
        LabError: there is no such backbone.
    """
    return read_config({"backbone": backbone})
