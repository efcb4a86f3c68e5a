"""Features from elsewhere: a file of another program's taken in for the slide in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import SlideView


def features_from_elsewhere(slide: SlideView) -> None:
    """A form for a file of features, and what came of the last one."""
    with st.popover("Features from elsewhere", icon=":material/upload_file:"):
        st.caption(
            "Takes in a slide's features that TRIDENT, CLAM or STAMP made on this lab's patches with a backbone that "
            "is here. Corners and scale must fit; some are computed here and compared before any is kept."
        )
        st.download_button(
            "Coordinates for the other program",
            data=lambda: lab().slides.imported.coordinates(slide.id)[0],
            file_name=f"{slide.name}_coords.h5",
            mime="application/x-hdf5",
            icon=":material/download:",
            on_click="ignore",
            key=f"features_coordinates_{slide.id}",
            help="The corners of this slide's patches in use, as TRIDENT keeps them.",
        )
        there = [view for view in lab().backbones.list() if view.state in ("with the program", "here")]
        here = {view.name: plain(view.title) for view in there}
        backbone = st.selectbox("Made with", list(here), format_func=here.__getitem__, key="features_backbone")
        given = st.file_uploader("File of features", type=["h5"], key=f"features_file_{slide.id}")
        st.caption("A larger file is taken in on the lab's machine: mmdnet slides features import.")
        side = st.number_input(
            "Side of its patches, level-0 pixels",
            value=None,
            min_value=1.0,
            key="features_side",
            placeholder="as the file says",
            help="Only where the file does not say it, as CLAM's files of features often do not.",
        )
        if st.button("Take in", key="features_take", disabled=given is None) and given is not None:
            with refusals():
                lab().slides.imported.submit(slide.id, given.name, given.getvalue(), backbone, side)
                say_next_run("The file is being compared and taken in")
                st.rerun()
        jobs = [job for job in lab().jobs.list(slide.project_id) if job.kind == "import_features"]
        mine = next((job for job in jobs if job.title.startswith(f"Features of {slide.name} from ")), None)
        if mine is not None:
            said = mine.failure or mine.message or mine.status
            (st.error if mine.failure else st.caption)(literal(f"{mine.title}: {said}"))
