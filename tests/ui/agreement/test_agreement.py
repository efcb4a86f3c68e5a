"""How two sides are named, which of them is shown, and what the figure says of them."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.agreement import COEFFICIENTS, Estimate
from mmdnet.workflows.labelling.agreement_views import Comparison, GradedTwice
from ui.agreement import agreement
from ui.agreement.agreement import interval, short_sides, sides


def pair(kind="readers", key="readers-1-2", task="steatosis", first="Ada", second="Ben", kappa=0.5) -> Comparison:
    """Two sides that gave the same grade on three patches and differed on two, by one and by two grades."""
    counts = ((1, 1, 0, 0), (0, 2, 0, 1), (0, 0, 0, 0), (0, 0, 0, 0))
    estimates = dict.fromkeys(COEFFICIENTS, Estimate(kappa, kappa - 0.25, kappa + 0.25, 5))
    return Comparison(key, kind, task, first, second, counts, estimates, "patches")


@pytest.mark.parametrize(
    ("kind", "first", "second", "short"),
    [
        ("readers", "Ada", "Ben", "Ada – Ben"),
        ("consensus", "Ada", "the majority of the others", "Ada – the others"),
        ("model", "Ada", "first (small)", "Ada – model"),
        ("repeat", "Ada, first read", "Ada, second read", "Ada, read twice"),
    ],
)
def test_two_sides_are_named_in_full_and_short(kind, first, second, short):
    named = pair(kind, first=first, second=second)
    assert sides(named) == f"{first} and {second}"
    assert short_sides(named) == short


def test_an_interval_that_is_not_defined_is_a_dash():
    assert interval(Estimate(0.5, 0.254, 0.746, 9)) == "0.25 to 0.75"
    assert interval(Estimate(None, None, None, 0)) == interval(Estimate(0.5, None, None, 1)) == "–"


def choice_page():
    from types import SimpleNamespace

    import streamlit as st

    from tests.ui.agreement.test_agreement import pair
    from ui.agreement.agreement import choose

    pairs = [pair(), pair(task="ballooning"), pair("model", "model-1", "ballooning")]
    chosen = choose(SimpleNamespace(comparisons=pairs))
    st.text(f"{chosen.key} {chosen.task}" if chosen else "nothing")


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ({}, "readers-1-2 steatosis"),
        ({"compare": "model-1"}, "model-1 ballooning"),
        ({"compare": "readers-1-2", "feature": "ballooning"}, "readers-1-2 ballooning"),
        ({"compare": "model-1", "feature": "inflammation"}, "nothing"),
        ({"compare": "readers-7-9", "feature": "colour"}, "readers-1-2 steatosis"),
    ],
)
def test_a_link_says_what_is_shown_and_a_feature_that_means_nothing_is_passed_over(link, shown):
    app = AppTest.from_function(choice_page, default_timeout=60)
    for key, value in link.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    assert app.text[0].value == shown
    assert bool(app.warning) == (link.get("compare") == "readers-7-9")


def behind_page():
    from types import SimpleNamespace

    from tests.ui.agreement.test_agreement import pair
    from ui.agreement.agreement import behind

    behind(3, pair(), SimpleNamespace(id=7))


def test_patches_that_differ_most_come_first_and_those_not_graded_yet_stay_hidden(monkeypatch):
    asked = []

    def graded_twice(*cell):
        asked.append(cell)
        return GradedTwice((), 2)

    labels = SimpleNamespace(agreement=SimpleNamespace(graded_twice=graded_twice))
    monkeypatch.setattr(agreement, "lab", lambda: SimpleNamespace(labels=labels))
    app = AppTest.from_function(behind_page, default_timeout=60).run()
    assert app.selectbox[0].options == ["Ada: 1, Ben: 3 (1 patch)", "Ada: 0, Ben: 1 (1 patch)"]
    assert asked == [(3, 7, "readers-1-2", "steatosis", 1, 3)]
    assert app.caption[0].value.startswith("2 patches are not shown: you have not graded them yet")
