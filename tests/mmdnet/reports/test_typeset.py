from datetime import UTC, datetime

import pytest

from mmdnet.reports.build import build_report
from mmdnet.reports.schema import Interval
from mmdnet.reports.typeset import figure_text, interval_text, moment, names_text, quantity_text, typeset, verdict
from tests.mmdnet.reports.crafted import inputs
from tests.mmdnet.reports.test_schema import signature


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0673, "0.067"), (2.54, "2.5"), (14.4, "14"), (1234.5, "1234"), (None, "not recorded")],
)
def test_numbers_have_two_significant_digits(value, text):
    assert figure_text(value) == text


def test_intervals_quantities_and_dates_are_written_one_way():
    assert interval_text(None) == "no interval"
    assert interval_text(Interval(low=0.1, high=0.25), "share") == "10–25 %"
    assert interval_text(Interval(low=4, high=6), "whole") == "4–6"
    assert (quantity_text(0.2, "share"), quantity_text(2.54, "per field")) == ("20 %", "2.5 per field")
    assert moment(datetime(2026, 3, 4, 9, 30, tzinfo=UTC)) == "4 March 2026, 09:30 UTC"
    assert typeset("2-4 foci per 200x field") == "2–4 foci per 200× field"
    assert (names_text([]), names_text(["a", "b"]), names_text(3)) == ("none recorded", "a, b", "3")


def test_a_verdict_names_what_was_changed():
    report, signed = build_report(inputs()), signature("0" * 64)
    assert verdict(signed, report) == "the model's grades accepted"
    changed = signed.model_copy(update={"grades": signed.grades | {"steatosis": 3}, "reason": "more fat by eye"})
    assert verdict(changed, report) == "steatosis changed: more fat by eye"
