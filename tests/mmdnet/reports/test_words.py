import pytest

from mmdnet.reports import words


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.0004, "< 0.1 %"), (0.075, "7.5 %"), (0.58, "58 %"), (1, "100 %")]
)
def test_shares_are_per_cents(share, text):
    assert words.percent(share) == text


def test_resamples_never_promise_certainty():
    assert (words.chance(0.0), words.chance(1.0), words.chance(0.93)) == ("< 1 %", "> 99 %", "93 %")
