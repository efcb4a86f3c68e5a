"""Budget, order and going on, on a training that costs seconds of a clock of the test's own."""

from dataclasses import dataclass, field

import pytest

from mmdnet.errors import LabError
from mmdnet.experiments.search.plan import SearchPlan
from mmdnet.experiments.search.run import ENOUGH, EXHAUSTED, SearchRun
from mmdnet.experiments.search.trial import FoldResult
from mmdnet.training.config import TrainingConfig


@dataclass
class Bench:
    """A training of ten seconds a fold whose kappa falls from learning rate 1e-3 on; it keeps what it was told."""

    now: float = 0.0
    trained: list[tuple[int, int]] = field(default_factory=list)
    kept: dict = field(default_factory=dict)
    spent_s: float = 0.0
    told: list = field(default_factory=list)
    fails: tuple[int, ...] = ()
    killed_at: tuple[int, int] | None = None

    def train(self, trial, config, fold, progress):
        if trial.number in self.fails:
            raise LabError("The loss is no longer a number.")
        for step in range(5):
            self.now += 2
            progress(step / 5, f"Epoch {step + 1}")
            if (trial.number, fold) == self.killed_at:
                raise KeyboardInterrupt
        self.trained.append((trial.number, fold))
        return FoldResult(kappa=round(0.9 - abs(config.lr_heads - 1e-3) * 50, 6), tasks={}, best_epoch=1, epochs=1)

    def keep(self, trial, spent_s):
        self.kept[trial.number], self.spent_s = trial, spent_s

    def go(self, **plan):
        asked = SearchPlan(**{"over": ("lr_heads",), "folds": 4, "minutes": 5} | plan)
        run = SearchRun(
            asked, TrainingConfig(), list(self.kept.values()), self.spent_s, self.train, self.keep,
            lambda share, message, /, **numbers: self.told.append((share, message, numbers)), lambda: self.now,
        )  # fmt: skip
        return run.run()


def test_the_settings_as_given_come_first_on_every_fold_and_the_budget_ends_it():
    bench = Bench()
    assert bench.go() == ENOUGH
    assert bench.trained[:4] == [(0, fold) for fold in range(4)]
    assert bench.spent_s == pytest.approx(300, abs=10) and bench.now <= 302
    states = {trial.state for trial in bench.kept.values()}
    assert {"done", "stopped"} <= states
    assert any(len(trial.folds) == 1 for trial in bench.kept.values() if trial.state == "stopped")
    assert all(trial.folds[0].seconds == 10 for trial in bench.kept.values() if trial.folds)
    assert [share for share, *_ in bench.told] == sorted(share for share, *_ in bench.told)
    assert "trial 2, fold 1 of 4" in " ".join(message for _, message, _ in bench.told)
    assert "; best so far κ 0.900 (your settings)" in bench.told[-1][1] and bench.told[-1][2]["eta_s"] == 0


def test_killed_anywhere_it_goes_on_as_if_it_had_not_been_and_repeats_no_training():
    whole = Bench()
    whole.go()
    for at in ((0, 2), (1, 0), (3, 0)):
        bench = Bench(killed_at=at)
        with pytest.raises(KeyboardInterrupt):
            bench.go()
        bench.killed_at = None
        bench.go()
        assert len(bench.trained) == len(set(bench.trained))
        both = min(len(bench.trained), len(whole.trained))
        assert bench.trained[:both] == whole.trained[:both]
        assert [t.params for t in bench.kept.values()][:5] == [t.params for t in whole.kept.values()][:5]


def test_the_training_that_the_time_ran_out_on_is_finished_when_there_is_more():
    bench = Bench()
    bench.go(minutes=0.25)
    assert bench.trained == [(0, 0)] and bench.kept[0].state == "running"
    assert bench.go(minutes=0.25) == ENOUGH and bench.trained == [(0, 0)]  # none is begun without time
    bench.go(minutes=2)
    assert bench.trained[:4] == [(0, fold) for fold in range(4)]


def test_a_trial_that_cannot_be_trained_is_a_sentence_and_the_others_go_on():
    bench = Bench(fails=(1, 2))
    bench.go()
    assert (bench.kept[1].state, bench.kept[1].problem) == ("failed", "The loss is no longer a number.")
    assert bench.kept[3].folds


def test_where_the_settings_as_given_cannot_be_trained_nothing_is_searched():
    bench = Bench(fails=(0,))
    for _ in range(2):  # nor when somebody lets it go on
        with pytest.raises(LabError, match=r"Your settings cannot be trained, so nothing was searched\. The loss"):
            bench.go()
        assert list(bench.kept) == [0] and bench.kept[0].state == "failed"
    bench.fails = ()
    bench.go()
    assert bench.trained[:4] == [(0, fold) for fold in range(4)] and bench.kept[0].problem == ""


def test_when_everything_was_tried_it_ends():
    assert Bench().go(over=("head",), minutes=60) == EXHAUSTED
