"""A field that the keys are led to: who opens a page that begins with one writes at once."""

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


def begin_at(key: str, press: int = 0, digits: Sequence[str] = (), then: str = "") -> None:
    """Lead the keys to the field with this Streamlit key, once, as the page with it opens; and once for each `press`.

    Of a choice among several the one that is chosen has them, else the first.

    Args:
        digits: keys of choices among digits, in order: a digit chooses in the one that has the keys and leads on.
        then: key of the button that they lead to after the last.
    """
    data: dict[str, Any] = {"key": key} | ({"digits": list(digits), "then": then} if digits else {})
    _component()(key=f"begin_at_{key}_{press}", data=data)
