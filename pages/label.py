"""Label: grade patches by key press, one at a time."""

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.workflows.labelling.views import newest_open
from ui.label.labelling import draw_canvas, session_bar, way_on
from ui.label.learns import learns_with_you
from ui.label.plans import session_form
from ui.shell.literal import literal
from ui.shell.memory import ask_reader
from ui.shell.session import at, go_to, lab, project_or_stop, reader

project = project_or_stop()
who = reader()
if project.patches == 0:
    st.title("Label")
    st.info(
        "No patches yet. Add slides first: tissue is found and patches are laid on it; then they can be graded here."
    )
    st.page_link("pages/slides.py", label="Add slides", icon=":material/biotech:")
    st.stop()
if who is None:
    st.title("Label")
    ask_reader()
    st.stop()

sessions = lab().labels.sessions.of_project(project.id, who.id)
if not sessions:
    st.title("Label")
    keys = ", ".join(literal(task.title.lower()) for task in SHOWN_TASKS)
    st.markdown(f"Choose what you will grade. Each patch takes {len(SHOWN_TASKS)} keys: {keys}.")
    session_form(project, who, len(sessions))
    st.stop()

chosen = next((view for view in sessions if view.id == at("session")), None)
with st.container():  # whatever comes and goes in it: one part more above the canvas would have it built anew
    if chosen is None:
        if at("session") is not None:
            st.warning("That label session is another reader's or of another project; this is your own.")
        chosen = newest_open(sessions) or sessions[0]
        go_to("session", chosen.id)
    ended = session_bar(project, who, sessions, chosen)
    learns_with_you(who, chosen)
draw_canvas(project, who, chosen)
if ended is not None:
    way_on(project, *ended)
