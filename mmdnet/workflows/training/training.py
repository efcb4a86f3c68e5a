"""Training: from the labels there are to a model with a card, in the background."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db import runs as rows
from db.models import Project, Run
from db.slides import usable_ids
from mmdnet.errors import LabError
from mmdnet.files import moved_into_place, write_aside
from mmdnet.progress import between
from mmdnet.scoring.choices import AUTO
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, checked
from mmdnet.workflows.job_plans import AT_ONCE, JobPlan
from mmdnet.workflows.job_specs import TrainSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.consensus import Consensus
from mmdnet.workflows.labelling.views import LabelChoice, LabelRow, LabelSet
from mmdnet.workflows.scoring.calibrating import Calibrations, words_of
from mmdnet.workflows.scoring.models import add_model
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.training.backbones import Backbones
from mmdnet.workflows.training.cohort import TrainingData, gather, make_cohort, slide_infos
from mmdnet.workflows.training.kept_features import kept_source
from mmdnet.workflows.training.pixels import PatchPixels
from mmdnet.workflows.training.preflight import check_training
from mmdnet.workflows.training.standing import Mark, standing
from mmdnet.workflows.training.views import CheckView, ReadinessView, RunView

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort
    from mmdnet.bags.splits import Split
    from mmdnet.bags.synthetic import SyntheticPatchRow
    from mmdnet.nn.card import ModelCard


UNLABELLED = 4000  # patches at most for a warm-up without labels: more teach little more and take longer
NONE_JUDGES = (  # see `mmdnet.bags.splits.split_by_patient`
    "no patient is left to judge it by, so its scores would not be reportable. With labels of five patients or more "
    "some are kept to judge it by, of three or four one to choose the epoch by, which seldom is enough."
)
ONE_JUDGES = (
    " With labels of fewer than five patients its scores are seldom reportable: one patient says too little to judge "
    "it by. A reader can grade and sign the reports all the same."
)
DOES = {"train": "learn from", "validation": "choose the epoch by", "test": "judge it by"}  # a split's parts
LABELS, SPLIT = "labels.json", "split.json"


@dataclass(frozen=True)
class PreparedTraining:
    """Labels, slides and split as they were when they were looked at: what is checked is what is learnt from."""

    project_id: int
    config: TrainingConfig
    label_set: LabelSet
    data: TrainingData
    cohort: Cohort
    split: Split
    check: CheckView
    synthetic: tuple[SyntheticPatchRow, ...] = ()  # those of all slides; a split takes its training slides'

    def save(self, folder: Path) -> None:
        """Write what the training starts from."""
        slides = [asdict(slide) for slide in self.cohort.slides]
        rows = [row.record() for row in self.data.rows]
        trains = set(self.split.slide_ids(self.cohort)["train"])
        slide_of = {row.patch_id: row.slide_id for row in self.data.rows}
        kept = [asdict(row) for row in self.synthetic if slide_of.get(row.parent_id) in trains]
        labels = {**asdict(self.label_set.summary()), "rows": rows, "slides": slides, "synthetic": kept}
        write_aside(folder / LABELS, json.dumps(labels))
        write_aside(folder / SPLIT, self.split.to_json(self.cohort))


class Training:
    """Trainings of a project: whether one can start, the ones there are, and doing one."""

    def __init__(
        self,
        services: Services,
        jobs: Jobs,
        consensus: Consensus,
        calibrations: Calibrations,
        backbones: Backbones,
    ) -> None:
        self._services = services
        self._jobs = jobs
        self._consensus = consensus
        self._calibrations = calibrations
        self._backbones = backbones
        self._ready = lru_cache(maxsize=64)(self._readiness)

    def prepare(
        self, project_id: int, choices: Mapping[str, Any], labels: LabelChoice | None = None
    ) -> PreparedTraining:
        """Freeze labels and split, and check them; nothing is written.

        Args:
            project_id: whose labels.
            choices: what was given of `TrainingConfig`, not read yet.
            labels: whose labels, and of which slides; all if not given.

        Raises:
            LabError: a choice that does not work, or labels no cohort can be made of.
        """
        from mmdnet.bags.synthetic import with_synthetic
        from mmdnet.workflows.training.synthetic import usable_synthetic

        config = self._backbones.configured(choices)
        label_set, data, cohort = self._gathered(project_id, config, labels)
        synthetic: tuple[SyntheticPatchRow, ...] = ()
        if config.synthetic:
            with self._services.db() as session:
                synthetic = usable_synthetic(session, project_id, data.rows)
        split = _split(cohort, config)
        check = check_training(with_synthetic(cohort, split, synthetic), config, split)
        check = replace(check, lines=(*check.lines, *data.left_out))
        return PreparedTraining(project_id, config, label_set, data, cohort, split, check, synthetic)

    def sides(self, project_id: int, choices: Mapping[str, Any]) -> tuple[Cohort, Split]:
        """Cohort and split that a training with these choices would have; whether it could start is not looked at.

        Raises:
            LabError: a choice that does not work, or labels no cohort can be made of.
        """
        config = read_config(choices)
        _, _, cohort = self._gathered(project_id, config)
        return cohort, _split(cohort, config)

    def _gathered(
        self, project_id: int, config: TrainingConfig, labels: LabelChoice | None = None
    ) -> tuple[LabelSet, TrainingData, Cohort]:
        """The labels as they stand now, and the cohort of them."""
        label_set = self._consensus.label_set(project_id, labels)
        with self._services.db() as session:
            data = gather(session, project_id, label_set, labels or LabelChoice(), config)
            return label_set, data, make_cohort(session, data.rows, data.slides, config.slide_trust)

    def check(self, project_id: int, choices: Mapping[str, Any], labels: LabelChoice | None = None) -> CheckView:
        """Whether a training would start, in seconds and without starting it: what it would use, or why it cannot."""
        try:
            return self.prepare(project_id, choices, labels).check
        except LabError as error:
            return CheckView(False, (), (), str(error))

    def readiness(
        self, project_id: int, choices: Mapping[str, Any], labels: LabelChoice | None = None
    ) -> ReadinessView:
        """Whether labels and split would do, without building the network as `check` does.

        Asked at every change of a form: the answer is kept as long as nothing it was made from has changed.
        """
        try:
            config = read_config(choices)
            with self._services.db() as session:
                mark = standing(session, project_id)
            return self._ready(project_id, config.model_dump_json(), labels, mark)
        except LabError as error:
            return ReadinessView(False, str(error))

    def _readiness(self, project_id: int, choices: str, labels: LabelChoice | None, _: Mark) -> ReadinessView:
        """See `readiness`; `choices` is the whole configuration as JSON."""
        config = TrainingConfig.model_validate_json(choices)
        try:
            label_set, _data, cohort = self._gathered(project_id, config, labels)
            sides = _split(cohort, config).slide_ids(cohort)
        except LabError as error:
            return ReadinessView(False, str(error))
        listed = ", ".join(f"{len(ids)} to {DOES[part]}" for part, ids in sides.items() if part in DOES)
        kept = any(len(sides.get(part, ())) for part in ("validation", "test"))
        alone = kept and config.split_by == "patient" and not sides.get("test")
        sentence = f"{len(label_set.rows):,} labelled patches; slides: {listed}.{ONE_JUDGES if alone else ''}"
        return ReadinessView(True, sentence, "" if kept else NONE_JUDGES)

    def start(
        self,
        project_id: int,
        choices: Mapping[str, Any],
        name: str | None = None,
        labels: LabelChoice | None = None,
        plan: JobPlan = AT_ONCE,
    ) -> int:
        """Prepare a training and queue it; the run's number.

        Raises:
            LabError: the training could not start (see `check`), or not by this plan; nothing was written.
        """
        self._jobs.check_plan(plan, project_id)
        return self.queue(self.prepare(project_id, choices, labels), name, plan)

    def queue(self, prepared: PreparedTraining, name: str | None = None, plan: JobPlan = AT_ONCE) -> int:
        """Queue a prepared training as it is, whatever labels were given since; the run's number.

        Raises:
            LabError: its check says that it cannot start, or the plan cannot be; nothing was written.
        """
        self._jobs.check_plan(plan, prepared.project_id)
        if not prepared.check.ok:
            raise LabError(prepared.check.problem or "This training cannot start.")
        config, label_set = prepared.config, prepared.label_set
        with self._services.db.begin() as session:
            project = must_get(session, Project, prepared.project_id, "project")
            run = Run(
                project_id=project.id,
                name=name or f"{config.backbone}, {_what(prepared)}",
                choices=config.model_dump(mode="json"),
                label_set={
                    **asdict(label_set.summary()),
                    "graded_slides": prepared.data.graded_slides,
                    "ungraded_patches": prepared.data.unlabelled,
                    "left_out": list(prepared.data.left_out),
                    "warnings": list(prepared.check.warnings),
                    "expected": prepared.check.expected,
                },
            )
            session.add(run)
            session.flush()
            run_id, title = run.id, f"Train {run.name}"
            folder = self.folder(run_id)
            folder.mkdir(parents=True, exist_ok=True)
            prepared.save(folder)
        job_id = self._jobs.submit(title, TrainSpec(run_id=run_id), prepared.project_id, plan)
        with self._services.db.begin() as session:
            must_get(session, Run, run_id, "run").job_id = job_id
        return run_id

    def runs(self, project_id: int) -> list[RunView]:
        """Trainings of a project, newest first."""
        with self._services.db() as session:
            runs = rows.runs_of(session, project_id)
            models = rows.models_of_runs(session, [run.id for run in runs])
        return self._views(runs, models)

    def get(self, run_id: int) -> RunView:
        with self._services.db() as session:
            run = must_get(session, Run, run_id, "training")
            models = rows.models_of_runs(session, [run_id])
        return self._views([run], models)[0]

    def _views(self, runs: Sequence[Run], models: Mapping[int, int]) -> list[RunView]:
        """Runs for people; `models` is the id of the model that each made, by run."""
        jobs = self._jobs.get_many(run.job_id for run in runs)
        return [
            RunView(
                run.id, run.project_id, run.name, jobs.get(run.job_id or ""), run.choices, run.label_set,
                run.created_at, models.get(run.id),
            )
            for run in runs
        ]  # fmt: skip

    def folder(self, run_id: int) -> Path:
        return self._services.settings.folder("runs") / str(run_id)

    def history(self, run_id: int) -> list[dict[str, float]]:
        """One row of numbers per epoch so far; a number that was not measured is left out."""
        path = self.folder(run_id) / "metrics.csv"
        if not path.is_file():
            return []
        with path.open(newline="", encoding="utf-8") as file:
            return [
                {key: float(value) for key, value in row.items() if _is_number(value)} for row in csv.DictReader(file)
            ]

    def log(self, run_id: int, lines: int = 200) -> str:
        job = self.get(run_id).job
        return self._jobs.log(job.id, lines) if job else ""

    def cancel(self, run_id: int) -> None:
        """Stop the training within seconds; its last epoch is kept, so that it can go on later."""
        self._jobs.cancel(self._job_of(run_id))

    def resume(self, run_id: int) -> None:
        """Go on with a cancelled or failed training from its last epoch."""
        self._jobs.retry(self._job_of(run_id))

    def run(self, context: JobContext, run_id: int) -> int:
        """Do the training (in the worker); the model's number. Starting again goes on from the last epoch."""
        with self._services.db() as session:
            run = must_get(session, Run, run_id, "training")
            name, project_id, config = run.name, run.project_id, read_config(run.choices)
        folder = self.folder(run_id)
        card = self.train_in(context, folder, project_id, name, config)
        context.check()
        target = self._services.settings.folder("models") / f"run-{run_id}"
        with moved_into_place(target) as aside:
            shutil.copytree(folder / "model", aside)
        model_id = add_model(self._services, target, name=name, project_id=project_id, run_id=run_id, card=card)
        self._calibrated(context, project_id, model_id)
        return model_id

    def train_in(
        self, context: JobContext, folder: Path, project_id: int, name: str, config: TrainingConfig
    ) -> ModelCard:
        """Train from what `PreparedTraining.save` wrote into a folder; the model lies in its `model`, nowhere else.

        Starting again goes on from the last epoch.
        """
        from mmdnet.nn.device import best_device
        from mmdnet.scoring.calibration.after_training import calibrate

        cohort, split = self.frozen(folder, project_id, config)
        pixels, _ = self._trained(context, folder, project_id, name, config, cohort, split)
        return calibrate(folder / "model", cohort, pixels, split, best_device(config.device), context.progress)

    def judge_in(self, context: JobContext, folder: Path, project_id: int, config: TrainingConfig) -> ModelCard:
        """As `train_in`, for the figures in the card alone: the model is not calibrated."""
        cohort, split = self.frozen(folder, project_id, config)
        return self._trained(context, folder, project_id, "Judged", config, cohort, split)[1]

    def _trained(
        self, context: JobContext, folder: Path, project_id: int, name: str, config: TrainingConfig, cohort: Cohort,
        split: Split,
    ) -> tuple[PatchPixels, ModelCard]:  # fmt: skip
        from mmdnet.training.loop import train

        context.progress(0.0, "decoding patches")
        with self._services.db() as session:
            pixels = PatchPixels.of(session, self._services.settings, cohort.patch_id.tolist(), context.progress)
        progress = between(checked(context), 0.05, 1.0)
        start = self._without_labels(context, project_id, config, folder)
        kept = kept_source(self._services, cohort.patch_id, cohort.patch_px, config, context.progress)
        return pixels, train(cohort, pixels, config, split, folder, progress, name, start, kept)

    def _calibrated(self, context: JobContext, project_id: int, model_id: int) -> None:
        """Calibrate the new model where enough graded slides are left that it did not learn from; else say why not."""
        from mmdnet.scoring.calibration.fit import LEAST_SLIDES

        def told(_: float, message: str, /, **__: Any) -> None:
            context.check()
            context.progress(0.99, f"calibrating: {message}")

        try:
            if len(self._calibrations.plan(project_id, model_id).graded) < LEAST_SLIDES:
                return
            calibration = self._calibrations.calibrate(project_id, model_id, AUTO, told)
            context.progress(1.0, words_of(calibration))
        except LabError as refused:
            context.progress(1.0, f"The model is trained, and not calibrated. {refused}")

    def frozen(self, folder: Path, project_id: int, config: TrainingConfig) -> tuple[Cohort, Split]:
        """Cohort and split as `PreparedTraining.save` wrote them when the job was queued."""
        from mmdnet.bags.cohort import SlideInfo
        from mmdnet.bags.splits import Split
        from mmdnet.bags.synthetic import SyntheticPatchRow, with_synthetic

        frozen = json.loads((folder / LABELS).read_text("utf-8"))
        labels = [LabelRow.of_record(row) for row in frozen["rows"]]
        slides = [SlideInfo(**slide) for slide in frozen.get("slides", [])]  # runs queued by earlier builds keep none
        with self._services.db() as session:
            infos = slides or slide_infos(session, project_id, [row.slide_id for row in labels])
            cohort = make_cohort(session, labels, infos, config.slide_trust)
        split = Split.from_json((folder / SPLIT).read_text("utf-8"), cohort)
        made = [SyntheticPatchRow(**row) for row in frozen.get("synthetic", [])]
        return with_synthetic(cohort, split, made), split

    def _without_labels(
        self, context: JobContext, project_id: int, config: TrainingConfig, folder: Path
    ) -> Path | None:
        """The backbone's weights after a self-supervised warm-up on the project's patches, where one is wanted."""
        if not config.pretrain_epochs:
            return None
        from mmdnet.nn.device import best_device
        from mmdnet.training.self_supervised import warm_up_unlabelled

        def progress(share: float, message: str, /, **numbers: Any) -> None:
            context.check()
            context.progress(0.05, message)

        with self._services.db() as session:
            ids = np.array(usable_ids(session, project_id), np.int64)
            chosen_ids = np.random.default_rng(config.seed).permutation(ids)[:UNLABELLED]
            pixels = PatchPixels.of(session, self._services.settings, np.sort(chosen_ids).tolist(), progress)
        device = best_device(config.device)
        home = folder / "without-labels"
        return warm_up_unlabelled(pixels, config.backbone, config.pretrain_epochs, home, config.seed, device, progress)

    def _job_of(self, run_id: int) -> str:
        job = self.get(run_id).job
        if job is None:
            raise LabError("This training was never queued. Start a new one.")
        return job.id


