"""The list of all background jobs: filtered, each with its state, its log and what can be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.shell.jobs import KINDS, STATES, job_card
from ui.shell.literal import literal
from ui.shell.session import lab

if TYPE_CHECKING:
    from mmdnet.workflows.views import JobView

AT_ONCE = 20


def jobs(project_id: int) -> None:
    """The filters, and the jobs they leave; kept up to date while one of them waits or runs."""
    known = lab().jobs.list(project_id)
    states = [state for state in STATES if any(job.status == state for job in known)]
    kinds = list(dict.fromkeys(job.kind for job in known))
    with st.container(horizontal=True, vertical_alignment="top"):
        state = st.pills(
            "State", states, format_func=lambda name: STATES[name][0], key="jobs_state", persist_state="session"
        )
        kind = st.selectbox(
            "Kind", kinds, index=None, format_func=lambda name: KINDS.get(name, name), placeholder="all",
            key="jobs_kind", width=240, persist_state="session",
        )  # fmt: skip
    active = any(job.active for job in known)
    st.fragment(_list, run_every=2.0 if active else None)(project_id, state, kind, active)


def _list(project_id: int, state: str | None, kind: str | None, was_active: bool) -> None:
    known = lab().jobs.list(project_id)
    left = [job for job in known if state in (None, job.status) and kind in (None, job.kind)]
    shown = left[: st.session_state.get("jobs_shown", AT_ONCE)]
    active = [job for job in known if job.active]
    for job in shown:
        job_card(job, active=active, more=_more)
    if not left:
        st.caption("No job is like that. Take a filter back.")
    if len(shown) < len(left) and st.button(f"Show more of {len(left):,}", key="jobs_more"):
        st.session_state["jobs_shown"] = len(shown) + AT_ONCE
        st.rerun(scope="fragment")
    if was_active and not active:
        st.rerun()


def _more(job: JobView) -> None:
    """What it refused, and what it wrote."""
    for sentence in job.progress.get("refused") or []:
        st.markdown(f"- {literal(sentence)}")
    with st.expander("Log", key=f"job_log_{job.id}", on_change="rerun") as box:
        if box.open:
            st.code(lab().jobs.log(job.id) or "Nothing written yet.", language=None, height=280)
