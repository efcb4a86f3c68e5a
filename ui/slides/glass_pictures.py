"""Label, macro and what else a slide's file shows of the glass: out of sight until asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May
from ui.shell.jobs import job_card
from ui.shell.literal import literal, plain
from ui.shell.session import lab, may, refusals
from ui.shell.theme import in_page

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import SlideView


def glass_pictures(slide: SlideView) -> None:
    """A fold with the names of the pictures; one is shown at a press, and gone with the next."""
    if not may(May.MANAGE, slide.project_id):
        return
    with st.expander("Label and macro", icon=":material/badge:", key=f"glass_{slide.id}", on_change="rerun") as box:
        if not box.open:
            return
        _copies(slide)
        names = lab().slides.glass_pictures.names(slide.id)
        if not names:
            st.caption("This slide's file holds no picture of its label or glass.")
            return
        st.caption("These may name the patient. Each look is recorded in the log of access.")
        with st.container(horizontal=True):
            asked = [name for name in names if st.button(f"Show {literal(name)}", key=f"glass_{slide.id}_{name}")]
        for name in asked:
            with refusals():
                st.image(
                    in_page(lab().slides.glass_pictures.get(slide.id, name)), caption=literal(name), alt=plain(name)
                )


def _copies(slide: SlideView) -> None:
    """A copy without all this, made in the background, and where it lies."""
    job = lab().slides.copies.job(slide.id)
    if job is not None and not job.dismissed:
        job_card(job)
    elif st.button("Make a de-identified copy", icon=":material/content_copy:", key=f"copy_{slide.id}"):
        with refusals():
            lab().slides.copies.submit(slide.id)
            st.rerun()
