"""Where a page begins and its keys go: its top, the field it begins with, and grades that are given by digits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from ui.shell.scripts import bundle


@cache
def _component() -> Any:
    js = bundle(Path(__file__).parent / "index.js")
    return st.components.v2.component("mmdnet_focus", html="<span hidden></span>", js=js)


def begin_at(key: str, press: int = 0, *, top: bool = False) -> None:
    """Lead the keys to the field with this Streamlit key, once, as the page with it opens; and once for each `press`.

    Of a choice among several the one that is chosen has them, else the first.

    Args:
        top: the page is shown from its top, as far as the field is to be seen there.
    """
    _component()(key=f"begin_at_{key}_{press}", data={"key": key} | ({"top": True} if top else {}))


def begin_at_top(key: str) -> None:
    """Show the page from its top, once for each `key`: another patient's page is not met in its middle."""
    _component()(key=f"top_{key}", data={"top": True})


def grade_by_digits(digits: Sequence[str], *, start: str, then: str) -> None:
    """Let digits grade from the keys, in the browser alone: no key waits for the page to be drawn.

    Args:
        digits: keys of choices among digits, in order: a digit chooses in the one that has the keys and leads on.
        start: the letter that leads to the first of them, from anywhere but a field that is written in.
        then: key of the button or field that they lead to after the last.
    """
    _component()(key=f"digits_{digits[0]}", data={"digits": list(digits), "start": start, "then": then})
