"""The list of signatures; signing itself is gone through on the whole page (`tests/pages/test_report.py`)."""

from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from mmdnet.labels.grading import Grades
from mmdnet.workflows.scoring.views import SignOffView
from tests.pages.conftest import texts


def signatures_page(signed):
    from ui.report.signing import signatures

    signatures(signed)


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
