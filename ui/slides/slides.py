"""The list of a project's slides, and a slide's way to QuPath and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from ui.shell import words
from ui.shell.literal import plain, plain_all
from ui.shell.session import lab, reader, refusals, say_next_run
from ui.shell.tables import opened_row, table_height
from ui.slides.pictures import thumbnail

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import SlideView


def slide_table(slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> int | None:
    """All slides of the project; the id of the one that was opened in this run."""
    import base64

    import pandas as pd

    def small(slide: SlideView) -> str | None:
        try:
            return "data:image/jpeg;base64," + base64.b64encode(thumbnail(slide.id, slide.path, 160)).decode()
        except LabError:
            return None

    if not slides:
        st.caption("No slide is like that. Take a filter back.")
        return None
    scores = [leading.get(slide.id) for slide in slides]
    table = pd.DataFrame(
        {
            "Slide": plain_all(slide.name for slide in slides),
            "Picture": [small(slide) for slide in slides],
            "State": [words.STATUS.get(slide.status, slide.status) for slide in slides],
            "NAS": pd.array([None if score is None else score.nas for score in scores], dtype="Int64"),
            "NAS by": [words.nas_by(score) for score in scores],
            "Signed": [score.signed.at if score and score.signed else None for score in scores],
            "Patches": [slide.usable for slide in slides],
            "Labelled": [slide.labelled for slide in slides],
            "Fat, %": [None if slide.fat_area_share is None else 100 * slide.fat_area_share for slide in slides],
            "Tissue, mm²": [slide.tissue_mm2 for slide in slides],
            "Patient": plain_all(slide.patient for slide in slides),
            "Visit": plain_all(slide.visit for slide in slides),
            "Stain": plain_all(slide.stain for slide in slides),
            "Scanner": plain_all(slide.scanner for slide in slides),
            "Site": plain_all(slide.site for slide in slides),
            "Staining run": plain_all(slide.staining_run for slide in slides),
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        placeholder=words.NOTHING,
        row_height=56,
        height=table_height(len(slides), 12, row_px=56),
        key="slide_table",
        column_config={
            "Picture": st.column_config.ImageColumn(width=80),
            "Slide": st.column_config.ButtonColumn("Slide", key="slide_table_open", type="tertiary", width=170),
            "Signed": st.column_config.DatetimeColumn(format="YYYY-MM-DD", width=95),
            "NAS": st.column_config.NumberColumn(help=words.NAS_HELP),
            "Stain": st.column_config.TextColumn(width=130),  # "Masson trichrome" in full
            "Tissue, mm²": st.column_config.NumberColumn(format="%.1f"),
            "Fat, %": st.column_config.NumberColumn(
                format="%.1f", help="Area of fat droplets in tissue, measured without the network."
            ),
            "Patches": st.column_config.NumberColumn(help="Patches in use; those set aside are not counted."),
        },
        alt="Slides of this project",
    )
    row = opened_row("slide_table_open", len(slides))
    return None if row is None else slides[row].id


def open_by_name(slides: Sequence[SlideView]) -> int | None:
    """A box to open a slide from the keys: type some of its name, then Enter; the id of the one chosen in this run."""
    names = {slide.id: plain(slide.name) for slide in slides}
    return st.selectbox(
        "Open a slide",
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder="Open a slide: type its name, then Enter",
        key="open_slide",
        label_visibility="collapsed",
        width=420,
    )


def qupath_exchange(slide: SlideView) -> None:
    """Patches, tissue and one's own labels as a file for QuPath; regions and labels out of one."""
    with st.popover("QuPath", icon=":material/swap_horiz:", key=f"qupath_{slide.id}"):
        st.markdown("**Out**: tissue, patches and your labels, as GeoJSON.")
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
            nobody = "Choose your name under Reader in the side bar first: labels are brought in by somebody."
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
