"""Which reader a browser tab was: kept in the tab's own storage, so that a reload of any page need not ask again.

The storage is the tab's alone: two readers in two tabs stay apart, another tab asks, and a link carries nobody's name.
It is the name that is kept, since a number may be another person's in another lab at the same address.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.shell.scripts import bundle

NAME = "mmdnet_reader_memory"


@cache
def _component() -> Any:
    return st.components.v2.component(NAME, html="<span hidden></span>", js=bundle(Path(__file__).parent / "index.js"))


def reader_memory(name: str | None, *, asked: bool) -> str | None:
    """Keep the reader's name in the tab; where nobody has said yet who reads (`asked`), the name that is kept there."""
    told = _component()(key="reader_memory", data={"name": name, "asked": asked}, on_kept_change=lambda: None)
    return told.get("kept") if asked else None
