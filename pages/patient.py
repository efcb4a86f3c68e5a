"""Patient: all slides and visits of one patient with their scores, and what changed from visit to visit."""

import streamlit as st

from ui.projects import patient as parts
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Patient")
st.title("Patient")
patients = lab().slides.patients.of_project(project.id)
if not patients:
    st.info(
        "No slide of this project names its patient yet. Enter patient and visit among a slide's facts, or bring a "
        "table of them; all slides of one patient then stand here, visit after visit."
    )
    st.page_link("pages/slides.py", label="Enter facts of slides", icon=":material/biotech:")
    st.stop()

chosen = parts.choose(patients)
own = chosen.slide_ids
rows = parts.visits(lab().slides.list(project.id, own), lab().scoring.leading(project.id, own))
parts.visit_table(rows)
parts.changes(rows)
