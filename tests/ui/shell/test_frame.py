"""The frame: every page is in the navigation, and what no page caught is shown calmly and logged."""

from pathlib import Path

import pytest
import streamlit as st

from mmdnet.errors import LabError
from ui.shell.frame import PAGES, WENT_WRONG, show_fault
from ui.shell.session import IN_ADDRESS

ROOT = Path(__file__).parents[3]


@pytest.fixture
def shown(monkeypatch):
    words: list[str] = []
    monkeypatch.setattr(st, "error", lambda text, icon: words.append(text))
    return words


def test_every_page_is_in_the_navigation_once_and_says_what_its_address_names():
    names = [name for name, *_ in PAGES]
    assert sorted(names) == sorted(path.stem for path in (ROOT / "pages").glob("*.py") if path.stem != "__init__")
    assert sorted(names) == sorted(IN_ADDRESS)


def test_a_refusal_that_no_page_caught_is_its_sentence(shown, caplog):
    assert show_fault(LabError("The slide is gone."))
    assert shown == ["The slide is gone."] and not caplog.records


def test_a_fault_is_one_calm_sentence_and_stands_in_the_log(shown, caplog):
    assert show_fault(ZeroDivisionError("division by zero"))
    assert shown == [WENT_WRONG]
    assert caplog.records[0].exc_info[0] is ZeroDivisionError
