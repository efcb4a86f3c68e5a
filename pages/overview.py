"""Overview: what to do next, then slides, labels, models and jobs at a glance."""

import streamlit as st

from ui.shell import home as parts
from ui.shell.session import lab, project

current = project()
if current is None:
    parts.first_project()
    st.stop()

st.title(current.name)
if current.simulated:
    st.caption("Simulated slides with known truth, to learn the lab on. No patient is behind them.")
parts.next_step(current)
parts.numbers(current)

slides = lab().slides.list(current.id)
left, right = st.columns([3, 2], gap="medium")
with left:
    st.subheader("Slides")
    if slides:
        parts.slides_at_a_glance(slides)
    else:
        st.caption("No slides yet.")
with right:
    st.subheader("Background jobs")
    parts.jobs_at_a_glance(current.id)
    st.subheader("Projects")
    parts.projects_at_a_glance(current, lab().projects.list())
