"""What the Label page is made of: choosing a session, starting a new one, and the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.canvas import canvas
from ui.plans import session_form
from ui.routes import label_access
from ui.session import go_to, lab, open_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.workflows.label_views import SessionView
    from mmdnet.workflows.views import ProjectView, ReaderView


def session_bar(project: ProjectView, reader: ReaderView, sessions: Sequence[SessionView], chosen: SessionView) -> None:
    """One line: which session this is, and the way to a new one."""
    known = {view.id: view for view in sessions}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state["pick_session"] = chosen.id
        st.selectbox(
            "Label session",
            list(known),
            format_func=lambda key: _session_words(known[key]),
            key="pick_session",
            on_change=lambda: go_to("session", st.session_state["pick_session"]),
            label_visibility="collapsed",
            width=380,
        )
        if st.button("New session", icon=":material/add:"):
            _new_session(project, reader)
        if chosen.finished and st.button("Train the network", type="primary", icon=":material/arrow_forward:"):
            open_page("train")


def _session_words(view: SessionView) -> str:
    return f"{view.name} · {view.patches:,} patches" + (", finished" if view.finished else "")


@st.dialog("New label session", width="medium")
def _new_session(project: ProjectView, reader: ReaderView) -> None:
    session_form(project, reader)


def draw_canvas(project: ProjectView, reader: ReaderView, view: SessionView) -> None:
    """The canvas of the session, with a permission for this tab."""
    result = canvas(
        view.id,
        label_access(lab(), project.id, view.id, reader.id),
        keys=lab().readers.keys(reader.id),
        suggestions=False,
        on_started=lambda: None,
        on_finished=lambda: None,
        on_place=lambda: None,
        key=f"canvas_{view.id}",
    )
    place = result.get("place")
    if place:
        go_to("slide", int(place["slide"]))
        go_to("patch", int(place["patch"]))
        open_page("slides")
