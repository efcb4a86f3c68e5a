"""Suggested grades: the model's own, but for the few that are wrong on purpose, which follow no pattern one could see."""

from functools import cache

import numpy as np
import pytest

from mmdnet.labels.suggestions import accepted_wrong, plain, planted_task, suggest

SHARES = {"ballooning": np.array([0.1, 0.7, 0.2]), "steatosis": np.array([0.5, 0.3, 0.15, 0.05])}
MANY = range(1, 20_001)


@cache
def shown(seed=7):
    return {patch: suggest(SHARES, seed, patch, patch - 1 if patch > 1 else None) for patch in MANY}


def planted_patches(seed):
    return {patch for patch, suggestion in shown(seed).items() if suggestion.planted}


def test_a_suggestion_is_what_the_model_thinks_most_likely():
    assert plain(SHARES).grades == {"ballooning": 1, "steatosis": 0}


def test_about_three_in_a_hundred_are_wrong_in_one_feature_by_what_the_model_thinks_least_likely():
    planted = [suggestion for suggestion in shown().values() if suggestion.planted]
    assert len(planted) / len(MANY) == pytest.approx(0.03, abs=0.004)
    for suggestion in planted:
        wrong = {"ballooning": 0, "steatosis": 3}[suggestion.planted]
        assert suggestion.grades == plain(SHARES).grades | {suggestion.planted: wrong}
    assert {suggestion.planted for suggestion in planted} == {"ballooning", "steatosis"}


def test_two_planted_ones_never_follow_each_other():
    suggestions = shown()
    assert not any(suggestions[patch].planted and suggestions[patch - 1].planted for patch in list(MANY)[1:])


def test_the_same_seed_plants_the_same_and_another_one_others():
    assert [suggest(SHARES, 7, patch, patch - 1) for patch in MANY[1:2000]] == list(shown().values())[1:2000]
    assert planted_patches(7) != planted_patches(8)


def test_what_was_shown_tells_afterwards_which_one_was_planted():
    for patch, suggestion in shown().items():
        assert planted_task(suggestion.grades, 7, patch, patch - 1 if patch > 1 else None) == suggestion.planted


def test_a_model_that_cannot_decide_is_still_wrong_where_it_is_planted():
    even = {"ballooning": np.full(3, 1 / 3)}
    planted = [suggestion for patch in MANY if (suggestion := suggest(even, 7, patch, None)).planted]
    assert planted and all(suggestion.grades["ballooning"] != 0 for suggestion in planted)


def test_nothing_is_planted_where_nothing_is_known():
    assert all(suggest({}, 7, patch, None).grades == {} for patch in MANY[:200])


def test_the_rate_of_wrong_ones_taken_has_wilsons_interval():
    # Wilson 1927: (2 + z²/2)/(10 + z²) ± z/(10 + z²) sqrt(2·8/10 + z²/4), z = 1.95996
    (rate,) = accepted_wrong({"Ada": [True] * 2 + [False] * 8, "Ben": []})
    assert (rate.reader, rate.shown, rate.taken, rate.share) == ("Ada", 10, 2, 0.2)
    assert (rate.low, rate.high) == (pytest.approx(0.0566822), pytest.approx(0.5098375))
