"""Cross-validation as one job: each slide is judged by a network that saw neither it nor its patient (site, run).

What is learnt from is frozen when the job is queued. A fold's word is written down when the fold is done, so a job that
is taken up again repeats no finished fold and goes on in the middle of the one it was in.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mmdnet.errors import LabError
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import Apart, Evaluation
from mmdnet.files import write_aside
from mmdnet.progress import between, part_of
from mmdnet.scoring.choices import AUTO, ScoringChoices
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, PartOfJob
from mmdnet.workflows.evaluation.cases import cases_of, judging_truth, says_something
from mmdnet.workflows.evaluation.evaluation import NO_TRUTH, Evaluations
from mmdnet.workflows.job_specs import CrossValidateSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.views import LabelChoice
from mmdnet.workflows.scoring.scoring import check_rule
from mmdnet.workflows.services import Services
from mmdnet.workflows.training.training import Training

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort
    from mmdnet.bags.splits import Fold

PLAN, DONE = "plan.json", "done.json"
TRAINED = 0.9  # share of a fold's time that training takes, as told
TESTED_BY = {"patient": "patient", "site": "site", "staining_run": "staining run"}


class FoldPlan(BaseModel):
    """One fold as it was frozen: its name, the slides it tests, what its split warns of."""

    model_config = ConfigDict(frozen=True)

    name: str
    test: tuple[int, ...]
    warnings: tuple[str, ...] = ()


class FrozenPlan(BaseModel):
    """All folds and the training's choices."""

    model_config = ConfigDict(frozen=True)

    choices: dict[str, object]  # as `TrainingConfig` writes them; read by `read_config`
    folds: tuple[FoldPlan, ...]


class FoldResult(BaseModel):
    """What a fold's network said of its test slides, and which could not be scored or why there is no network."""

    model_config = ConfigDict(frozen=True)

    said: dict[int, ScoreSummary]
    refused: tuple[tuple[str, str], ...] = ()
    problem: str | None = None


