"""Who reads in a browser tab: how one says so, and what the tab keeps of it, so that a reload need not ask again.

The storage is the tab's alone: two readers in two tabs stay apart, another tab asks, and a link carries nobody's name.
It is the name that is kept, since a number may be another person's in another lab at the same address.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from mmdnet.errors import LabError
from ui.shell.literal import literal, plain
from ui.shell.scripts import bundle
from ui.shell.session import lab, nobody_reads, person, reader, set_reader

NAME = "mmdnet_reader_memory"
REFUSED = "reader_refused"


def choose_reader(key: str, label: str, **look: Any) -> None:
    """The box to choose a reader from or to type a new one into; who is chosen reads in this tab from then on."""
    current = reader()
    st.session_state[key] = current.name if current else None
    st.selectbox(
        label,
        [view.name for view in lab().readers.list()],
        format_func=plain,
        key=key,
        placeholder="Type your name",
        accept_new_options=True,
        on_change=_take,
        args=(key,),
        help="Labels and signatures carry this name. Type a new one to add it.",
        **look,
    )
    if refused := st.session_state.pop(f"{REFUSED}_{key}", None):
        st.error(literal(refused))


def _take(key: str) -> None:
    name = st.session_state[key]
    try:
        set_reader(lab().readers.ensure(name).id if name else None)
    except LabError as refusal:
        st.session_state[f"{REFUSED}_{key}"] = str(refusal)


def ask_reader(because: str = "what you give carries it", then: str = "") -> None:
    """Where nobody reads yet: ask who does, on the page, since a tablet folds the side bar.

    Args:
        because: why this place asks; `then`: what comes of an answer, a sentence.
    """
    st.info(literal(f"{nobody_reads(because, under='')} {then}".strip()))
    if person() is None:
        choose_reader("pick_reader_here", "Who is reading", width=320)


@cache
def _component() -> Any:
    return st.components.v2.component(NAME, html="<span hidden></span>", js=bundle(Path(__file__).parent / "index.js"))


def keep_reader(name: str | None) -> None:
    """Keep the reader's name in the tab, or forget it: the next page that opens there says it as it connects."""
    _component()(key="reader_memory", data={"name": name})
