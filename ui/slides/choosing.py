"""Folders that slides may be added from, gone through by choosing; what is taken goes into a field of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from ui.shell.literal import literal, plain
from ui.shell.session import lab

if TYPE_CHECKING:
    from mmdnet.workflows.slides.ingest.folders import FolderView

BOX, AT = "browse", "browse_at"  # Streamlit's key of the small window (whether it is open), and where one is in it
AT_ONCE = 30  # names to press; more are found by typing
LIST_PX = 300


def choose_on_server(field: str) -> None:
    """A small window with what lies in a folder; read once it is open, closed as something is taken.

    Args:
        field: Streamlit's key of the text field that what is taken is written into.
    """
    with st.popover("Choose a folder or file", icon=":material/folder_open:", key=BOX, on_change="rerun") as box:
        if not box.open:
            return
        try:
            here = lab().slides.folder(st.session_state.get(AT))
        except LabError as refusal:  # gone meanwhile: the next look begins anew
            st.error(literal(str(refusal)), icon=":material/error:")
            st.session_state.pop(AT, None)
            return
        _where(here, field)
        _entries(here, field)


def _where(here: FolderView, field: str) -> None:
    """Which folder this is, the way up, and all of it."""
    if here.path is None:
        st.markdown("Slides may be added from these folders:")
        return
    st.markdown(f"**{literal(here.path)}**")
    with st.container(horizontal=True):
        st.button("Up", icon=":material/arrow_upward:", key="browse_up", on_click=_go, args=(here.above,))
        st.button("Take all in this folder", key="browse_take", type="primary", on_click=_take, args=(here.path, field))


def _entries(here: FolderView, field: str) -> None:
    """Every folder and file by its name: a folder is opened, a file is taken; many are looked for by typing."""
    folders = [f"{name}/" for name in here.folders] if here.path else list(here.folders)
    names = [*folders, *here.files]
    if not names:
        st.caption("There is no slide and no folder in it.")
        return
    if len(names) > AT_ONCE:
        st.selectbox(
            "Find a folder or file by its name", names, index=None, format_func=plain,
            placeholder=f"{len(names):,} in this folder", key=f"{BOX}_in {here.path or ''}",
            on_change=_find, args=(here.path, field),
        )  # fmt: skip
    with st.container(height=LIST_PX if len(names) > LIST_PX // 40 else "content", border=False, gap=None):
        for name in names[:AT_ONCE]:
            path = name if here.path is None else f"{here.path}/{name}"
            leads = name in folders
            st.button(
                literal(name),
                icon=f":material/{'folder' if leads else 'biotech'}:",
                type="tertiary",
                key=f"{BOX}_to {path}",
                on_click=_go if leads else _take,
                args=(path,) if leads else (path, field),
            )
    if len(names) > AT_ONCE:
        st.caption(f"The first {AT_ONCE} of {len(names):,}.")


def _find(folder: str | None, field: str) -> None:
    name = st.session_state.pop(f"{BOX}_in {folder or ''}", None)
    if name is None:
        return
    path = name if folder is None else f"{folder}/{name}"
    if folder is None or name.endswith("/"):
        _go(path)
    else:
        _take(path, field)


def _go(path: str | None) -> None:
    st.session_state[AT] = path


def _take(path: str, field: str) -> None:
    st.session_state[field] = path
    st.session_state[BOX] = False
