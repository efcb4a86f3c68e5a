"""Searches for better settings of a training, in the background: on patients that a training would not test on.

What is learnt from is frozen when the job is queued, without the slides that a training with these settings tests on:
no trial can see them. Plan and trials are rows of the lab's database; a job that is taken up again repeats no finished
training and goes on in the middle of the one it was in.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from db import searches as rows
from db.models import Project
from db.searches import Search
from mmdnet.errors import LabError
from mmdnet.experiments.search.plan import SearchPlan, read_search
from mmdnet.experiments.search.run import SearchRun
from mmdnet.experiments.search.space import check_frozen
from mmdnet.experiments.search.trial import FoldResult, Trial
from mmdnet.labels.grading import TASKS
from mmdnet.progress import Progress
from mmdnet.training.config import TrainingConfig, read_config
from mmdnet.words import count
from mmdnet.workflows.context import JobContext, PartOfJob, checked
from mmdnet.workflows.job_plans import AT_ONCE, JobPlan
from mmdnet.workflows.job_specs import SearchSpec
from mmdnet.workflows.jobs import Jobs
from mmdnet.workflows.labelling.views import LabelChoice
from mmdnet.workflows.services import Services, must_get
from mmdnet.workflows.training.cohort import make_cohort
from mmdnet.workflows.training.training import PreparedTraining, Training
from mmdnet.workflows.training.views import SearchView

if TYPE_CHECKING:
    from mmdnet.bags.cohort import Cohort
    from mmdnet.bags.splits import Split

GRADES = {task.name: task.highest + 1 for task in TASKS}


class Searches:
    """Use cases reachable as `lab.searches`."""

    def __init__(self, services: Services, jobs: Jobs, training: Training) -> None:
        self._services = services
        self._jobs = jobs
        self._training = training

    def start(
        self,
        project_id: int,
        choices: Mapping[str, Any],
        search: Mapping[str, Any],
        labels: LabelChoice | None = None,
        plan: JobPlan = AT_ONCE,
    ) -> int:
        """Freeze labels and folds and queue the search; its number.

        Args:
            project_id: whose labels.
            choices: of `TrainingConfig`: the settings that are to become better.
            search: of `SearchPlan`.
            labels: whose labels; all if not given.
            plan: when it begins.

        Raises:
            LabError: a choice that does not work, too few patients, a training that could not start, or a plan that
                cannot be. Nothing is written then.
        """
        self._jobs.check_plan(plan, project_id)
        wanted = read_search(search)
        prepared = self._training.prepare(project_id, choices, labels)
        if not prepared.check.ok:
            raise LabError(prepared.check.problem or "This training cannot start.")
        if prepared.config.pretrain_epochs:
            raise LabError(
                "A search does not warm up without labels: that sees patches of the patients who are tested on. Set "
                "the epochs without labels to 0. Nothing was started."
            )
        if prepared.check.frozen:
            check_frozen(wanted.space)
        kept = self._without_test(prepared)
        folds = _folds(kept.cohort, wanted.folds, prepared.config)
        title = f"Search settings of {prepared.config.backbone}, {wanted.minutes:g} minutes"
        with self._services.db.begin() as session:
            must_get(session, Project, project_id, "project")
            row = Search(
                project_id=project_id,
                plan=wanted.model_dump(mode="json"),
                choices=prepared.config.model_dump(mode="json"),
                label_set=asdict(prepared.label_set.summary())
                | {"patients": len({slide.person for slide in kept.cohort.slides}), "slides": len(kept.cohort.slides)},
            )
            session.add(row)
            session.flush()
            search_id = row.id
            shutil.rmtree(self._folder(search_id), ignore_errors=True)  # SQLite gives a deleted row's number again
            for number, split in enumerate(folds):
                folder = self._fold(search_id, number)
                folder.mkdir(parents=True, exist_ok=True)
                replace(kept, split=split).save(folder)
        self._queue(search_id, project_id, title, plan)
        return search_id

    def extend(self, search_id: int, minutes: float, plan: JobPlan = AT_ONCE) -> None:
        """Let a search that has ended go on for so many minutes more, from where it was.

        Raises:
            LabError: it still runs, or that many minutes or the plan cannot be. Nothing was changed.
        """
        view = self.get(search_id)
        if view.job is not None and view.job.active:
            raise LabError("This search still waits or runs. Wait, or cancel it first; nothing was changed.")
        if not minutes > 0:
            raise LabError("Say how many minutes more, more than 0. Nothing was changed.")
        self._jobs.check_plan(plan, view.project_id)
        wanted = read_search(view.plan.model_dump() | {"minutes": view.spent_s / 60 + minutes})
        with self._services.db.begin() as session:
            must_get(session, Search, search_id, "search").plan = wanted.model_dump(mode="json")
        title = f"Search settings of {view.choices['backbone']}, {minutes:g} minutes more"
        self._queue(search_id, view.project_id, title, plan)

    def run(self, context: JobContext, search_id: int) -> str:
        """Try settings until the time is over (in the worker); why it ended.

        Raises:
            LabError: the settings as they were given cannot be trained, or another job works on this search.
        """
        view = self.get(search_id)
        if view.job is not None and view.job.active and view.job.id != context.job_id:
            raise LabError("Another job goes on with this search. Cancel that one first; nothing was changed.")
        config = read_config(view.choices)

        def keep(trial: Trial, spent_s: float) -> None:
            context.check()
            with self._services.db.begin() as session:
                rows.keep_trial(session, search_id, trial.number, trial.model_dump(mode="json"))
                must_get(session, Search, search_id, "search").spent_s = spent_s
            if trial.state in ("stopped", "failed", "done"):
                shutil.rmtree(self._folder(search_id) / f"trial-{trial.number}", ignore_errors=True)

        def train(trial: Trial, settings: TrainingConfig, fold: int, progress: Progress) -> FoldResult:
            return self._train(PartOfJob(context, progress), view, trial, settings, fold)

        search = SearchRun(view.plan, config, view.trials, view.spent_s, train, keep, checked(context))
        why = search.run()
        context.progress(1.0, f"{count(len(search.trials), 'trial')}; {why}. {self.get(search_id).words}")
        return why

    def list(self, project_id: int) -> Sequence[SearchView]:
        """A project's searches, newest first."""
        with self._services.db() as session:
            searches = rows.searches_of(session, project_id)
        return self._views(searches)

    def get(self, search_id: int) -> SearchView:
        """A search with all its trials.

        Raises:
            LabError: there is none of that number.
        """
        with self._services.db() as session:
            search = must_get(session, Search, search_id, "search")
        return self._views([search])[0]

    def settings(self, search_id: int, trial: int | None = None) -> dict[str, object]:
        """All choices of a training with a trial's settings; with those of the best, if none is named.

        Raises:
            LabError: there is no such trial, or none was judged on every fold.
        """
        view = self.get(search_id)
        chosen = view.best if trial is None else next((known for known in view.trials if known.number == trial), None)
        if chosen is None:
            raise LabError(
                "No settings were judged on every fold yet. Let the search go on."
                if trial is None
                else f"Search {search_id} has no trial {trial}; it has {count(len(view.trials), 'trial')}, from 0."
            )
        return read_config(view.choices | chosen.params).model_dump(mode="json")

    def _views(self, searches: Sequence[Search]) -> Sequence[SearchView]:
        jobs = self._jobs.get_many(row.job_id for row in searches)
        with self._services.db() as session:
            trials = rows.trials_of(session, [row.id for row in searches])
        return [
            SearchView(
                id=row.id,
                project_id=row.project_id,
                plan=SearchPlan.model_validate(row.plan),
                choices=row.choices,
                label_set=row.label_set,
                trials=tuple(Trial.model_validate(trial.record) for trial in trials[row.id]),
                spent_s=row.spent_s,
                created_at=row.created_at,
                job=jobs.get(row.job_id or ""),
            )
            for row in searches
        ]

    def _without_test(self, prepared: PreparedTraining) -> PreparedTraining:
        """The same without the slides of the patients that a training with these choices tests on.

        Raises:
            LabError: it tests on none.
        """
        cohort, split = prepared.cohort, prepared.split
        if not split.test:
            raise LabError(
                "No patient is left to test on, and what a search finds must be tested on patients it never saw: label "
                "slides of at least five patients. Nothing was started."
            )
        tested = {cohort.slides[slide].person for slide in split.test}
        kept = {
            cohort.slides[slide].slide_id
            for slide in (*split.train, *split.validation)
            if cohort.slides[slide].person not in tested
        }
        data = replace(
            prepared.data,
            rows=tuple(row for row in prepared.data.rows if row.slide_id in kept),
            slides=tuple(slide for slide in prepared.data.slides if slide.slide_id in kept),
        )
        with self._services.db() as session:
            rest = make_cohort(session, data.rows, data.slides, prepared.config.slide_trust)
        return replace(prepared, data=data, cohort=rest)

    def _train(
        self, context: PartOfJob, view: SearchView, trial: Trial, config: TrainingConfig, fold: int
    ) -> FoldResult:
        folder = self._folder(view.id) / f"trial-{trial.number}" / str(fold)
        shutil.copytree(self._fold(view.id, fold), folder, dirs_exist_ok=True)
        card = self._training.judge_in(context, folder, view.project_id, config)
        judged = card.metrics["validation"]
        kappa = judged.get("kappa_mean")
        if kappa is None:
            raise LabError(f"No κ could be measured on fold {fold + 1}: its patients have one grade of each feature.")
        shutil.rmtree(folder)
        return FoldResult(
            kappa=kappa,
            tasks={task.name: judged.get(f"kappa_{task.name}") for task in TASKS if task.name in card.trained_tasks},
            best_epoch=card.best_epoch,
            epochs=card.epochs,
        )

    def _queue(self, search_id: int, project_id: int, title: str, plan: JobPlan) -> None:
        job_id = self._jobs.submit(title, SearchSpec(search_id=search_id), project_id, plan)
        with self._services.db.begin() as session:
            must_get(session, Search, search_id, "search").job_id = job_id

    def _folder(self, search_id: int) -> Path:
        return self._services.settings.folder(rows.FOLDER) / str(search_id)

    def _fold(self, search_id: int, fold: int) -> Path:
        """Where labels and split of a fold lie."""
        return self._folder(search_id) / f"fold-{fold}"


def _folds(cohort: Cohort, folds: int, config: TrainingConfig) -> list[Split]:
    """Each part of the patients validates once, and all others train.

    Raises:
        LabError: there are fewer patients than folds, or a fold's patients have one grade of each feature.
    """
    from mmdnet.bags.bag import natural_bags
    from mmdnet.bags.splits import Split, kfold
    from mmdnet.training.metrics import agreement

    splits = []
    for number, fold in enumerate(kfold(cohort, folds, config.seed), 1):
        split = Split((*fold.train, *fold.test), fold.validation, (), "patient", config.seed, fold.warnings)
        truth = np.stack([bag.grades for bag in natural_bags(cohort, split.validation, config.bag_size)])
        if agreement(truth, truth, GRADES)["kappa_mean"] is None:
            raise LabError(
                f"The bags of fold {number} hold one grade of each feature, so nothing could be told apart there. "
                "Choose fewer folds, or label slides of more patients. Nothing was started."
            )
        splits.append(split)
    return splits
