"""Telling in the browser that jobs have ended, also while its window is behind others.

What is shown has the kind of job and how it ended, no name: a notification stands on a locked screen, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.shell.scripts import bundle

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class EndedJob:
    """What is told of a job; `id` so that it is told once."""

    id: str
    words: str


@cache
def _component() -> Any:
    return st.components.v2.component(
        "mmdnet_notify",
        html='<div class="notify"></div>',
        css=(HERE / "notify.css").read_text("utf-8"),
        js=bundle(HERE / "index.js"),
    )


def notify_of(ended: Sequence[EndedJob]) -> None:
    """Tell of these jobs, each once, in a browser whose person asked for it."""
    _component()(key="notify_of", data={"ended": [asdict(job) for job in ended], "button": False})


def notify_button() -> None:
    """A button that asks the browser for the right to notify, or says why it cannot."""
    _component()(key="notify_button", data={"ended": [], "button": True})
