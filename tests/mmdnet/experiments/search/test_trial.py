from mmdnet.experiments.search.trial import FoldResult, Trial, best_of, gains, verdict


def judged(number: int, *kappas: float, state: str = "done") -> Trial:
    folds = tuple(FoldResult(kappa=kappa, tasks={}, best_epoch=1, epochs=2, seconds=3) for kappa in kappas)
    return Trial(number=number, params={"lr_heads": 0.0005 * number} if number else {}, state=state, folds=folds)


def test_the_best_is_of_trials_judged_on_every_fold_and_of_equals_the_first():
    trials = [judged(0, 0.5, 0.7), judged(1, 0.9, state="stopped"), judged(2, 0.6, 0.6), judged(3, 0.4, 0.4)]
    assert best_of(trials).number == 0
    assert best_of([judged(1, 0.9, state="running")]) is None
    assert trials[0].kappa == 0.6 and judged(4).kappa is None and trials[0].seconds == 6


def test_a_gain_is_of_the_same_folds():
    assert gains(judged(1, 0.6), judged(0, 0.5, 0.1)) == [0.6 - 0.5]


def test_the_verdict_says_what_there_is_and_claims_no_gain_where_there_is_none():
    assert verdict([judged(0, 0.5, state="running")]) == "Nothing has been judged on every fold yet."
    assert verdict([judged(0, 0.5, 0.7), judged(1, 0.5, 0.6)]).startswith("Nothing was better than your settings")
    better = verdict([judged(0, 0.5, 0.7), judged(1, 0.8, 0.6)])
    assert better == (
        "Trial 1 is the best so far: mean κ 0.700 of validation patients, +0.100 beside your settings, better in 1 of "
        "2 folds."
    )
