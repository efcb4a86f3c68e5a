import pytest

from mmdnet.reports import words
from mmdnet.reports.words import REASONS, coverage, likeness, referral_measured, second_reader
from mmdnet.scoring.summary import Reason, Referral
from tests.mmdnet.reports import crafted


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.0004, "< 0.1 %"), (0.075, "7.5 %"), (0.58, "58 %"), (1, "100 %")]
)
def test_shares_are_per_cents(share, text):
    assert words.percent(share) == text


def test_resamples_never_promise_certainty():
    assert (words.chance(0.0), words.chance(1.0), words.chance(0.93)) == ("< 1 %", "> 99 %", "93 %")


def test_what_an_interval_covers_stands_in_few_words():
    assert coverage(False, None, 0) == "sampling only"
    assert coverage(True, 0.914, 60) == "such held 91 % of 60 graded slides"
    assert coverage(True, None, 12) == "with the model's own error"


def test_a_second_reader_is_advised_with_the_reason_and_what_that_leaves():
    assert second_reader(()) == "No second reader is advised by rule."
    assert second_reader([Reason.NEAR_CUT, Reason.FLOOR]).startswith("Second reader advised: a grade lies near a cut")
    assert all(reason in REASONS for reason in Reason)
    told = referral_measured(Referral(slides=60, rate=0.25, error_all=0.6, error_left=0.4, within_left=0.95))
    assert "given to 25 %" in told and "off by 0.40" in told and "95 %" in told and "0.60" in told
    assert "not measured" in referral_measured(None)
    assert "none was left" in referral_measured(Referral(slides=3, rate=1, error_all=1))


def test_likeness_says_how_far_and_what_follows():
    assert "could not be compared" in likeness(crafted.score())
    assert "looks like" in likeness(crafted.score(unlikeness=0.5))
    assert "widened" in likeness(crafted.score(unlikeness=1.4))
    assert "withheld" in likeness(crafted.score(unlikeness=2.6, withheld=True))
