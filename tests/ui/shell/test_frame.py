"""The frame: what no page caught is shown calmly and logged."""

import pytest
import streamlit as st

from mmdnet.errors import LabError
from ui.shell.frame import WENT_WRONG, show_fault


@pytest.fixture
def shown(monkeypatch):
    words: list[str] = []
    monkeypatch.setattr(st, "error", lambda text, icon: words.append(text))
    return words


def test_a_refusal_that_no_page_caught_is_its_sentence(shown, caplog):
    assert show_fault(LabError("The slide is gone."))
    assert shown == ["The slide is gone."] and not caplog.records


def test_a_fault_is_one_calm_sentence_and_stands_in_the_log(shown, caplog):
    assert show_fault(ZeroDivisionError("division by zero"))
    assert shown == [WENT_WRONG]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError
