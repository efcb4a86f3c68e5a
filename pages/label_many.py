"""Label many: choose patches that look alike, look at them, give all of them one grade."""

import streamlit as st

from ui.label.many import draw_many
from ui.shell.memory import ask_reader
from ui.shell.session import project_or_stop, reader

project = project_or_stop("Label many")
who = reader()
if project.patches == 0:
    st.title("Label many")
    st.info("No patches yet. Add slides first: tissue is found and patches are laid on it.")
    st.page_link("pages/slides.py", label="Add slides", icon=":material/biotech:")
    st.stop()
if who is None:
    st.title("Label many")
    ask_reader()
    st.stop()

draw_many(project, who)
