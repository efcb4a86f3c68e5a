"""Evaluations: how right a model is on the project's graded slides, in the background; results are kept as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from db.models import Job, Model, Slide
from mmdnet.errors import LabError
from mmdnet.evaluation.evaluate import evaluate
from mmdnet.evaluation.result import Apart, Evaluation, read_evaluation
from mmdnet.files import write_aside
from mmdnet.labels.grading import TASKS
from mmdnet.labels.slide_truth import SlideTruth
from mmdnet.progress import Progress, part_of
from mmdnet.scoring.choices import AUTO, ScoringChoices
from mmdnet.scoring.summary import ScoreSummary
from mmdnet.scoring.validity import EVALUATED
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.evaluation.cases import cases_of, graded_slides, judging_truth, says_something
from mmdnet.workflows.evaluation.views import EvaluationHead, EvaluationPlan
from mmdnet.workflows.job_specs import CrossValidateSpec, EvaluateSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.scoring.models import add_metrics, card_of, guard_of, load_kept, model_folder
from mmdnet.workflows.scoring.scoring import Scoring, check_rule
from mmdnet.workflows.services import Services, must_get

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.scoring.calibration.guard import Guard

LEARNT_PARTS = ("train", "validation")  # validation slides chose the epoch and the calibration
KINDS = (EvaluateSpec.kind, CrossValidateSpec.kind)
NO_TRUTH = (
    "No slide of this project has a true grade that counts. Grade slides on their page without a score in view, or "
    "import a table of grades (`mmdnet slides facts import`)."
)
ALL_LEARNT = (
    "The model learnt from, or was calibrated on, every slide or patient that has a true grade, so nothing would say "
    "how right it is on others. Grade slides of other patients, choose another model, or cross-validate."
)


class Evaluations:
    """Use cases reachable as `lab.evaluations`."""

    def __init__(self, services: Services, jobs: Jobs, scoring: Scoring) -> None:
        self._services = services
        self._jobs = jobs
        self._scoring = scoring

    def plan(self, project_id: int, model_id: int) -> EvaluationPlan:
        """What an evaluation of this model would go by; nothing is started."""
        with self._services.db() as session:
            model = must_get(session, Model, model_id, "model")
            truths = judging_truth(session, project_id)
            graded = graded_slides(session, project_id)
        return _plan(model, truths, graded, project_id)

    def start(self, project_id: int, model_id: int, rule: str = AUTO) -> str:
        """Queue the evaluation of a model on the graded slides it did not learn from; the job's number.

        Raises:
            LabError: nothing could be judged, the model's files are gone, or there is no such rule.
        """
        check_rule(rule)
        model_folder(self._services, model_id)
        plan = self.plan(project_id, model_id)
        if plan.problem:
            raise LabError(plan.problem)
        with self._services.db() as session:
            name = must_get(session, Model, model_id, "model").name
        spec = EvaluateSpec(project_id=project_id, model_id=model_id, rule=rule)
        return self._jobs.submit(f"Evaluate {name}", spec, project_id)

    def run(self, context: JobContext, project_id: int, model_id: int, rule: str = AUTO) -> Evaluation:
        """Score the graded slides and judge (in the worker); slides that were scored before a stop are not again.

        Raises:
            LabError: nothing can be judged, or the model cannot be used.
        """
        plan = self.plan(project_id, model_id)
        if plan.problem:
            raise LabError(plan.problem)
        model, card = load_kept(self._services, model_id)
        said, refused = self.score_apart(
            context, model, card, plan.judged, ScoringChoices(rule=rule), context.progress,
            guard_of(self._services, model_id),
        )  # fmt: skip
        if not said:
            raise LabError(" ".join(f"{name}: {sentence}" for name, sentence in refused[:5]))
        apart = Apart(
            learnt_from=tuple(plan.learnt_from), of_learnt_patients=tuple(plan.of_learnt_patients),
            without_truth=plan.without_truth, refused=tuple(refused),
        )  # fmt: skip
        with self._services.db() as session:
            cases = cases_of(session, judging_truth(session, project_id), said)
            name = must_get(session, Model, model_id, "model").name
        used = next(iter(said.values())).rule
        judged = evaluate(cases, name, used, apart)
        kept = self.keep(context, judged.model_copy(update={"notes": (*plan.notes, *judged.notes)}))
        add_metrics(self._services, model_id, EVALUATED, task_kappas(kept))
        return kept

    def score_apart(
        self, context: JobContext, model: MMDNet, card: ModelCard, slide_ids: Sequence[int], choices: ScoringChoices,
        progress: Progress, guard: Guard | None = None,
    ) -> tuple[dict[int, ScoreSummary], list[tuple[str, str]]]:  # fmt: skip
        """What the model says of these slides, kept in the job's folder alone; each fails alone.

        Returns:
            Summaries by slide, and the slides that could not be scored by name with the sentence that says why.
        """
        folder = context.folder / "said" / card.weights_sha256[:16]
        folder.mkdir(parents=True, exist_ok=True)
        said: dict[int, ScoreSummary] = {}
        refused: list[tuple[str, str]] = []
        for number, slide_id in enumerate(slide_ids):
            with self._services.db() as session:
                slide = must_get(session, Slide, slide_id, "slide")
            file = folder / f"{slide_id}.json"
            told = part_of(progress, number, len(slide_ids), f"{slide.name} ({number + 1} of {len(slide_ids)})")
            try:
                if not file.is_file():
                    score = self._scoring.score_of(model, card, slide, choices, told, guard)
                    context.check()
                    write_aside(file, score.summary.model_dump_json(by_alias=True))
                said[slide_id] = ScoreSummary.model_validate_json(file.read_text("utf-8"))
            except LabError as error:
                refused.append((slide.name, str(error)))
        return said, refused

    def keep(self, context: JobContext, judged: Evaluation) -> Evaluation:
        """Write a finished evaluation where `get` finds it, and say so."""
        context.check()
        write_aside(self._file(context.job_id), judged.model_dump_json())
        context.progress(1.0, f"{count(judged.slides, 'slide')} of {count(judged.patients, 'patient')} judged")
        return judged

    def list(self, project_id: int) -> Sequence[EvaluationHead]:
        """Finished evaluations of a project, newest first."""
        jobs = [job for job in self._jobs.list(project_id) if job.kind in KINDS and job.project_id == project_id]
        return [
            EvaluationHead(job.id, job.kind, job.title, job.created_at) for job in jobs if self._file(job.id).is_file()
        ]

    def get(self, job_id: str) -> Evaluation:
        """A finished evaluation.

        Raises:
            LabError: there is none of that number, or its file is damaged.
        """
        with self._services.db() as session:
            must_get(session, Job, job_id, "evaluation")
        file = self._file(job_id)
        if not file.is_file():
            raise LabError("This evaluation is not finished, or its file is gone. Evaluate again.")
        return read_evaluation(file.read_text("utf-8"))

    def _file(self, job_id: str) -> Path:
        return self._services.settings.folder("evaluations") / f"{job_id}.json"


def task_kappas(judged: Evaluation) -> dict[str, float | None]:
    """Quadratic kappa and number of slides by task, as a card's metrics name them."""
    metrics: dict[str, float | None] = {}
    for task in TASKS:
        if task.name in judged.scales:
            kappa = judged.scales[task.name].kappa_quadratic.value
            metrics |= {f"kappa_{task.name}": kappa, f"n_{task.name}": float(judged.scales[task.name].slides)}
    return metrics


