"""What the Label page is made of: choosing a session, starting a new one, and the canvas."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import streamlit as st

from mmdnet.words import count
from ui.label.canvas import canvas
from ui.label.own_labels import OWN_LABELS, own_labels
from ui.label.plain_buttons import plain_buttons
from ui.label.plans import session_form
from ui.label.summary import judgeable_choice, session_summary
from ui.shell.access import label_access
from ui.shell.literal import literal, plain
from ui.shell.presses import keep_open, shut, stays_open
from ui.shell.session import at, go_to, go_to_picked, lab, open_page, person, refusals_next_run
from ui.shell.words import told_apart
from ui.slides.viewer import deep_zoom, tissue_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamlit.delta_generator import DeltaGenerator

    from mmdnet.workflows.labelling.views import SessionView
    from mmdnet.workflows.views import ProjectView, ReaderView

STARTS_WITHIN_S = 8.0
NEW_SESSION = "New label session"


def session_bar(
    project: ProjectView, reader: ReaderView, sessions: Sequence[SessionView], chosen: SessionView
) -> tuple[DeltaGenerator, DeltaGenerator] | None:
    """One line: which session this is, and the way to a new one; below it what a finished one came to.

    Returns:
        The places `way_on` fills once the rest of the page stands; None while the session goes on.
    """
    known = told_apart({view.id: _session_words(view) for view in sessions})
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.session_state["pick_session"] = chosen.id
        st.selectbox(
            "Label session",
            list(known),
            format_func=known.__getitem__,
            key="pick_session",
            on_change=go_to_picked,
            args=("session", "pick_session", list(known)),
            label_visibility="collapsed",
            width=250,
        )
        _dialogs(project, reader, len(sessions))
        with st.popover("Options", icon=":material/tune:"):
            _options(reader, chosen)
        on = st.container(width="content") if chosen.finished else None
    if on is None:
        return None
    session_summary(chosen)
    return on, st.container()


def way_on(project: ProjectView, on: DeltaGenerator, below: DeltaGenerator) -> None:
    """To the training, or what one needs first: asked last, as a full lab's labels take seconds to read."""
    ready = lab().training.readiness(project.id, {})
    if ready.ready:
        # where it would not be wise it can be done all the same, and the reason stands below
        look: Literal["primary", "secondary"] = "secondary" if ready.unjudged else "primary"
        if on.button("Train the network", type=look, icon=":material/arrow_forward:"):
            open_page("train")
    if not ready.ready or ready.unjudged:
        below.caption(f"Before a training: {literal(ready.unjudged or ready.sentence)}")


@st.fragment
def _dialogs(project: ProjectView, reader: ReaderView, sessions: int) -> None:
    """Buttons that open dialogs, and the one that is open: the page below, which takes longer, is not drawn anew."""
    with st.container(horizontal=True, width="content", gap="small"):
        st.button("New session", icon=":material/add:", on_click=keep_open, args=(NEW_SESSION,))
        st.button("My labels", icon=":material/list:", on_click=keep_open, args=(OWN_LABELS,))
    if stays_open(NEW_SESSION):
        _new_session(project, reader, sessions)
    if stays_open(OWN_LABELS):
        own_labels(project, reader)


def _session_words(view: SessionView) -> str:
    return f"{plain(view.name)} · {count(view.patches, 'patch')}" + (", finished" if view.finished else "")


def _options(reader: ReaderView, view: SessionView) -> None:
    """Suggestions, off until switched on in this session; whether the patches can be judged; and plain widgets."""
    state = lab().labels.suggestions.state(view.id)
    st.session_state[f"suggest_{view.id}"] = state.on
    st.toggle(
        "Suggested grades",
        key=f"suggest_{view.id}",
        disabled=state.problem is not None,
        on_change=lambda: _switch_suggestions(reader, view),
        help="Grades of a model, shown quietly beside yours. Some are wrong on purpose, to measure how far people lean "
        "on them; the Agreement page says how often. Some patches have none, by chance or to be read blind.",
    )
    st.caption(literal(state.problem or f"Of the model {state.model_name}."))
    judgeable_choice(reader, view)
    st.toggle("Plain buttons", key="plain", help="Where the canvas cannot run: slower, one form per patch.")