class CrossValidation:
    """Use cases reachable as `lab.cross_validation`."""

    def __init__(self, services: Services, jobs: Jobs, training: Training, evaluations: Evaluations) -> None:
        self._services = services
        self._jobs = jobs
        self._training = training
        self._evaluations = evaluations

    def start(
        self, project_id: int, choices: Mapping[str, Any], rule: str = AUTO, labels: LabelChoice | None = None
    ) -> str:
        """Freeze labels and folds and queue the job; its number.

        Args:
            project_id: whose slides.
            choices: of `TrainingConfig`; `split_by` and `folds` say what is left out in turn.
            rule: how the folds' networks grade a slide.
            labels: whose labels; all if not given.

        Raises:
            LabError: no slide could be judged, the folds cannot be made, or a training could not start. Nothing is
                written then.
        """
        from mmdnet.bags.splits import splits_by
        from mmdnet.workflows.training.preflight import check_training

        check_rule(rule)
        config = read_config(choices)
        with self._services.db() as session:
            known = {truth.slide_id for truth in judging_truth(session, project_id) if says_something(truth)}
        if not known:
            raise LabError(NO_TRUTH)
        whole = dict(choices) | {"split_by": "patient", "test_on": None}
        prepared = self._training.prepare(project_id, whole, labels)
        folds = splits_by(prepared.cohort, config.split_by, config.folds, config.seed)
        check = check_training(prepared.cohort, prepared.config, folds[0].split)
        if not check.ok:
            raise LabError(check.problem or "This training cannot start.")
        plan = FrozenPlan(
            choices=config.model_copy(update={"weights": prepared.config.weights}).model_dump(mode="json"),
            folds=tuple(_planned(fold, prepared.cohort) for fold in folds),
        )
        if not known & {slide for fold in plan.folds for slide in fold.test}:
            raise LabError(
                "None of the slides that would be tested has a true grade that counts, so nothing could be judged. "
                "Grade the slides that have labels on their page. Nothing was started."
            )
        frozen = uuid.uuid4().hex
        folder = self._folder(frozen)
        for number, fold in enumerate(folds):
            part = folder / str(number)
            part.mkdir(parents=True)
            replace(prepared, split=fold.split).save(part)
        write_aside(folder / PLAN, plan.model_dump_json())
        title = f"Cross-validate {config.backbone}, {_words(config, len(folds))}"
        return self._jobs.submit(title, CrossValidateSpec(project_id=project_id, frozen=frozen, rule=rule), project_id)

    def run(self, context: JobContext, project_id: int, frozen: str, rule: str = AUTO) -> Evaluation:
        """Train and test every fold that is not done, then judge all slides at once (in the worker).

        Raises:
            LabError: no fold came to a result.
        """
        folder = self._folder(frozen)
        plan = FrozenPlan.model_validate_json((folder / PLAN).read_text("utf-8"))
        config = read_config(plan.choices)
        results = []
        for number, fold in enumerate(plan.folds):
            part, told = folder / str(number), part_of(context.progress, number, len(plan.folds), fold.name)
            if not (part / DONE).is_file():
                done = self._fold(PartOfJob(context, told), part, project_id, fold, config, rule)
                context.check()
                write_aside(part / DONE, done.model_dump_json(by_alias=True))
                _let_go(part)
            results.append(FoldResult.model_validate_json((part / DONE).read_text("utf-8")))
        return self._evaluations.keep(context, self._judge(project_id, plan, config, results))

    def _fold(
        self, context: JobContext, folder: Path, project_id: int, fold: FoldPlan, config: TrainingConfig, rule: str
    ) -> FoldResult:
        from mmdnet.nn.io import load_model

        try:
            self._training.train_in(
                PartOfJob(context, between(context.progress, 0, TRAINED)), folder, project_id, fold.name, config
            )
        except LabError as error:
            return FoldResult(said={}, problem=str(error))
        model, card = load_model(folder / "model")
        with self._services.db() as session:
            known = {truth.slide_id for truth in judging_truth(session, project_id) if says_something(truth)}
        said, refused = self._evaluations.score_apart(
            context, model, card, [slide for slide in fold.test if slide in known], ScoringChoices(rule=rule),
            between(context.progress, TRAINED, 1),
        )  # fmt: skip
        return FoldResult(said=said, refused=tuple(refused))

    def _judge(
        self, project_id: int, plan: FrozenPlan, config: TrainingConfig, results: Sequence[FoldResult]
    ) -> Evaluation:
        said = {slide: summary for result in results for slide, summary in result.said.items()}
        fold_of = {slide: fold.name for fold, result in zip(plan.folds, results, strict=True) for slide in result.said}
        problems = [
            f"{fold.name} has no network: {result.problem}"
            for fold, result in zip(plan.folds, results, strict=True) if result.problem
        ]  # fmt: skip
        if not said:
            raise LabError(" ".join(problems[:3]) or "No fold could score a slide that has a true grade.")
        with self._services.db() as session:
            truths = judging_truth(session, project_id)
            cases = cases_of(session, truths, said, fold_of)
        apart = Apart(
            without_truth=sum(not says_something(truth) for truth in truths),
            refused=tuple(pair for result in results for pair in result.refused),
        )
        subject = f"{config.backbone}, cross-validated {_words(config, len(plan.folds))}"
        judged = evaluate(cases, subject, next(iter(said.values())).rule, apart)
        warnings = [f"{fold.name}: {warning}" for fold in plan.folds for warning in fold.warnings]
        untested = sum(says_something(truth) and truth.slide_id not in said for truth in truths) - len(apart.refused)
        if untested > 0:
            warnings.append(f"{count(untested, 'slide')} with a true grade in no fold that was tested.")
        return judged.model_copy(update={"notes": (*problems, *warnings, *judged.notes)})

    def _folder(self, frozen: str) -> Path:
        return self._services.settings.folder("evaluations") / f"folds-{frozen}"


def _planned(fold: Fold, cohort: Cohort) -> FoldPlan:
    tested = tuple(fold.split.slide_ids(cohort)["test"])
    return FoldPlan(name=fold.name, test=tested, warnings=fold.split.warnings)


def _words(config: TrainingConfig, folds: int) -> str:
    if config.split_by == "patient":
        return f"by patient, {folds} folds"
    return f"leaving out one {TESTED_BY[config.split_by]} of {folds} at a time"


def _let_go(folder: Path) -> None:
    """Remove a finished fold's network and checkpoints: what it said is kept, it itself is not needed again."""
    for path in folder.iterdir():
        if path.name != DONE:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
