"""Overview: what to do next, then slides, labels, models and jobs at a glance."""

import streamlit as st

from ui.projects import projects as project_parts
from ui.shell import home as parts
from ui.shell.jobs import as_slides_come
from ui.shell.literal import literal
from ui.shell.session import lab, project_id, undecided

projects = {project.id: project for project in lab().projects.list()}
chosen = None if undecided() else project_id(projects)
if chosen is None:
    parts.first_project(list(projects.values()))
    project_parts.archived(lab().projects.list(archived=True))
    st.stop()
current = projects[chosen]
slides = lab().slides.list(current.id)

st.title(literal(current.name))
if current.simulated:
    st.caption("Simulated slides with known truth, to learn the lab on. No patient is behind them.")
leading = lab().scoring.leading(current.id)
parts.next_step(current, slides, leading)
parts.numbers(current, slides)

left, right = st.container(key="overview_body").columns([5, 2], gap="medium")
with left:
    st.header("Worklist")
    if slides:
        parts.worklist_at_a_glance(slides, leading)
    else:
        st.caption("No slides yet.")
with right:  # what comes and goes by itself stands last, so that it moves nothing
    st.header("Projects")
    parts.projects_at_a_glance(current, list(projects.values()))
    project_parts.manage(current)
    project_parts.archived(lab().projects.list(archived=True))
    st.header("Background jobs")
    parts.jobs_at_a_glance(current.id)
    parts.backup_at_a_glance()
as_slides_come(current)
