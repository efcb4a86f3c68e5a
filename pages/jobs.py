"""Jobs: everything that runs in the background, how far it is, what it wrote, and what can be done about it."""

import streamlit as st

from ui.projects import job_list
from ui.shell.notify import notify_button
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Jobs")
st.title("Jobs")
if not lab().jobs.list(project.id):
    st.info("Nothing was started yet. Adding slides, training and scoring run in the background and show here.")
    st.page_link("pages/slides.py", label="Add slides", icon=":material/add:")
    st.stop()
notify_button()
job_list.jobs(project.id)
