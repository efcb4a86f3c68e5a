"""Scoring: slides through a trained network, in the background; what came out is kept per slide."""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from db import scores as rows
from db.models import Model, Project, Run, Score, Slide
from db.runs import model_of_run
from db.slides import slides_of, work_sizes
from mmdnet.errors import LabError
from mmdnet.progress import Progress, part_by_size
from mmdnet.scoring.choices import AUTO, ScoringChoices
from mmdnet.scoring.summary import ScoreSummary, read_summary
from mmdnet.words import count
from mmdnet.workflows.context import JobContext
from mmdnet.workflows.job_plans import AT_ONCE, JobPlan
from mmdnet.workflows.job_specs import ScoreSpec
from mmdnet.workflows.jobs import MOST_REFUSALS, Jobs
from mmdnet.workflows.scoring.models import guard_of, load_kept, model_folder
from mmdnet.workflows.scoring.slide_features import features_of
from mmdnet.workflows.scoring.validities import Validities
from mmdnet.workflows.scoring.views import ScoreView, leading_of, score_view
from mmdnet.workflows.services import Services, must_get, must_get_slides

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.nn.mmdnet import MMDNet
    from mmdnet.scoring.calibration.guard import Guard
    from mmdnet.scoring.result import SlideScore

SLIDES_A_JOB = 20  # enough that what a job begins with (the network loaded) is a small part of it


