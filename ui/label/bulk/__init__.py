"""Many patches at once: a plane of dots with a lasso, pictures of those chosen, one grade for all. Plain JavaScript."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from mmdnet.labels.grading import TASKS
from mmdnet.scoring.palette import GRADE_RAMPS, ink_on

_HERE = Path(__file__).parent
SCRIPTS = (_HERE.parent / "canvas" / "api.js", *(_HERE / f"{name}.js" for name in ("points", "plane", "grid", "index")))
KIND_FILLS = (  # twelve kinds of tissue: told apart by the numbers on the plane first, by colour second
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a200", "#6a51a3", "#8c564b", "#17a3a3",
    "#5f6b73", "#a8c0d0",
)  # fmt: skip
FAT_FILLS = tuple(GRADE_RAMPS["steatosis"])


def script() -> str:
    """The component's JavaScript: its files in order, as one module."""
    colours = f"const KIND_FILLS = {json.dumps(KIND_FILLS)}\nconst FAT_FILLS = {json.dumps(FAT_FILLS)}\n"
    return colours + "\n".join(path.read_text("utf-8") for path in SCRIPTS)


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_label_many",
        html=(_HERE / "bulk.html").read_text("utf-8"),
        css=(_HERE / "bulk.css").read_text("utf-8"),
        js=script(),
    )


def many(session_id: int, token: str, *, stamp: str, key: str) -> None:
    """Draw the plane and the pictures.

    Args:
        session_id: the label session that the acts go into.
        token: lets the component label in this session for a while; a rerun of the page brings a fresh one.
        stamp: another one makes the component load the patches anew (a new tissue map, more slides).
        key: Streamlit's key.
    """
    tasks = [
        {
            "name": task.name,
            "title": task.title,
            "grades": [
                {
                    "value": grade.value,
                    "patch": grade.patch,
                    "fill": GRADE_RAMPS[task.name][grade.value],
                    "ink": ink_on(GRADE_RAMPS[task.name][grade.value]),
                }
                for grade in task.grades
            ],
        }
        for task in TASKS
    ]
    _component()(
        key=key,
        data={"session": session_id, "token": token, "stamp": stamp, "tasks": tasks},
        on_renew_change=lambda: None,
    )
