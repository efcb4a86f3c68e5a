"""A slide's way to QuPath and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.literal import literal
from ui.shell.session import lab, nobody_reads, reader, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import SlideView


def qupath_exchange(slide: SlideView) -> None:
    """Patches, tissue, one's own labels and drawings as a file for QuPath; regions and labels out of one."""
    with st.popover("QuPath", icon=":material/swap_horiz:", key=f"qupath_{slide.id}"):
        st.markdown("**Out**: tissue, patches, your labels and what you drew, as GeoJSON.")
        who = reader()
        st.download_button(
            "Download GeoJSON",
            data=lambda: lab().qupath.export(slide.id, who.id if who else None),
            file_name=f"{slide.name}.geojson",
            mime="application/geo+json",
            icon=":material/download:",
            on_click="ignore",
            key=f"qupath_out_{slide.id}",
        )
        st.divider()
        st.markdown(
            "**In**: annotations of class *Include* or *Region\\** restrict this slide to what lies in them; *Exclude* "
            "or *Ignore\\** leave patches out. They take the place of those brought before. Labels keep their readers' "
            "names."
        )
        file = st.file_uploader("GeoJSON from QuPath", type=["geojson", "json"], key=f"qupath_in_{slide.id}")
        with st.container(horizontal=True):
            nobody = literal(nobody_reads("labels are brought in by somebody"))
            ready, key = file is not None and who is not None, f"qupath_bring_{slide.id}"
            bring = st.button("Bring in", type="primary", disabled=not ready, key=key, help=None if who else nobody)
            if bring and file and who:
                with refusals():
                    done = lab().qupath.bring(slide.id, file.name, file.getvalue(), who.name, who.id)
                    say_next_run(
                        f"{words.count(done.included + done.excluded, 'region', 'regions')}: "
                        f"{words.count(done.set_aside, 'patch', 'patches')} left out. "
                        + " ".join([f"{words.count(done.labels, 'label', 'labels')} imported.", *done.notes])
                    )
                    st.rerun()
            if st.button("Forget regions", type="tertiary", key=f"qupath_forget_{slide.id}"):
                with refusals():
                    lab().qupath.forget_regions(slide.id)
                    say_next_run("Patches left out by regions are used again")
                    st.rerun()
