"""How far a part is, told as progress of the whole."""

from mmdnet.progress import between, part_of, silent


def test_a_part_is_told_as_its_share_of_the_whole_with_its_title_and_numbers():
    told = []
    step = part_of(lambda share, message, **numbers: told.append((share, message, numbers)), 1, 4, "slide.svs")
    step(0.5, "reading", patches=3)
    assert told == [(0.375, "slide.svs: reading", {"patches": 3})]


def test_nobody_hears_what_is_told_to_nobody():
    assert silent(0.5, "reading", patches=3) is None


def test_a_part_between_two_shares_is_told_as_its_place_in_the_whole():
    told = []
    step = between(lambda share, message, **numbers: told.append((share, message, numbers)), 0.5, 0.9)
    step(0.25, "drawing", slides=1)
    step(1.0, "drawn")
    assert told == [(0.6, "drawing", {"slides": 1}), (0.9, "drawn", {})]
