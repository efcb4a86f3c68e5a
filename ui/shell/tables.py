"""A column of buttons that open a table's row."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st


def table_height(rows: int, most: int, row_px: int = 35) -> int | Literal["content"]:
    """Height of a table that shows all its rows up to `most`, and scrolls beyond."""
    return "content" if rows <= most else 35 + row_px * most


def open_column(key: str) -> Any:
    """Column configuration of the buttons; the click is read with `opened_row`."""
    return st.column_config.ButtonColumn("Open", key=key, type="secondary", width=76)


def opened_row(key: str, rows: int) -> int | None:
    """The row whose button was pressed in this run."""
    click = st.session_state.get(key)
    return click.row if click is not None and 0 <= click.row < rows else None
