"""Where on a report's patches a grade comes from: a switch, the making of the maps, and what stands under a patch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May
from mmdnet.reports.patch_maps import about_maps, deletion_words, map_words
from ui.shell.literal import in_html, literal
from ui.shell.session import lab, may, refusals

if TYPE_CHECKING:
    from mmdnet.reports.schema import EvidencePatch, FeatureEvidence
    from mmdnet.scoring.cam.evidence_maps import TaskMaps
    from mmdnet.workflows.scoring.scored_slide import ScoredSlide


def switched_on(scored: ScoredSlide) -> Mapping[str, TaskMaps]:
    """The switch, and the maps to draw by task, none while it is off; how to have them made where there are none."""
    score_id = scored.score.id
    wanted = st.toggle(
        "Where on the patch",
        key=f"patch_maps_{score_id}",
        help="Grad-CAM++: what on each patch speaks for its grade, and what is left of it when that is masked.",
    )
    if not wanted:
        return {}
    maps = scored.evidence_maps
    if scored.maps_made:
        return maps
    if lab().evidence_maps.making(score_id):
        st.caption("The maps are being made in the background, and appear here when they are done.")
    elif not may(May.MANAGE, scored.slide.project_id):
        st.caption("The maps of this score are not made yet. A lead of this project has them made here.")
    else:
        st.caption("The maps of this score are not made yet. They are made once, in the background.")
        if st.button("Make the maps", key="make_patch_maps", icon=":material/center_focus_strong:"):
            with refusals():
                lab().evidence_maps.start(score_id)
                st.rerun()
    return maps


@st.cache_data(show_spinner=False, max_entries=200)
def _jpeg(_scored: ScoredSlide, score_id: int, slide_path: str, task: str, place: int) -> bytes:
    return _scored.map_jpeg(task, place)


def picture(scored: ScoredSlide, task: str, place: int) -> bytes:
    """A patch with its map, as a JPEG.

    Raises:
        LabError: the patch cannot be read.
    """
    return _jpeg(scored, scored.score.id, scored.slide.path, task, place)


def under(patch: EvidencePatch, maps: TaskMaps) -> None:
    """What masking did, under a patch that has a map."""
    if words := map_words(patch, maps.get(patch.place)):
        st.html(f'<span class="mmd-small mmd-muted">{in_html(words)}</span>')


def about(score_id: int, shown: FeatureEvidence, maps: TaskMaps) -> None:
    """What the maps show and how far they were put to the test."""
    tested = deletion_words(shown, maps)
    if tested:
        st.markdown(literal(tested))
    st.caption(literal(about_maps([shown])))
    st.download_button(
        "Maps",
        data=lambda: lab().reports.patch_maps(score_id),
        file_name="patch_maps.zip",
        mime="application/zip",
        icon=":material/download:",
        key="download_patch_maps",
        on_click="ignore",
    )
