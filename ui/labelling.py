"""What the Label page is made of: choosing a session, starting a new one, and the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.canvas import canvas
from ui.routes import label_access
from ui.session import go_to, lab, open_page, refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.workflows.label_views import SessionView
    from mmdnet.workflows.views import ProjectView, ReaderView, SlideView

PLANS = {
    "random": "Random",
    "stratified": "Even over kinds of tissue",
}
DEFAULT_PATCHES = 12


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


@st.dialog("New label session")
def _new_session(project: ProjectView, reader: ReaderView) -> None:
    session_form(project, reader)


def session_form(project: ProjectView, reader: ReaderView) -> None:
    """Choose slides and how many patches of each, and start."""
    slides = {slide.id: slide for slide in lab().slides.list(project.id) if slide.usable}
    number = 1 + len(lab().labels.sessions(project.id, reader.id))
    name = st.text_input("Name", f"Session {number}", key="session_name")
    chosen = st.multiselect(
        "Slides",
        list(slides),
        default=list(slides),
        format_func=lambda key: _slide_words(slides[key]),
        key="session_slides",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        per_slide = st.number_input("Patches per slide", 1, 5000, DEFAULT_PATCHES, key="session_per_slide", width=160)
        plan = st.selectbox("Which patches", list(PLANS), format_func=PLANS.__getitem__, key="session_plan", width=250)
        seed = st.number_input("Seed", 0, 10**6, 0, key="session_seed", width=120)
    wanted = sum(min(int(per_slide), slides[key].usable) for key in chosen)
    st.caption(
        f"At most {wanted:,} patches. The same seed asks for the same patches; every fifth is drawn at random whatever "
        "the plan. Patches you labelled before are not asked for again."
    )
    if st.button("Start labelling", type="primary", key="start_session", disabled=not chosen):
        with refusals():
            made = lab().labels.create_session(
                project.id, reader.id, name, chosen, int(per_slide), plan=plan, seed=int(seed)
            )
            go_to("session", made.id)
            st.rerun()


def _slide_words(slide: SlideView) -> str:
    return f"{slide.name} ({slide.usable:,} patches)"


def draw_canvas(project: ProjectView, reader: ReaderView, view: SessionView) -> None:
    """The canvas of the session, with a permission for this tab."""
    result = canvas(
        view.id,
        label_access(lab(), project.id, view.id, reader.id),
        on_finished=lambda: None,
        on_place=lambda: None,
        key=f"canvas_{view.id}",
    )
    place = result.get("place")
    if place:
        go_to("slide", int(place["slide"]))
        go_to("patch", int(place["patch"]))
        open_page("slides")
