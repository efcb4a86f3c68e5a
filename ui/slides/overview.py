"""One slide to look at: the viewer, what was drawn on it, and the chosen patch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.literal import literal
from ui.shell.session import at, go_to, go_to_picked, lab, reader, refusals
from ui.shell.theme import grade_chips, ignored_chip
from ui.slides.drawn import keep, listed, own_drawings, shapes
from ui.slides.patches import patch_card
from ui.slides.pictures import Region, Spot, display_width, from_display, overview_picture
from ui.slides.viewer import (
    Switch,
    choose_region,
    choose_spot,
    deep_zoom,
    drawn_region,
    heat_layers,
    tissue_layer,
    viewer_is_here,
)

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.views import PatchLabelView
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import PatchView, SlideView

COLUMN_PX = 690
HOW_TO_MOVE = "Drag to move, wheel to zoom; from the keys: arrows, **+** and **−**."
HOW_TO_USE = (
    "A click shows the patch there. *Rectangle* queues its patches for labelling; *Length* and *Area* measure. "
    "From the keys: arrows, **+** and **−** move, **Enter** takes the patch in the middle, **Shift Enter** all "
    "that is in view."
)
LAYERS = {"tissue": "Tissue", "patches": "Patches", "labels": "My labels"}


def own_labels(slide: SlideView) -> dict[int, PatchLabelView]:
    """The reader's own labels on this slide, by patch; nobody else's, so that a later read stays blind."""
    who = reader()
    if who is None:
        return {}
    return {label.patch_id: label for label in lab().labels.current(slide.project_id, who.id, slide.id)}


def chosen_patch(slide: SlideView, patches: Sequence[PatchView]) -> PatchView | None:
    """The patch this tab is at, if it lies on this slide."""
    wanted = at("patch")  # asked once: of 10,000 patches, asking for each takes longer than the rest of a page
    return None if wanted is None else next((patch for patch in patches if patch.id == wanted), None)


def look(slide: SlideView, patches: Sequence[PatchView], labelled: Collection[int], score: ScoreView | None) -> None:
    """The slide in the viewer, with all that can be laid over it; as a still picture where the viewer is not here.

    Args:
        labelled: the reader's own labelled patches.
        score: the one that leads, if the slide was scored.
    """
    if not viewer_is_here():
        still_picture(slide, patches, labelled)
    else:
        marks: dict[Switch, bool] = {"patches": True, "labels": True, "drawn": True, "fat": False, "aside": False}
        drawings = own_drawings(slide)
        deep_zoom(
            slide,
            patches,
            layers=[*heat_layers(score), *([tissue_layer(slide)] if slide.status == "ready" else [])],
            labelled=labelled,
            switches=marks if patches else {},
            tools=("region", "length", "area") if patches else (),
            drawn=shapes(drawings),
            on_drawn=partial(keep, slide),
        )
        st.caption(HOW_TO_USE if patches else HOW_TO_MOVE)
        listed(slide, drawings)
    region = drawn_region(slide)
    if region:
        queue_region(slide, patches, region)


def still_picture(slide: SlideView, patches: Sequence[PatchView], labelled: Collection[int]) -> None:
    """The whole slide as a picture: a click chooses the patch there, a drag draws a rectangle."""
    from streamlit_image_coordinates import streamlit_image_coordinates

    layers = st.pills(
        "Show on the slide",
        list(LAYERS),
        format_func=LAYERS.__getitem__,
        selection_mode="multi",
        default=["patches"],
        key="layers",
        label_visibility="collapsed",
        persist_state="session",
    )
    picture = overview_picture(slide, patches, layers, labelled, chosen_patch(slide, patches), drawn_region(slide))
    value = streamlit_image_coordinates(
        picture,
        key=f"overview_{slide.id}",
        click_and_drag=True,
        width=display_width(slide, COLUMN_PX) or "stretch",
        image_format="JPEG",
        jpeg_quality=90,
        cursor="crosshair",
    )
    _take(slide, patches, value)
    st.caption(
        "Click a spot to see the patch there. Drag a rectangle to queue its patches for labelling. Magnifications need "
        "the viewer, which could not be installed without network: see *mmdnet doctor*."
    )


def _take(slide: SlideView, patches: Sequence[PatchView], value: dict | None) -> None:
    """Act once on a new click or drag; the component repeats its last one on every run."""
    stamp = (slide.id, (value or {}).get("unix_time"))
    if not value or st.session_state.get("overview_taken") == stamp:
        return
    st.session_state["overview_taken"] = stamp
    match from_display(value, slide):
        case Spot(x, y):
            choose_spot(x, y, patches)
        case Region() as region:
            choose_region(slide, region)
    st.rerun()


def queue_region(slide: SlideView, patches: Sequence[PatchView], region: Region) -> None:
    """Put the patches of a dragged rectangle into the reader's labelling queue, once, and say so."""
    inside = [patch for patch in patches if patch.usable and patch.meets(region.x0, region.y0, region.x1, region.y1)]
    who = reader()
    if not inside:
        st.warning("There is no patch in use in this rectangle: only tissue carries patches.")
        return
    if who is None:
        st.info(
            f"{words.count(len(inside), 'patch', 'patches')} in this rectangle. Say at the left who is reading, "
            "and they join your labelling queue."
        )
        return
    if "region_queued" not in st.session_state:
        with refusals():
            st.session_state["region_queued"] = lab().labels.sessions.queue_region(
                slide.project_id, who.id, [patch.id for patch in inside]
            )
    new = st.session_state.get("region_queued")
    if new is None:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        there = len(inside) - new
        st.markdown(
            f"**{words.count(new, 'patch', 'patches')} queued for {literal(who.name)}**"
            + (f", {there} {'was' if there == 1 else 'were'} there already" if there else "")
        )
        st.page_link("pages/label.py", label="Label them now", icon=":material/edit:")


def patch_column(slide: SlideView, patches: Sequence[PatchView], labels: Mapping[int, PatchLabelView]) -> None:
    """The chosen patch, large, with what this reader gave it (see `own_labels`)."""
    patch = chosen_patch(slide, patches)
    if patch is None:
        missed = st.session_state.get("missed")
        st.caption("There is no patch at that spot: too little tissue." if missed else "No patch chosen yet.")
        return
    label = labels.get(patch.id)
    patch_card(patch, slide, labelled=label is not None)
    if label is not None:
        st.html(ignored_chip() + " ignored" if label.ignored else grade_chips(label.grades))


def place_picker(slides: Sequence[SlideView], slide: SlideView) -> None:
    """Back to the list, or on to another slide."""
    names = words.names_of(slides)
    ids = list(names)
    here = ids.index(slide.id)
    st.session_state["pick_slide"] = slide.id
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("All slides", icon=":material/arrow_back:", key="all_slides"):
            go_to("slide", None)
            st.rerun()
        st.selectbox(
            "Slide",
            ids,
            format_func=names.__getitem__,
            key="pick_slide",
            label_visibility="collapsed",
            on_change=go_to_picked,
            args=("slide", "pick_slide", ids),
            width=240,
        )
        for step, icon, words_ in ((-1, "chevron_left", "Previous slide"), (1, "chevron_right", "Next slide")):
            target = here + step
            if st.button(
                "",
                icon=f":material/{icon}:",
                help=words_,
                key=f"step_{step}",
                disabled=not 0 <= target < len(ids),
            ):
                go_to("slide", ids[target])
                st.rerun()
