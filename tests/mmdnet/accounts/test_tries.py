"""Wrong tries are counted by key, for a while."""

from mmdnet.accounts import tries
from mmdnet.accounts.tries import KEYS_REMEMBERED, TRIES, TRIES_S, Tries


def test_as_many_wrong_ones_as_allowed_then_one_waits_and_a_right_one_does_not_count(monkeypatch):
    counted = Tries()
    moment = [1000.0]
    monkeypatch.setattr(tries.time, "monotonic", lambda: moment[0])
    right = counted.begin({"a": 2})
    counted.forget(["a"], right)
    assert counted.begin({"a": 2}) is not None and counted.begin({"a": 2}) is not None
    assert counted.begin({"a": 2}) is None and counted.begin({"b": 2, "a": 2}) is None
    assert counted.begin({"b": 1}) is not None, "what had to wait is not counted under its other keys"
    moment[0] += TRIES_S + 1
    assert counted.begin({"a": 2}) is not None


def test_a_flood_of_keys_frees_none_that_is_being_tried():
    counted = Tries()
    for number in range(KEYS_REMEMBERED + 5):
        counted.begin({f"flood {number}": TRIES})
    for _ in range(TRIES):
        counted.begin({"a": TRIES})
    counted.begin({"another": TRIES})
    assert counted.begin({"a": TRIES}) is None
    assert len(counted._missed) <= KEYS_REMEMBERED
