"""The stain that slides' colours look like, shown to be confirmed; never taken by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May
from mmdnet.errors import LabError
from mmdnet.workflows.job_specs import StainsSpec
from ui.shell import words
from ui.shell.literal import literal
from ui.shell.session import lab, may, reader_id, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import SlideView

AT_ONCE = 8  # slides looked at while one waits; more are a job in the background


def stains_to_confirm(project_id: int, slides: Sequence[SlideView]) -> None:
    """Above the list: what is proposed for slides of which nobody says the stain."""
    unknown = [slide for slide in slides if not slide.stain and slide.status == "ready"]
    if not unknown or not may(May.MANAGE, project_id):
        return
    proposed = [slide for slide in unknown if slide.proposed_stain]
    unseen = [slide.id for slide in unknown if slide.stain_certainty is None]
    unsure = len(unknown) - len(proposed) - len(unseen)
    told = [f"{number} {stain}" for stain, number in Counter(slide.proposed_stain for slide in proposed).most_common()]
    told += [f"{unsure} not sure"] if unsure else []
    told += [f"{len(unseen)} not looked at"] if unseen else []
    with st.container(horizontal=True, vertical_alignment="center", key="stains_to_confirm"):
        of_these = words.count(len(unknown), "slide")
        st.markdown(f"Nobody states the stain of {of_these}. By their colours: {literal(', '.join(told))}.")
        if proposed and st.button(f"Confirm {len(proposed):,}", icon=":material/check:", key="stains_confirm"):
            _confirm([slide.id for slide in proposed])
        if not unseen:
            return
        if any(job.kind == StainsSpec.kind for job in lab().jobs.list(project_id, active=True)):
            st.caption("Their colours are being looked at in the background.")
        elif st.button("Look at their colours", icon=":material/palette:", key="stains_look"):
            _look(unseen)


def stain_question(slide: SlideView) -> None:
    """On a slide's own page: what its colours look like, where nobody says the stain."""
    if slide.stain or slide.status != "ready" or not may(May.MANAGE, slide.project_id):
        return
    if slide.stain_certainty is None:
        if st.button("Propose a stain from its colours", icon=":material/palette:", key="stain_look"):
            _look([slide.id])
    elif slide.proposed_stain is None:
        st.caption("Its colours are those of no stain for certain. State it under *Correct*.")
    else:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"Stain by its colours: **{literal(slide.proposed_stain)}**, {slide.stain_certainty:.0%} certain"
            )
            if st.button("Confirm", icon=":material/check:", key="stain_confirm"):
                _confirm([slide.id])


def _confirm(slide_ids: Sequence[int]) -> None:
    with refusals():
        taken = lab().slides.stains.confirm(slide_ids, by=reader_id())
        say_next_run(f"Stain of {words.count(taken, 'slide')} confirmed")
        st.rerun()


def _look(slide_ids: Sequence[int]) -> None:
    with refusals(), st.spinner("Looking at colours"):
        if len(slide_ids) > AT_ONCE:
            lab().slides.stains.submit(slide_ids)
            say_next_run("Their colours are looked at in the background")
            st.rerun()
        refused = lab().slides.stains.propose(slide_ids)
        if not refused:
            st.rerun()
        more = f" {words.count(len(refused), 'slide')} could not be looked at." if len(refused) > 1 else ""
        raise LabError(f"{refused[0]}{more}")