def _split(cohort: Cohort, config: TrainingConfig) -> Split:
    """The split that was chosen: patients at random, or one fold of a cross-validation.

    Raises:
        LabError: there is no such fold; names those there are.
    """
    from mmdnet.bags.splits import hold_out, split_by_patient, splits_by

    if config.split_by != "patient" and config.test_on:
        return hold_out(cohort, config.split_by, config.test_on, config.seed)
    if config.split_by == "patient" and config.test_on is None:
        return split_by_patient(cohort, seed=config.seed)
    folds = splits_by(cohort, config.split_by, config.folds, config.seed)
    chosen = [fold.split for fold in folds if config.test_on in (fold.name, fold.name.removeprefix("fold "))]
    if not chosen:
        there = ", ".join(fold.name for fold in folds)
        raise LabError(f"Say which one to test on (test_on). There are: {there}. Nothing was started.")
    return chosen[0]


def _what(prepared: PreparedTraining) -> str:
    """What a training learns from, in short."""
    patches, slides = len(prepared.label_set.rows), prepared.data.graded_slides
    return count(slides, "graded slide") if prepared.data.unlabelled and slides else count(patches, "patch")


def _is_number(text: str | None) -> bool:
    try:
        return bool(np.isfinite(float(text or "")))
    except ValueError:
        return False