class Scoring:
    """Use cases reachable as `lab.scoring`."""

    def __init__(self, services: Services, jobs: Jobs) -> None:
        self._services = services
        self._jobs = jobs
        self._kept: dict[int, dict[rows.ScoreHead, ScoreSummary]] = {}

    def start(
        self, project_id: int, slide_ids: Sequence[int], model_id: int, rule: str = AUTO, plan: JobPlan = AT_ONCE
    ) -> builtins.list[str]:
        """Queue the scoring of these slides by an aggregation rule; the jobs' numbers.

        More than `SLIDES_A_JOB` slides are shared evenly among several jobs, so that several workers score them.

        Raises:
            LabError: no slide was chosen, one has no patches yet, the model's files are gone, there is no such rule, or
                the plan cannot be.
        """
        slides = self._to_score(project_id, slide_ids, rule)
        model_folder(self._services, model_id)
        with self._services.db() as session:
            name = must_get(session, Model, model_id, "model").name
        title = f"Score {_called(slides)} with {name}"
        return self._queue(project_id, title, ScoreSpec(slide_ids=tuple(slide_ids), model_id=model_id, rule=rule), plan)

    def start_after(
        self, project_id: int, slide_ids: Sequence[int], run_id: int, rule: str = AUTO, plan: JobPlan = AT_ONCE
    ) -> builtins.list[str]:
        """The same with the model that a training makes, which waits or runs: the scoring begins when that is done.

        Raises:
            LabError: the training has ended, or is another project's, or see `start`.
        """
        slides = self._to_score(project_id, slide_ids, rule)
        with self._services.db() as session:
            run = must_get(session, Run, run_id, "training")
        if run.project_id != project_id or run.job_id is None:
            raise LabError(f"{run.name} is no training that this project's slides can wait for. Nothing was queued.")
        title = f"Score {_called(slides)} with the model of {run.name}"
        spec = ScoreSpec(slide_ids=tuple(slide_ids), run_id=run_id, rule=rule)
        return self._queue(project_id, title, spec, replace(plan, after=run.job_id))

    def run(self, context: JobContext, spec: ScoreSpec) -> None:
        """Do a scoring job.

        Raises:
            LabError: the training it waited for left no model, or see `score_now`.
        """
        model_id = spec.model_id
        if model_id is None:
            with self._services.db() as session:
                run = must_get(session, Run, spec.run_id or 0, "training")
                model = model_of_run(session, run.id)
            if model is None:
                raise LabError(f"{run.name} left no model, so nothing was scored. Train again, and score with that.")
            model_id = model.id
        self.score_now(context, spec.slide_ids, model_id, rule=spec.rule)

    def _to_score(self, project_id: int, slide_ids: Sequence[int], rule: str) -> builtins.list[Slide]:
        if not slide_ids:
            raise LabError("No slide was chosen. Choose at least one.")
        check_rule(rule)
        with self._services.db() as session:
            slides = must_get_slides(session, slide_ids)
        for slide in slides:
            if slide.project_id != project_id:
                raise LabError(f"{slide.name} belongs to another project.")
            if slide.status != "ready":
                raise LabError(not_ready(slide))
        return slides

    def _queue(self, project_id: int, title: str, spec: ScoreSpec, plan: JobPlan) -> builtins.list[str]:
        number = math.ceil(len(spec.slide_ids) / SLIDES_A_JOB)
        ends = [math.ceil(len(spec.slide_ids) * part / number) for part in range(number + 1)]
        queued: builtins.list[str] = []
        for part, (begin, end) in enumerate(itertools.pairwise(ends), start=1):
            told = f"{title}, {part} of {number}" if number > 1 else title
            share = spec.model_copy(update={"slide_ids": spec.slide_ids[begin:end]})
            queued.append(self._jobs.submit(told, share, project_id, plan, press=queued[0] if queued else None))
        return queued

    def score_now(
        self,
        context: JobContext,
        slide_ids: Sequence[int],
        model_id: int,
        progress: Progress | None = None,
        rule: str = AUTO,
    ) -> Sequence[tuple[str, str]]:
        """Score slides one by one; each fails alone, and one that this job has scored already is passed over.

        As a part of a larger job, `progress` is told how far it is in place of the job itself.

        Returns:
            Slides that could not be scored, by name, each with the sentence that says why.

        Raises:
            LabError: not one slide could be scored, or the model cannot be used.
        """
        model, card = load_kept(self._services, model_id)
        guard = guard_of(self._services, model_id)
        refused: list[tuple[str, str]] = []
        with self._services.db() as session:
            sizes = work_sizes(session, slide_ids)
        for number, slide_id in enumerate(slide_ids):
            with self._services.db() as session:
                slide = must_get(session, Slide, slide_id, "slide")
                done = rows.score_of_job(session, context.job_id, slide_id)
            if done:
                continue
            title = f"{slide.name} ({number + 1} of {len(slide_ids)})"
            told = part_by_size(progress or context.progress, number, sizes, title)
            try:
                self._score_one(context, model, card, guard, slide, model_id, ScoringChoices(rule=rule), told)
            except LabError as error:
                refused.append((slide.name, str(error)))
        if len(refused) == len(slide_ids):
            raise LabError(" ".join(sentence for _, sentence in refused[:5]))
        words = f"{len(slide_ids) - len(refused)} of {count(len(slide_ids), 'slide')} scored"
        told_refused = [f"{name}: {sentence}" for name, sentence in refused]
        if progress is None:
            context.progress(1.0, ". ".join([words, *told_refused[:MOST_REFUSALS]]), refused=told_refused)
        return refused

    def score_of(
        self,
        model: MMDNet,
        card: ModelCard,
        slide: Slide,
        choices: ScoringChoices,
        told: Progress,
        guard: Guard | None = None,
    ) -> SlideScore:
        """What the model says of a slide, which is not written down as a score of the slide.

        Raises:
            LabError: the slide cannot be assessed, or its patches are of another size than the model's.
        """
        from mmdnet.nn.device import best_device
        from mmdnet.scoring.slide import score_features

        if slide.status != "ready":
            raise LabError(not_ready(slide))
        features, places, grid = features_of(self._services, model, card, slide, told)
        run = slide.staining_run or ""
        return score_features(model, card, features, places, grid, best_device(), choices, guard, run)

    def _score_one(
        self,
        context: JobContext,
        model: MMDNet,
        card: ModelCard,
        guard: Guard | None,
        slide: Slide,
        model_id: int,
        choices: ScoringChoices,
        told: Progress,
    ) -> None:
        score = self.score_of(model, card, slide, choices, told, guard)
        context.check()
        file = self._services.settings.folder("scores") / f"{context.job_id}-{slide.id}.safetensors"
        score.save(file)
        with self._services.db.begin() as session:
            session.add(
                Score(
                    slide_id=slide.id,
                    model_id=model_id,
                    job_id=context.job_id,
                    result=score.summary.to_json(),
                    file=file.name,
                )
            )

    def list(self, project_id: int, slide_ids: Collection[int] | None = None) -> Sequence[ScoreView]:
        """Scores of a project, or of some of its slides, newest first."""
        with self._services.db() as session:
            slides = {slide.id: slide for slide in slides_of(session, project_id, slide_ids)}
            heads = [head for head in rows.heads_of(session, project_id) if head.slide_id in slides]
            models = {key: must_get(session, Model, key, "model") for key in {head.model_id for head in heads}}
            validities, signed = Validities(session, project_id), rows.newest_sign_offs(session, project_id)
            summaries = self._summaries(session, project_id, heads, slides, whole=slide_ids is None)
            reader_first = must_get(session, Project, project_id, "project").reader_first
        views = []
        for head in heads:
            row, summary = (head, slides[head.slide_id], models[head.model_id]), summaries[head]
            validity = validities.of(summary, row[2], row[1])
            views.append(score_view(row, summary, validity, signed.get(head.id), reader_first))
        return views

    def leading(self, project_id: int, slide_ids: Collection[int] | None = None) -> dict[int, ScoreView]:
        """By slide, of all or of these alone, the score that leads, see `leading_of`."""
        return leading_of(self.list(project_id, slide_ids))

    def get(self, score_id: int) -> ScoreView:
        with self._services.db() as session:
            row, signed = rows.scored(session, score_id), rows.sign_offs_of(session, score_id)
            score, slide, model = row
            summary = read_summary(score.result, slide.name)
            validity = Validities(session, slide.project_id).of(summary, model, slide)
            reader_first = must_get(session, Project, slide.project_id, "project").reader_first
            return score_view(row, summary, validity, signed[-1] if signed else None, reader_first)

    def _summaries(
        self,
        session: Session,
        project_id: int,
        heads: Sequence[rows.ScoreHead],
        slides: Mapping[int, Slide],
        whole: bool,
    ) -> dict[rows.ScoreHead, ScoreSummary]:
        """What scores say. A score is never written anew, so what was read once is kept while it is there.

        Args:
            whole: these are all of the project's.
        """
        known = self._kept.get(project_id, {})
        results = rows.results(session, [head.id for head in heads if head not in known])
        summaries = {
            head: known.get(head) or read_summary(results[head.id], slides[head.slide_id].name) for head in heads
        }
        self._kept[project_id] = summaries if whole else {**known, **summaries}
        return summaries


def _called(slides: Sequence[Slide]) -> str:
    return slides[0].name if len(slides) == 1 else count(len(slides), "slide")


def not_ready(slide: Slide) -> str:
    """Why a slide without patches cannot be scored, in a sentence."""
    return f"{slide.name} cannot be scored yet: {slide.reason or 'it has no patches'}"


def check_rule(rule: str) -> None:
    """Refuse a rule there is none of, before a job is queued.

    Raises:
        LabError: there is no such rule.
    """
    from mmdnet.scoring.rules import rule_called

    if rule != AUTO:
        rule_called(rule)