def learnt_slides(card: ModelCard, here: bool) -> set[int]:
    """Slides of this lab that a model learnt from or was calibrated on; `here`: it was trained in this project."""
    parts = [slide for part in LEARNT_PARTS for slide in card.split.get(part, ())] if here else []
    return {*parts, *(card.calibration or {}).get("slide_ids", ())}


def _plan(model: Model, truths: Sequence[SlideTruth], graded: set[int], project_id: int) -> EvaluationPlan:
    card, here = card_of(model), model.project_id == project_id
    slides = learnt_slides(card, here)
    persons = {truth.person for truth in truths if truth.slide_id in slides and truth.person}
    known = [truth for truth in truths if says_something(truth)]
    learnt = [truth for truth in known if truth.slide_id in slides]
    related = [truth for truth in known if truth not in learnt and truth.person in persons]
    judged = [truth for truth in known if truth not in learnt and truth not in related]
    notes = []
    if not here:
        notes.append(
            f"{model.name} was not trained in this project, so it is not known here whether it learnt from one of "
            "these slides or patients."
        )
    not_blind = len(graded - {truth.slide_id for truth in known})
    if not_blind:
        notes.append(
            f"{count(not_blind, 'slide')} graded only with a model's score or others' grades in "
            "view: such grades do not judge a model."
        )
    problem = None if judged else ALL_LEARNT if known else NO_TRUTH
    return EvaluationPlan(
        judged=[truth.slide_id for truth in judged],
        learnt_from=[truth.name for truth in learnt],
        of_learnt_patients=[truth.name for truth in related],
        without_truth=len(truths) - len(known),
        not_blind=not_blind,
        notes=notes,
        problem=problem,
    )
