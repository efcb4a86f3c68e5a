"""A search from its plan to its last trial: one training after another while there is time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

from mmdnet.errors import LabError
from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.experiments.search.proposer import Proposer
from mmdnet.experiments.search.trial import REFERENCE, FoldResult, Trial, best_of
from mmdnet.progress import Progress
from mmdnet.training.config import TrainingConfig, read_config

Train = Callable[[Trial, TrainingConfig, int, Progress], FoldResult]
"""Trains a trial's settings on a fold (from 0) and judges them; what its progress raises ends the training."""
Keep = Callable[[Trial, float], None]
"""Keeps a trial as it stands, and the seconds that the search has trained for in all."""
ENOUGH, EXHAUSTED = "its time is over", "everything there is to try was tried"


class _TimeIsOver(Exception):
    """The search has trained for as long as it may."""


def _is_failed_reference(trial: Trial) -> bool:
    """Whether it is the settings as they were given, without which nothing is searched: they are tried again."""
    return trial.number == REFERENCE and trial.state == "failed"


class SearchRun:
    """One search under way.

    Args:
        plan: what to do.
        config: the settings as they were given; every trial differs from them in searched options alone.
        trials: those there are; one that was interrupted is gone on with first.
        spent_s: seconds trained before.
        train: see `Train`.
        keep: see `Keep`.
        progress: told after every step of every training.
        clock: seconds that never go back.
    """

    def __init__(
        self, plan: SearchPlan, config: TrainingConfig, trials: Sequence[Trial], spent_s: float, train: Train,
        keep: Keep, progress: Progress, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.trials = list(trials)
        self._plan, self._config = plan, config
        self._spent_s, self._budget_s = spent_s, plan.minutes * 60
        self._train, self._keep, self._progress, self._clock = train, keep, progress, clock
        self._proposer = Proposer(plan.space, config, plan.seed)

    def run(self) -> str:
        """Try until the time is over; why it ended.

        Raises:
            LabError: the settings as they were given cannot be trained.
        """
        if not self.trials:
            self._note(Trial(number=REFERENCE, params={}))
        for trial in [known for known in self.trials if known.state == "running" or _is_failed_reference(known)]:
            if not self._try(trial.model_copy(update={"state": "running", "problem": ""})):
                return ENOUGH
        while self._spent_s < self._budget_s:
            params = self._proposer.next(self.trials)
            if params is None:
                return EXHAUSTED
            trial = Trial(number=len(self.trials), params=params)
            self._note(trial)
            if not self._try(trial):
                return ENOUGH
        return ENOUGH

    def _try(self, trial: Trial) -> bool:
        """Judge a trial on the folds it lacks, until it is given up; False where the time was over before that."""
        for fold in range(len(trial.folds), self._plan.folds):
            if self._spent_s >= self._budget_s:
                return False
            began = self._clock()
            try:
                done = self._train(trial, self._settings(trial), fold, self._told(trial, fold, began))
            except _TimeIsOver:
                self._spent_s += self._clock() - began
                self._note(trial)
                return False
            except LabError as problem:
                self._spent_s += self._clock() - began
                self._note(trial.model_copy(update={"state": "failed", "problem": str(problem)}))
                if trial.number == REFERENCE:
                    raise LabError(f"Your settings cannot be trained, so nothing was searched. {problem}") from problem
                return True
            took = self._clock() - began
            self._spent_s += took
            done = done.model_copy(update={"seconds": math.floor(took * 100) / 100})  # never more than was spent
            trial = trial.model_copy(update={"folds": (*trial.folds, done)})
            others = [known for known in self.trials if known.number != trial.number]
            if len(trial.folds) == self._plan.folds:
                trial = trial.model_copy(update={"state": "done"})
            elif self._proposer.gives_up(others, trial):
                trial = trial.model_copy(update={"state": "stopped"})
            self._note(trial)
            if trial.state != "running":
                break
        return True

    def _settings(self, trial: Trial) -> TrainingConfig:
        return read_config(self._config.model_dump() | trial.params)

    def _note(self, trial: Trial) -> None:
        self.trials = [known for known in self.trials if known.number != trial.number] + [trial]
        self.trials.sort(key=lambda known: known.number)
        self._keep(trial, self._spent_s)

    def _told(self, trial: Trial, fold: int, began: float) -> Progress:
        best = best_of(self.trials)
        so_far = "" if best is None else f"; best so far κ {best.kappa:.3f} ({best.title})"
        where = f"{trial.title}, fold {fold + 1} of {self._plan.folds}"

        def tell(share: float, message: str, /, **numbers: Any) -> None:
            spent = self._spent_s + self._clock() - began
            left = self._budget_s - spent
            self._progress(
                min(spent / self._budget_s, 1.0), f"{where}: {message.rstrip('.')}{so_far}", eta_s=max(left, 0.0)
            )
            if left <= 0:
                raise _TimeIsOver

        return tell
