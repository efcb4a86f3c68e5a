"""A slide's patches: one of them large, and those that are set aside, to look at and to overrule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.literal import literal
from ui.shell.session import lab, refusals
from ui.shell.theme import in_page
from ui.slides.pictures import patch_jpeg

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import PatchView, SlideView

GALLERY = 12


def patch_card(patch: PatchView, slide: SlideView, *, labelled: bool) -> None:
    """One patch, large, with what was measured on it and whether it is used."""
    around = st.segmented_control(
        "Show", ["Patch", "With surroundings"], default="Patch", key="patch_context", label_visibility="collapsed"
    )
    with refusals():
        context = 3.0 if around == "With surroundings" else 1.0
        st.image(
            in_page(patch_jpeg(patch.id, slide.path, context, 598 if context > 1 else None)),
            width="stretch",
            alt=f"Patch {words.place_of(patch, slide)}",
        )
    side_um = patch.width_px0 * (slide.mpp_x or 0.0)
    st.caption(f"{side_um * context:.0f} µm wide · {words.place_of(patch, slide)}")
    line = f"Tissue {words.share(patch.tissue_share)} · fat {words.share(patch.fat_area_share)}"
    st.markdown(line + (" · labelled" if labelled else ""))
    st.caption(words.quality_line(patch.quality))
    overrule_switch(patch, f"card_{patch.id}")


def overrule_switch(patch: PatchView, key: str) -> None:
    """Why a patch is set aside, and the person's right to use it all the same."""
    if patch.set_aside is None:
        return
    st.markdown(
        f":orange-badge[:material/block: {literal(words.why_set_aside(patch))}]"
        + (" · in use" if patch.overruled else "")
    )
    if patch.set_aside == "unreadable":
        return
    if st.button("Set aside again" if patch.overruled else "Use it all the same", key=f"overrule_{key}"):
        with refusals():
            lab().slides.overrule(patch.id, use=not patch.overruled)
            st.rerun()


def set_aside_gallery(slide: SlideView, patches: Sequence[PatchView]) -> None:
    """Patches that are not used, by reason, to look at and to overrule."""
    aside = [patch for patch in patches if patch.set_aside]
    if not aside:
        st.caption("No patch of this slide is set aside.")
        return
    reasons = Counter(patch.set_aside for patch in aside)
    names = {
        reason: f"{literal(words.set_aside_reason(reason))} ({number})" for reason, number in reasons.most_common()
    }
    title = f"{words.count(len(aside), 'patch', 'patches')} set aside"
    with st.expander(title, icon=":material/block:", key=f"aside_{slide.id}", on_change="rerun") as box:
        if not box.open:
            return
        reason = st.pills(
            "Reason", list(names), format_func=names.__getitem__, default=next(iter(names)), key=f"why_{slide.id}"
        )
        shown = [patch for patch in aside if reason in (None, patch.set_aside)]
        pages = -(-len(shown) // GALLERY)
        start = 0
        if pages > 1:
            start = (st.pagination(pages, key=f"aside_page_{slide.id}_{reason}") - 1) * GALLERY
        with st.grid("auto", min_column_width=150):
            for patch in shown[start : start + GALLERY]:
                with st.container():
                    with refusals():
                        st.image(
                            in_page(patch_jpeg(patch.id, slide.path, 1.0, 160)), width="stretch", alt="Patch set aside"
                        )
                    overrule_switch(patch, f"gallery_{patch.id}")
