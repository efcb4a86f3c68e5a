"""What was tried and what came of it, as the lab keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mmdnet.experiments.search.space import Params

REFERENCE = 0  # the trial of the settings as they were given: it is never stopped early

State = Literal["running", "done", "stopped", "failed"]


class FoldResult(BaseModel):
    """One training of a trial, judged on its fold's validation patients.

    Attributes:
        kappa: mean quadratic kappa over the tasks, of the epoch that was best.
        tasks: quadratic kappa by task; None where the fold's truth holds one grade only.
        best_epoch: counted from 1.
        epochs: done in all.
        seconds: that it took.
    """

    model_config = ConfigDict(frozen=True)

    kappa: float
    tasks: dict[str, float | None]
    best_epoch: int
    epochs: int
    seconds: float = 0.0


class Trial(BaseModel):
    """Settings that are tried, fold by fold.

    Attributes:
        number: from 0, the settings as they were given.
        params: the searched options, in which it differs from those; empty for these themselves.
        state: `running` also where it was interrupted; `stopped` where others were better on as many folds.
        folds: in order, those that are done.
        problem: why it failed, a sentence.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    params: Params
    state: State = "running"
    folds: tuple[FoldResult, ...] = ()
    problem: str = ""

    @property
    def kappa(self) -> float | None:
        """Mean over the folds that are done."""
        return sum(fold.kappa for fold in self.folds) / len(self.folds) if self.folds else None

    @property
    def seconds(self) -> float:
        return sum(fold.seconds for fold in self.folds)

    @property
    def title(self) -> str:
        return "your settings" if self.number == REFERENCE else f"trial {self.number}"


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The best of the trials that were judged on every fold; of equals the first."""
    judged = [trial for trial in trials if trial.state == "done"]
    return max(judged, key=lambda trial: (trial.kappa or 0.0, -trial.number), default=None)


def gains(trial: Trial, reference: Trial) -> list[float]:
    """How much better a trial was than the reference, fold by fold, on the folds that both were judged on."""
    return [a.kappa - b.kappa for a, b in zip(trial.folds, reference.folds, strict=False)]


def verdict(trials: Sequence[Trial]) -> str:
    """What a search has come to so far, in a sentence or two."""
    best, reference = best_of(trials), next((trial for trial in trials if trial.number == REFERENCE), None)
    if best is None or reference is None or best.kappa is None:
        return "Nothing has been judged on every fold yet."
    if best.number == REFERENCE:
        return f"Nothing was better than your settings so far: mean κ {best.kappa:.3f} of validation patients."
    gained = gains(best, reference)
    mean, better = sum(gained) / len(gained), sum(gain > 0 for gain in gained)
    return (
        f"Trial {best.number} is the best so far: mean κ {best.kappa:.3f} of validation patients, {mean:+.3f} beside "
        f"your settings, better in {better} of {len(gained)} folds."
    )


TOO_GOOD = (
    "The best of many is chosen by these figures, so its own is too good. A training with these settings is judged on "
    "test patients, who took no part here."
)
