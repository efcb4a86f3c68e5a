"""What the Label many page is made of: the line above the plane, and the tissue map's state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.label.bulk import many
from ui.shell.access import label_access
from ui.shell.literal import literal
from ui.shell.session import at, go_to, lab, open_page, person, refusals
from ui.shell.words import count

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.views import SessionView
    from mmdnet.workflows.views import ProjectView, ReaderView


def draw_many(project: ProjectView, reader: ReaderView) -> None:
    """The whole page below its title, for a project with patches."""
    session = lab().labels.sessions.get(lab().labels.bulk.session(project.id, reader.id, at("session")))
    if session.patches:
        go_to("session", session.id)
    stamp = _bar(project, session)
    many(
        session.id,
        label_access(lab(), project.id, session.id, reader.id, person()),
        stamp=stamp,
        key=f"many_{session.id}",
    )


def _bar(project: ProjectView, session: SessionView) -> str:
    """Where labels go, the map, the way back; returns a stamp that changes with the map and the number of patches."""
    drawn = lab().maps.get(project.id)
    making = any(job.kind == "map" for job in lab().jobs.list(project.id, active=True))
    missing = lab().maps.missing(project.id)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"Grades go into **{literal(session.name)}**. Patches of your queue are read one by one, not here.")
        if making:
            st.caption("The tissue map is being made; it appears by itself.")
        elif drawn is None or missing:
            words = "Make the tissue map" if drawn is None else f"Make the map anew ({count(missing, 'patch')} missing)"
            if st.button(words, icon=":material/scatter_plot:", key="make_map", help=MAP_HELP):
                with refusals():
                    lab().maps.start(project.id)
                    st.rerun()
        if st.button("One by one", icon=":material/arrow_back:", key="one_by_one"):
            open_page("label")
    return f"{drawn.made_ns if drawn else 0}-{project.patches}"


MAP_HELP = (
    "Lays patches that look alike side by side, so that a lasso catches a kind of tissue. Made in the background "
    "from stain, holes, nuclei and texture of each patch."
)
