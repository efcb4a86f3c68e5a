"""Many patches at once: a plane of dots with a lasso, pictures of those chosen, one grade for all. Plain JavaScript."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic_core import to_jsonable_python

from mmdnet.scoring.palette import GRADE_RAMPS
from ui.label.grade_buttons import task_buttons
from ui.server.door import under_base
from ui.shell.scripts import bundle

_HERE = Path(__file__).parent
KIND_FILLS = (  # twelve kinds of tissue: told apart by the numbers on the plane first, by colour second
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a200", "#6a51a3", "#8c564b", "#17a3a3",
    "#5f6b73", "#a8c0d0",
)  # fmt: skip
FAT_FILLS = tuple(GRADE_RAMPS["steatosis"])


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_label_many",
        html=(_HERE / "bulk.html").read_text("utf-8"),
        css=(_HERE / "bulk.css").read_text("utf-8"),
        js=bundle(_HERE / "index.js"),
    )


def many(session_id: int, token: str, *, stamp: str, key: str) -> None:
    """Draw the plane and the pictures.

    Args:
        session_id: the label session that the acts go into.
        token: lets the component label in this session for a while; a rerun of the page brings a fresh one.
        stamp: another one makes the component load the patches anew (a new tissue map, more slides).
        key: Streamlit's key.
    """
    _component()(
        key=key,
        data={
            "session": session_id,
            "token": token,
            "base": under_base(""),
            "stamp": stamp,
            "tasks": to_jsonable_python(task_buttons()),
            "kind_fills": list(KIND_FILLS),
            "fat_fills": list(FAT_FILLS),
        },
        on_renew_change=lambda: None,
    )
