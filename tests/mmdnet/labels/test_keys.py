"""Readers' own keys: every act has exactly one, and none takes a grade's."""

import pytest

from mmdnet.errors import LabError
from mmdnet.labels.keys import USUAL, checked_keys


def test_the_usual_keys_are_keys_one_may_choose():
    assert checked_keys({}) == USUAL == checked_keys(USUAL)


def test_a_chosen_key_holds_and_the_others_stay():
    assert checked_keys({"ignore": "q"}) == USUAL | {"ignore": "q"}


def test_two_acts_can_swap_their_keys():
    assert checked_keys({"ignore": "f", "flag": "i"})["flag"] == "i"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"ignore": "f"}, "the same key"),
        ({"ignore": "q", "flag": "q"}, "the same key"),
        ({"sign": "q"}, "no act"),
        *[({"ignore": key}, "cannot be the key") for key in ("1", "-", "c", "r", "Q", "Tab", "Escape", "", "ab", 3)],
    ],
)
def test_keys_that_cannot_be_are_refused_in_words(keys, words):
    with pytest.raises(LabError, match=words):
        checked_keys(keys)
