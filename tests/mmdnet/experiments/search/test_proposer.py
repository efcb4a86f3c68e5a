"""Asked anew of the same trials, it answers the same; what is far behind after few folds is given up."""

from mmdnet.experiments.search.proposer import Proposer
from mmdnet.experiments.search.space import space_of
from mmdnet.training.config import TrainingConfig
from tests.mmdnet.experiments.search.test_trial import judged

SPACE = space_of(("lr_heads",))


def test_the_same_trials_give_the_same_next_settings_and_another_seed_others():
    trials = [judged(number, 0.1 * number, 0.1 * number) for number in range(9)]
    one, again, other = (Proposer(SPACE, TrainingConfig(), seed).next(trials) for seed in (0, 0, 1))
    assert one == again != other
    assert SPACE[0].holds(one["lr_heads"])


def test_nothing_is_proposed_twice_and_nothing_when_all_was_tried():
    proposer = Proposer(space_of(("head",)), TrainingConfig(), 0)
    first = proposer.next([judged(0, 0.5, 0.5)])
    assert first == {"head": "ce"}  # the other is in the settings as given
    assert proposer.next([judged(0, 0.5, 0.5), judged(1, 0.5, 0.5).model_copy(update={"params": first})]) is None


def test_the_estimator_draws_near_what_was_good():
    good = Proposer(SPACE, TrainingConfig(), 0)
    trials = [judged(0, 0.1, 0.1)] + [
        judged(n, 1 - abs(n - 3) / 10, 1 - abs(n - 3) / 10).model_copy(
            update={"params": {"lr_heads": 10 ** (-4 + n / 6)}}
        )
        for n in range(1, 12)
    ]  # the best at 3.2e-4
    drawn = [Proposer(SPACE, TrainingConfig(), seed).next(trials)["lr_heads"] for seed in range(8)]
    assert sorted(drawn)[4] < 1e-3
    assert good.next(trials) is not None


def test_successive_halving_gives_up_the_worse_half_by_folds_and_never_the_settings_as_given():
    proposer = Proposer(SPACE, TrainingConfig(), 0)
    others = [judged(number, *[kappa] * 4) for number, kappa in enumerate((0.5, 0.6, 0.7))]
    assert proposer.gives_up(others, judged(3, 0.4))
    assert not proposer.gives_up(others, judged(3, 0.65))
    assert not proposer.gives_up(others, judged(3, 0.8))
    assert proposer.gives_up(others, judged(3, 0.8, 0.2))  # good on one fold, behind on two
    assert not proposer.gives_up(others, judged(0, 0.0))


def test_what_has_failed_or_was_stopped_counts_but_is_not_the_best():
    proposer = Proposer(SPACE, TrainingConfig(), 0)
    trials = [judged(0, 0.5, 0.5), judged(1, state="failed"), judged(2, 0.3, state="stopped")]
    assert proposer.next(trials) is not None


def test_trials_of_ranges_that_an_earlier_build_had_are_passed_over():
    trials = [judged(0, 0.5, 0.5), judged(1, 0.9, 0.9).model_copy(update={"params": {"lr_heads": 7.0}})]
    alone = Proposer(SPACE, TrainingConfig(), 0)
    assert SPACE[0].holds(alone.next(trials)["lr_heads"])
    assert alone.next([*trials, judged(2, 0.4, 0.4)]) is not None
