"""A search as a table that people read, and as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence

from mmdnet.evaluation.tables import NOTHING, Table, figure
from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.experiments.search.space import Dimension
from mmdnet.experiments.search.trial import REFERENCE, TOO_GOOD, Trial, best_of, gains, verdict
from mmdnet.labels.grading import TASKS
from mmdnet.tables import to_csv

KINDS = ("csv", "md", "json")
WORDS = {"running": "unfinished", "done": "judged on every fold", "stopped": "given up early", "failed": "failed"}


def trial_table(plan: SearchPlan, trials: Sequence[Trial]) -> Table:
    """Trials with their kappa over the folds that are done, the best first; those that were given up, after it."""
    reference = next((trial for trial in trials if trial.number == REFERENCE), None)
    columns = ("Trial", "κ, mean", "Beside yours", "Folds", "State", *(dimension.title for dimension in plan.space))
    rows = [
        (
            str(trial.number),
            figure(trial.kappa, 3),
            _gain(trial, reference),
            f"{len(trial.folds)} of {plan.folds}",
            WORDS[trial.state],
            *(_value(dimension, trial) for dimension in plan.space),
        )
        for trial in ranked(trials)
    ]
    return Table("Settings that were tried", columns, tuple(rows))


def ranked(trials: Sequence[Trial]) -> list[Trial]:
    """The best first: by folds done, then by kappa over them."""
    return sorted(trials, key=lambda trial: (-len(trial.folds), -(trial.kappa or 0.0), trial.number))


def written(plan: SearchPlan, trials: Sequence[Trial], kind: str) -> str:
    """The search as a file of one of `KINDS`."""
    from mmdnet.evaluation.files import table_markdown

    if kind == "md":
        return f"{verdict(trials)} {TOO_GOOD}\n\n{table_markdown(trial_table(plan, trials))}"
    if kind == "json":
        best = best_of(trials)
        told = {"plan": plan.model_dump(mode="json"), "best": None if best is None else best.number}
        return json.dumps(told | {"trials": [trial.model_dump(mode="json") for trial in trials]}, indent=1)
    names = [dimension.name for dimension in plan.space]
    of_tasks = [f"kappa_{task.name}" for task in TASKS]
    columns = ["trial", "state", "fold", "kappa", *of_tasks, "best_epoch", "epochs", "seconds", *names]
    rows = [_fold_row(trial, number) for trial in trials for number in range(len(trial.folds))]
    return to_csv(columns, rows)


def _fold_row(trial: Trial, number: int) -> dict[str, object]:
    """A line of the CSV; `number` is the fold's, from 0."""
    fold = trial.folds[number]
    facts: dict[str, object] = {"trial": trial.number, "state": trial.state, "fold": number + 1}
    judged = fold.model_dump(exclude={"tasks"}) | {f"kappa_{name}": kappa for name, kappa in fold.tasks.items()}
    return facts | judged | trial.params


def _gain(trial: Trial, reference: Trial | None) -> str:
    if reference is None or trial.number == REFERENCE or not trial.folds:
        return NOTHING
    gained = gains(trial, reference)
    return f"{sum(gained) / len(gained):+.3f}" if gained else NOTHING


def _value(dimension: Dimension, trial: Trial) -> str:
    if trial.number == REFERENCE:
        return "yours"
    value = trial.params.get(dimension.name)
    return f"{value:.3g}" if isinstance(value, float) else dimension.field.words(value)
