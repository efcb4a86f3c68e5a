"""What to try next, and what to give up: optuna asked and told, with every trial in the lab's own records.

Each question is put to a study made anew of the trials there are, under a seed of the next trial's number. So the
answer depends on plan and trials alone: a search that was killed proposes what it would have proposed.

* Next: the tree-structured Parzen estimator (Bergstra et al. 2011, "Algorithms for hyper-parameter optimization").
* Give up: asynchronous successive halving (Li et al. 2020, "A system for massively parallel hyperparameter tuning").
  The resource is the number of folds: on 1, 2, 4 ... folds a trial must be among the better half of those that came as
  far.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmdnet.experiments.search.space import Dimension, Params, given_params
from mmdnet.experiments.search.trial import REFERENCE, Trial

if TYPE_CHECKING:
    import optuna

    from mmdnet.training.config import TrainingConfig

AT_RANDOM = 6  # trials before the estimator has enough to go by
HALVING = 2  # one of so many goes on to twice the folds
TRIES = 30  # draws of something new before everything counts as tried


class Proposer:
    """Answers for one search.

    Args:
        space: what is searched.
        config: the settings as they were given.
        seed: of the search.
    """

    def __init__(self, space: Sequence[Dimension], config: TrainingConfig, seed: int) -> None:
        self._space = space
        self._given = given_params(config, space)
        self._seed = seed
        self._distributions = {dimension.name: dimension.distribution() for dimension in space}

    def next(self, trials: Sequence[Trial]) -> Params | None:
        """Values that were not tried yet; None where there are none left that anybody would find.

        Args:
            trials: all so far.
        """
        import optuna

        tried = [trial.params for trial in trials if trial.number != REFERENCE]
        if self._given is not None:
            tried.append(self._given)
        for attempt in range(TRIES):
            study = self._replayed(trials)
            seed = (self._seed * 100_003 + len(trials) * TRIES + attempt) % 2**32
            study.sampler = (
                optuna.samplers.RandomSampler(seed)
                if attempt
                else optuna.samplers.TPESampler(n_startup_trials=AT_RANDOM, seed=seed)
            )
            params: Params = study.ask(self._distributions).params
            if params not in tried:
                return params
        return None

    def gives_up(self, trials: Sequence[Trial], running: Trial) -> bool:
        """Whether a trial that was judged on another fold is not worth the next.

        Args:
            trials: the others.
            running: the trial, with that fold.
        """
        if running.number == REFERENCE:
            return False
        study = self._replayed(trials)
        asked = self._asked(study, running.params)
        return [_reported(asked, running, step) for step in range(1, len(running.folds) + 1)][-1]

    def _replayed(self, trials: Sequence[Trial]) -> optuna.Study:
        """A study that was told of all trials that have ended."""
        import optuna
        from optuna.trial import TrialState

        optuna.logging.set_verbosity(logging.WARNING)
        study = optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.RandomSampler(0),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=HALVING),
        )
        states = {"done": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
        for trial in sorted(trials, key=lambda known: known.number):
            params = self._given if trial.number == REFERENCE else trial.params
            if params is None or trial.state not in states or not self._holds(params):
                continue
            asked = self._asked(study, params)
            for step in range(1, len(trial.folds) + 1):
                _reported(asked, trial, step)
            state = states[trial.state]
            study.tell(asked, trial.kappa if state == TrialState.COMPLETE else None, state)
        return study

    def _holds(self, params: Params) -> bool:
        """Whether it would try these: ranges of an earlier build may have been others."""
        return all(dimension.holds(params.get(dimension.name)) for dimension in self._space)

    def _asked(self, study: optuna.Study, params: Params) -> optuna.Trial:
        study.enqueue_trial(params)
        return study.ask(self._distributions)


def _reported(asked: optuna.Trial, trial: Trial, step: int) -> bool:
    """Report the mean of the first folds; whether they are not worth another one."""
    asked.report(sum(fold.kappa for fold in trial.folds[:step]) / step, step)
    return asked.should_prune()
