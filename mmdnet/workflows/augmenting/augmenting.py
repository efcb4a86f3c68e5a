"""Synthetic patches of a project: what a batch would make, starting one, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db import runs as models
from db import synthetic as rows
from db.models import Augmentation, Patch, Project, Slide, SyntheticPatch
from mmdnet.augment.choices import DiffusionChoices, read_choices
from mmdnet.augment.gate import GateValues
from mmdnet.augment.provenance import BatchPlan, Origin
from mmdnet.augment.weights_folder import UNSTATED, WeightsFolder, examine_folder
from mmdnet.errors import LabError
from mmdnet.files import write_aside
from mmdnet.workflows.augmenting.looks import BlindedLooks
from mmdnet.workflows.augmenting.making import BatchMaker, floor_file
from mmdnet.workflows.augmenting.parents import choose_parents
from mmdnet.workflows.augmenting.preflight import calls_of
from mmdnet.workflows.augmenting.views import BatchView, PlanView, SyntheticView, VerdictCounts
from mmdnet.workflows.augmenting.weights_place import weights_folder
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_specs import AugmentSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import card_of
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.training.synthetic import FOLDER, contradicted_by_readers, synthetic_file
from mmdnet.workflows.training.training import Training
from mmdnet.workflows.views import JobView

PLAN = "plan.json"
STRONG, STRICT = 0.3, 4.0  # beyond these a child may lose its grade


class Augmenting:
    """Use cases reachable as `lab.augmenting`."""

    def __init__(self, services: Services, jobs: Jobs, training: Training) -> None:
        self._services = services
        self._jobs = jobs
        self._training = training
        self.looks = BlindedLooks(services, jobs)

    def plan(self, project_id: int, given: Mapping[str, Any]) -> PlanView:
        """What a batch with these choices would make; nothing is written.

        Raises:
            LabError: a choice or the folder of weights does not work, or there is no parent.
        """
        choices = self._choices(project_id, given)
        weights, batch, calls = self._prepared(project_id, choices)
        return _plan_view(choices, weights, batch, calls)

    def start(self, project_id: int, given: Mapping[str, Any]) -> int:
        """Freeze the parents and queue the job; the batch's number.

        Raises:
            LabError: as `plan`; nothing was written then.
        """
        choices = self._choices(project_id, given)
        weights, batch, calls = self._prepared(project_id, choices)
        positives = sum(parent.positive for parent in batch.parents)
        origin = Origin(
            weights=weights.name,
            licence=weights.licence,
            scheduler=weights.scheduler,
            prediction_type=weights.prediction_type,
            side_px=choices.side_px or weights.side_px,
            calls=calls,
            positives=positives,
            negatives=len(batch.parents) - positives,
        )
        with self._services.db.begin() as session:
            must_get(session, Project, project_id, "project")
            row = Augmentation(
                project_id=project_id,
                choices=choices.model_dump(mode="json"),
                origin=origin.model_dump(mode="json"),
            )
            session.add(row)
            session.flush()
            folder = self.folder(row.id)
            folder.mkdir(parents=True, exist_ok=True)
            write_aside(folder / PLAN, batch.model_dump_json())
            number = row.id
        title = f"Synthetic patches of {len(batch.parents)} parents"
        job_id = self._jobs.submit(title, AugmentSpec(augmentation_id=number), project_id)
        with self._services.db.begin() as session:
            must_get(session, Augmentation, number, "batch of synthetic patches").job_id = job_id
        return number

    def run(self, context: JobContext, augmentation_id: int) -> None:
        """Make and judge the batch's children (in the worker). Starting again makes what is missing."""
        with self._services.db() as session:
            row = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches")
            choices, origin = read_choices(row.choices), Origin.model_validate(row.origin)
        try:
            batch = BatchPlan.model_validate_json((self.folder(augmentation_id) / PLAN).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise LabError("The plan of these synthetic patches is gone or damaged. Start a new batch.") from error
        BatchMaker(self._services, context, augmentation_id, choices, origin, batch).run()

    def folder(self, augmentation_id: int) -> Path:
        return self._services.settings.folder(FOLDER) / str(augmentation_id)

    def list(self, project_id: int) -> Sequence[BatchView]:
        """A project's batches, newest first."""
        with self._services.db() as session:
            batches = rows.augmentations_of(session, project_id)
        return self._views(batches)

    def get(self, augmentation_id: int) -> BatchView:
        with self._services.db() as session:
            row = must_get(session, Augmentation, augmentation_id, "batch of synthetic patches")
        return self._views([row])[0]

    def _views(self, batches: Sequence[Augmentation]) -> Sequence[BatchView]:
        jobs = self._jobs.get_many(row.job_id for row in batches)
        with self._services.db() as session:
            return [_batch_view(session, row, jobs.get(row.job_id or "")) for row in batches]

    def children(
        self,
        augmentation_id: int,
        newest: int | None = None,
        verdict: str = "",
        first: int = 0,
        count: int | None = None,
    ) -> Sequence[SyntheticView]:
        """A batch's synthetic patches in the order they were made; or so many of the newest, newest first.

        Args:
            verdict: only those that `passed`, or that were refused for this reason of `mmdnet.augment.gate.REASONS`.
            first, count: which of them, for a page of many.
        """
        with self._services.db() as session:
            if newest is not None:
                made = rows.newest_children(session, augmentation_id, newest)
            else:
                made = rows.children_of(session, augmentation_id, verdict, first, count)
            return [_view(child, _slide_name(session, child)) for child in made]

    def picture(self, synthetic_id: int) -> bytes:
        """A synthetic patch as a PNG.

        Raises:
            LabError: its file is gone.
        """
        with self._services.db() as session:
            child = must_get(session, SyntheticPatch, synthetic_id, "synthetic patch")
        path = synthetic_file(self._services.settings, child.augmentation_id, child.parent_id, child.number)
        try:
            return path.read_bytes()
        except OSError as error:
            raise LabError(f"The file of the synthetic patch {synthetic_id} is gone.") from error

    def floor_picture(self, augmentation_id: int, patch_id: int) -> bytes:
        """A parent as the codec alone gives it back, as a PNG; `origin.floor.patch_ids` names those there are.

        Raises:
            LabError: there is none of that patch.
        """
        try:
            return floor_file(self._services.settings, augmentation_id, patch_id).read_bytes()
        except OSError as error:
            raise LabError(f"The round trip of the patch {patch_id} was not kept.") from error

    def _choices(self, project_id: int, given: Mapping[str, Any]) -> DiffusionChoices:
        """The choices; a gate's model that was not named is the project's own newest one that takes such patches."""
        if "weights" in given:
            given = {**given, "weights": weights_folder(self._services.settings, Path(given["weights"]))}
        if "gate_model" in given:
            return read_choices(given)
        with self._services.db() as session:
            own = [model for model in models.models_of(session, project_id) if model.project_id == project_id]
            newest = own[0].id if own and card_of(own[0]).trained_tasks else None
        return read_choices({**given, "gate_model": newest})

    def _prepared(self, project_id: int, choices: DiffusionChoices) -> tuple[WeightsFolder, BatchPlan, int]:
        weights = examine_folder(choices.weights)
        if choices.side_px and choices.side_px > weights.side_px:
            raise LabError(
                f"{weights.name} was made for {weights.side_px} px, so images of {choices.side_px} px would "
                f"repeat themselves. Choose {weights.side_px} px or less. Nothing was started."
            )
        cohort, split = self._training.sides(project_id, {"seed": choices.split_seed})
        batch = choose_parents(cohort, split, choices)
        return weights, batch, calls_of(choices, sorted({parent.prompt for parent in batch.parents}))


def _plan_view(choices: DiffusionChoices, weights: WeightsFolder, batch: BatchPlan, calls: int) -> PlanView:
    positives = sum(parent.positive for parent in batch.parents)
    negatives = len(batch.parents) - positives
    children = len(batch.parents) * choices.children
    side = choices.side_px or weights.side_px
    lines = [
        f"Parents: {positives} positive and {negatives} negative patches of {len(batch.train_slides)} training slides; "
        "no patch of a validation or test slide.",
        f"Children: {choices.children} of each, {children} in all, each judged by the gate.",
        f"Denoising: {calls} calls of the U-Net for each child ({weights.scheduler}, {choices.steps} steps, strength "
        f"{choices.strength:g}), {calls * children} in all, at {side} px.",
        f"Weights: {weights.name}, which predict {weights.prediction_type}; licence: {weights.licence}.",
    ]
    if weights.has_safety_checker:
        lines.append("The checker of photographs beside the weights is left out: it was never made for tissue.")
    warnings = []
    if choices.negatives and negatives < positives:
        warnings.append(
            f"Only {negatives} graded negatives match the {positives} positives: a network could learn that synthetic "
            "means positive. Label more patches of grade 0."
        )
    if not choices.negatives:
        warnings.append("Without negatives a network could learn that synthetic means positive.")
    if choices.strength > STRONG or choices.guidance > STRICT:
        warnings.append("So strong settings change what a grade rests on; the gate will refuse most children.")
    if weights.licence == UNSTATED:
        warnings.append("The folder states no licence: make sure that you may use these weights.")
    if choices.gate_model is None:
        warnings.append("There is no model yet to ask whether a child keeps its grade; that part of the gate is open.")
    return PlanView(
        positives=positives,
        negatives=negatives,
        children=children,
        calls=calls,
        all_calls=calls * children,
        licence=weights.licence,
        prediction_type=weights.prediction_type,
        lines=tuple(lines),
        warnings=tuple(warnings),
    )


def _slide_name(session: Any, child: SyntheticPatch) -> str:
    patch = session.get_one(Patch, child.parent_id)
    return str(session.get_one(Slide, patch.slide_id).name)


def _view(child: SyntheticPatch, slide: str) -> SyntheticView:
    return SyntheticView(
        id=child.id,
        parent_id=child.parent_id,
        slide=slide,
        number=child.number,
        grades=child.grades,
        prompt=child.prompt,
        seed=child.seed,
        judged=child.judged,
        refused=child.refused,
        values=GateValues.model_validate(child.gate_values) if child.judged else None,
    )


def _batch_view(session: Session, row: Augmentation, job: JobView | None) -> BatchView:
    counts = rows.verdict_counts(session, row.id)
    choices, origin = read_choices(row.choices), Origin.model_validate(row.origin)
    return BatchView(
        id=row.id,
        project_id=row.project_id,
        job=job,
        choices=choices,
        origin=origin,
        counts=VerdictCounts(
            wanted=(origin.positives + origin.negatives) * choices.children,
            made=sum(counts.values()),
            judged=sum(count for (judged, _), count in counts.items() if judged),
            passed=counts.get((True, None), 0),
            refused={reason: count for (judged, reason), count in counts.items() if judged and reason},
            contradicted=len(contradicted_by_readers(session, {row.id})),
        ),
        created_at=row.created_at,
    )
