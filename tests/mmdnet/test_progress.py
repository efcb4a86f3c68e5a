"""How far a part is, told as progress of the whole."""

import pytest

from mmdnet.progress import TimeLeft, between, part_by_size, part_of, silent


def test_a_part_is_told_as_its_share_of_the_whole_with_its_title_and_numbers():
    told = []
    step = part_of(lambda share, message, **numbers: told.append((share, message, numbers)), 1, 4, "slide.svs")
    step(0.5, "reading", patches=3)
    assert told == [(0.375, "slide.svs: reading", {"patches": 3})]


def test_parts_by_size_take_as_much_of_the_whole_as_they_are_large():
    told = []
    for index in range(3):
        step = part_by_size(lambda share, message: told.append((share, message)), index, (1, 6, 3), "slide.svs")
        step(0.5, "reading")
    assert told == [(share, "slide.svs: reading") for share in (0.05, 0.4, 0.85)]


def test_nobody_hears_what_is_told_to_nobody():
    assert silent(0.5, "reading", patches=3) is None


def test_a_part_between_two_shares_is_told_as_its_place_in_the_whole():
    told = []
    step = between(lambda share, message, **numbers: told.append((share, message, numbers)), 0.5, 0.9)
    step(0.25, "drawing", slides=1)
    step(1.0, "drawn")
    assert told == [(0.6, "drawing", {"slides": 1}), (0.9, "drawn", {})]


def told_at(*looks: tuple[float, float]) -> list[float | None]:
    """What is left by looks at (second, share)."""
    now = [0.0]
    left = TimeLeft(lambda: now[0])
    told = []
    for now[0], share in looks:
        told.append(left.after(share))
    return told


def test_the_time_left_goes_by_how_fast_the_share_grows_and_not_by_a_slow_start():
    slow_start = [(0, 0.0), (40, 0.0), (90, 0.0)]
    told = told_at(*slow_start, *((90 + second, 0.01 * second) for second in range(1, 51)))
    assert told[:8] == [None] * 8, "nothing is said at first"
    assert told[-1] == pytest.approx(50, rel=0.02)
    slower = told_at(
        *((second, 0.005 * second) for second in range(100)), *((100 + 10 * n, 0.5 + 0.01 * n) for n in range(10))
    )
    assert slower[-1] == pytest.approx(410, rel=0.1), "a slower second part is told by its own pace after a minute"


def test_work_that_begins_anew_is_watched_anew():
    told = told_at(*((second, 0.02 * second) for second in range(20)), (20, 0.0), (21, 0.02), (27, 0.14))
    assert told[19] is not None and told[20:22] == [None, None]
    assert told[22] == pytest.approx(43, rel=0.02)
