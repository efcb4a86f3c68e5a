"""The labelling canvas: one patch at a time, graded by key; plain JavaScript and CSS from the files beside this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from pydantic_core import to_jsonable_python

from mmdnet.labels.keys import ACTS, TAKEN, USUAL
from mmdnet.labels.queue import KEPT_PLACES
from ui.label.grade_buttons import task_buttons
from ui.server.door import under_base
from ui.shell.scripts import bundle

_HERE = Path(__file__).parent


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_label_canvas",
        html=(_HERE / "canvas.html").read_text("utf-8"),
        css=(_HERE / "canvas.css").read_text("utf-8"),
        js=bundle(_HERE / "index.js"),
    )


def canvas(
    session_id: int,
    token: str,
    *,
    keys: Mapping[str, str],
    suggestions: bool,
    heard: bool,
    finished: bool,
    jump: Mapping[str, int] | None,
    on_started: Callable[[], None],
    on_finished: Callable[[], None],
    on_place: Callable[[], None],
    key: str,
) -> Any:
    """Draw the canvas of a label session.

    Args:
        session_id: the label session; another one starts the canvas anew.
        token: lets the canvas label in this session for a while; a rerun of the page brings a fresh one.
        keys: the reader's keys, one per act.
        suggestions: whether suggested grades are on in this session; a change starts the canvas anew.
        heard: whether `on_started` was called already in this tab; until then the canvas says that it runs.
        finished: whether the page knows already that nothing is left to label; else `on_finished` says so.
        jump: a `position` of the queue to go to, once for each `at`; None to begin at the first patch without a label.
        on_started: called once the canvas runs in the browser.
        on_finished: called when the reader has come to the end of the queue.
        on_place: called when the reader wants to see the patch on its slide; the state's `place` says which.
        key: Streamlit's key.
    """
    return _component()(
        key=key,
        data={
            "session": session_id,
            "token": token,
            "base": under_base(""),
            "tasks": to_jsonable_python(task_buttons()),
            "keys": dict(keys),
            "usual_keys": USUAL,
            "taken_keys": sorted(TAKEN),
            "acts": {act: words for act, (words, _) in ACTS.items()},
            "suggestions": suggestions,
            "heard": heard,
            "finished": finished,
            "jump": dict(jump) if jump else None,
            "kept_places": KEPT_PLACES,
        },
        on_started_change=on_started,
        on_renew_change=lambda: None,
        on_finished_change=on_finished,
        on_place_change=on_place,
    )
