"""A table shows all its rows up to a limit, and knows which of its buttons was pressed."""

from types import SimpleNamespace

import pytest
import streamlit as st

from ui.shell.tables import opened_row, table_height


def test_a_table_is_as_high_as_its_rows_until_there_are_too_many():
    assert table_height(14, 14) == "content"
    assert table_height(15, 14) == 35 + 14 * 35
    assert table_height(100, 3, row_px=50) == 35 + 150


@pytest.mark.parametrize(("pressed", "rows", "opened"), [(2, 3, 2), (0, 1, 0), (3, 3, None), (-1, 3, None)])
def test_the_row_whose_button_was_pressed_is_one_the_table_has(monkeypatch, pressed, rows, opened):
    monkeypatch.setattr(st, "session_state", {"open": SimpleNamespace(row=pressed)})
    assert opened_row("open", rows) == opened
    assert opened_row("other", rows) is None
