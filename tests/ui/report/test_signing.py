"""The list of signatures; signing itself is gone through on the whole page (`tests/pages/test_report.py`)."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades, Task, task
from mmdnet.workflows.scoring.views import SignOffView
from tests.pages.conftest import texts
from ui.report import signing


def signatures_page(signed):
    from ui.report.signing import signatures

    signatures(signed)


def test_a_grade_beside_the_nas_stands_outside_its_brackets_and_only_where_it_was_given(monkeypatch):
    beside = Task("ballooning", "Beside", "F", task("ballooning").grades, in_nas=False)
    monkeypatch.setattr(signing, "SHOWN_TASKS", (task("steatosis"), task("inflammation"), beside))
    said = [signing.reading(Grades(steatosis=2, inflammation=1, ballooning=grade)) for grade in (1, None)]
    assert said == ["NAS 4 (S2 I1), F1", "no NAS (S2 I1): a feature is left unknown"]
    assert signing.reading(Grades()) == "nothing graded yet"


@pytest.mark.parametrize(("number", "phrase"), [(0, "Not signed yet."), (1, "**Ada**"), (2, "amended since")])
def test_signatures_are_listed_and_an_amended_one_says_so(number, phrase):
    at = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
    signed = [
        SignOffView(k, 3, 1, "Ada", k - 1 or None, Grades(steatosis=k), "by eye", "ab" * 32, at)
        for k in range(1, number + 1)
    ]
    app = AppTest.from_function(signatures_page, args=(signed,), default_timeout=60).run()
    assert not app.exception
    words = texts(app)
    assert phrase in words
    assert words.count("amended since") == max(number - 1, 0)
    assert words.count("4 March 2026, 09:30 UTC") == number