def _switch_suggestions(reader: ReaderView, view: SessionView) -> None:
    with refusals_next_run():
        lab().labels.suggestions.switch(view.id, reader.id, st.session_state[f"suggest_{view.id}"])


@st.dialog(NEW_SESSION, width="medium", on_dismiss=shut)
def _new_session(project: ProjectView, reader: ReaderView, sessions: int) -> None:
    session_form(project, reader, sessions)


def draw_canvas(project: ProjectView, reader: ReaderView, view: SessionView) -> None:
    """The canvas of the session, with a permission for this tab; or plain widgets, where it cannot run."""
    if st.session_state.get("plain"):
        plain_buttons(reader, view)
        return
    with st.container(key="canvas_start"):  # stays once the canvas runs, which would else be built anew; see theme.css
        if not st.session_state.get("canvas_runs"):
            _if_it_does_not_start()
    _canvas(project, reader, view)


@st.fragment
def _canvas(project: ProjectView, reader: ReaderView, view: SessionView) -> None:
    """The canvas, and the slide beside it. What it tells draws these anew, and the page only at the session's end."""
    key = f"canvas_{view.id}"
    canvas(
        view.id,
        label_access(lab(), project.id, view.id, reader.id, person()),
        keys=lab().readers.keys(reader.id),
        suggestions=lab().labels.suggestions.on(view.id),
        heard="canvas_runs" in st.session_state,
        finished=view.finished,
        jump=_jump(view),
        on_started=lambda: st.session_state.update(canvas_runs=True),
        on_finished=lambda: st.session_state.update(canvas_finished=True),
        on_place=lambda: _zoom_to(st.session_state[key].place),
        key=key,
    )
    if st.session_state.pop("canvas_finished", False):
        st.rerun()
    if "zoom_from_session" in st.session_state:  # kept, so that a rerun of the page does not close it
        _on_the_slide(*st.session_state["zoom_from_session"])


def _jump(view: SessionView) -> dict[str, int] | None:
    """The place of this session that was chosen in the list of labels; the canvas goes there once."""
    jump = st.session_state.get("jump")
    return jump if jump and jump["session"] == view.id else None


def _zoom_to(place: Mapping[str, int] | None) -> None:
    """Note which patch the reader wants to see on its slide: told in one run alone, which may be given up before the
    canvas is drawn, for another thing that the canvas has to say."""
    if place:
        st.session_state["zoom_from_session"] = (int(place["slide"]), int(place["patch"]))


def _zoom_closed() -> None:
    slide, patch = st.session_state.pop("zoom_came_from", (None, None))
    go_to("slide", slide)  # the Slides page shows what was opened there, not what was looked at here
    go_to("patch", patch)
    for key in ("zoom_from_session", "zoomed_to"):
        st.session_state.pop(key, None)


@st.dialog("The patch on its slide", width="large", on_dismiss=_zoom_closed)
def _on_the_slide(slide_id: int, patch_id: int) -> None:
    """The slide at every magnification beside the work: nothing that is measured or scored on it is shown here."""
    st.session_state.setdefault("zoom_came_from", (at("slide"), at("patch")))
    go_to("slide", slide_id)
    begins = st.session_state.get("zoomed_to") != patch_id
    go_to("patch", patch_id if begins else at("patch"))  # clicks in the viewer choose other patches
    st.session_state["zoomed_to"] = patch_id
    slide = lab().slides.get(slide_id)
    deep_zoom(slide, lab().slides.patches(slide_id), layers=[tissue_layer(slide)], key=f"zoom_of_{patch_id}")
    st.caption("Measured fat and scores are not shown while you label. Close it (Esc) to go on at the same patch.")


@st.fragment(run_every=STARTS_WITHIN_S)
def _if_it_does_not_start() -> None:
    """Some browsers keep the canvas from running; then a way to grade all the same is offered."""
    begun = st.session_state.setdefault("canvas_waited", time.monotonic())
    if st.session_state.get("canvas_runs") or time.monotonic() - begun < STARTS_WITHIN_S:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.warning("The canvas has not started in this browser. You can grade with plain buttons meanwhile.")
        if st.button("Use plain buttons", key="use_plain", on_click=lambda: st.session_state.update(plain=True)):
            st.rerun()
