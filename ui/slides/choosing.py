"""Folders that slides may be added from, gone through by choosing; what is taken goes into a field of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.workflows.slides.ingest.paths import paths_in, written
from ui.shell import words
from ui.shell.literal import literal, plain
from ui.shell.session import lab

if TYPE_CHECKING:
    from mmdnet.workflows.slides.ingest.folders import FolderView

BOX, AT = "browse", "browse_at"  # Streamlit's key of the small window (whether it is open), and where one is in it
TICKED = "browse_ticked"  # paths of files of that folder, in the order they were ticked; at first those taken before
AT_ONCE = 30  # names to press; more are found by typing
LIST_PX = 300


def choose_on_server(field: str) -> None:
    """A small window with what lies in a folder; read once it is open, closed as something is taken.

    Args:
        field: Streamlit's key of the text field that what is taken is written into.
    """
    with st.popover("Choose folders or files", icon=":material/folder_open:", key=BOX, on_change="rerun") as box:
        if not box.open:
            st.session_state.pop(TICKED, None)
            return
        try:
            here = lab().slides.folder(st.session_state.get(AT))
        except LabError as refusal:  # gone meanwhile: the next look begins anew
            st.error(literal(str(refusal)), icon=":material/error:")
            st.session_state.pop(AT, None)
            return
        mine = [_path(here.path, name) for name in here.files]
        if TICKED not in st.session_state:
            st.session_state[TICKED] = [path for path in _chosen(field) if path in mine]
        _where(here, field, mine)
        _entries(here)


def _where(here: FolderView, field: str, mine: Sequence[str]) -> None:
    """Which folder this is, the way up, and what is taken of it: the ticked files, else all.

    Args:
        here: the folder.
        field: what was taken so far stands in it; of this folder the ticks count in its place, files elsewhere stay.
        mine: paths of the folder's files.
    """
    if here.path is None:
        st.markdown("Slides may be added from these folders:")
        return
    st.markdown(f"**{literal(here.path)}**")
    ticked: list[str] = st.session_state[TICKED]
    before = _chosen(field)
    beside = [path for path in before if path not in (here.path, *mine)]
    let_go = not ticked and any(path in mine for path in before)
    what = words.count(len(ticked), "ticked file") if ticked else "none" if let_go else "all in this folder"
    take = f"Add {what} to those chosen" if beside and not let_go else f"Take {what}"
    taken = [*beside, *(ticked or ([] if let_go else [here.path]))]
    with st.container(horizontal=True):
        st.button("Up", icon=":material/arrow_upward:", key="browse_up", on_click=_go, args=(here.above,))
        st.button(take, key="browse_take", type="primary", on_click=_take, args=(taken, field))
    if here.path in before:
        st.caption("All in this folder is chosen.")


def _chosen(field: str) -> list[str]:
    return paths_in(st.session_state.get(field) or "")


def _entries(here: FolderView) -> None:
    """Every folder and file by its name: a folder is opened, a file is ticked; many are looked for by typing."""
    folders = [f"{name}/" for name in here.folders] if here.path else list(here.folders)
    names = [*folders, *here.files]
    if not names:
        st.caption("There is no slide and no folder in it.")
        return
    if len(names) > AT_ONCE:
        st.selectbox(
            "Find a folder or file by its name", names, index=None, format_func=plain,
            placeholder=f"{len(names):,} in this folder", key=f"{BOX}_in {here.path or ''}",
            on_change=_find, args=(here.path,),
        )  # fmt: skip
    ticked = st.session_state.get(TICKED, [])
    found = [name for name in names[AT_ONCE:] if _path(here.path, name) in ticked]
    shown = [*found, *names[:AT_ONCE]]
    with st.container(height=LIST_PX if len(shown) > LIST_PX // 40 else "content", border=False, gap="xsmall"):
        for name in shown:
            path = _path(here.path, name)
            if name in folders:
                key = f"{BOX}_to {path}"
                st.button(literal(name), icon=":material/folder:", type="tertiary", key=key, on_click=_go, args=(path,))
            else:
                key = f"{BOX}_tick {path}"
                st.session_state[key] = path in ticked
                st.checkbox(literal(name), key=key, on_change=_tick, args=(path,))
    if len(names) > AT_ONCE:
        st.caption(f"The first {AT_ONCE} of {len(names):,}.")


def _path(folder: str | None, name: str) -> str:
    return name if folder is None else f"{folder}/{name}"


def _find(folder: str | None) -> None:
    name = st.session_state.pop(f"{BOX}_in {folder or ''}", None)
    if name is None:
        return
    if folder is None or name.endswith("/"):
        _go(_path(folder, name))
    else:
        _tick(_path(folder, name), on=True)


def _tick(path: str, on: bool | None = None) -> None:
    """Tick a file, or let go of it; without `on` the other of what it is."""
    ticked: list[str] = st.session_state.setdefault(TICKED, [])
    if path in ticked and not on:
        ticked.remove(path)
    elif path not in ticked:
        ticked.append(path)


def _go(path: str | None) -> None:
    st.session_state[AT] = path
    st.session_state.pop(TICKED, None)


def _take(paths: Sequence[str], field: str) -> None:
    """Write the paths into the field: files of several folders come in together."""
    st.session_state[field] = written(list(dict.fromkeys(paths)))
    st.session_state[BOX] = False
