"""Augment: synthetic patches of rare grades, how the gate judges them, and a look without being told."""

import streamlit as st

from ui.augment import batch as parts
from ui.augment.form import new_batch
from ui.augment.look import blinded_look
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Augment")
st.title("Augment")
batches = lab().augmenting.list(project.id)
new, made = st.container(key="augment_body").columns([2, 3], gap="large")

with new:
    st.header("New batch")
    if lab().labels.counts(project.id).patches:
        new_batch(project.id)
    else:
        st.info(
            "No patch is graded yet, and synthetic patches are made of graded ones. Label patches of at least three "
            "patients, some of them with the rare grade."
        )
        st.page_link("pages/label.py", label="Label patches", icon=":material/edit:")

with made:
    st.header("Batches")
    if batches:
        chosen = parts.choose_batch(batches)
        parts.progress_and_counts(chosen)
    else:
        st.caption(
            "No batch yet. It runs in the background: synthetic patches appear here beside their parents, each with "
            "what the gate measured and why it was refused. A training learns from those that passed only where "
            "its box *Synthetic patches too* is ticked."
        )

if batches:
    if parts.which_part() == parts.LOOK:
        blinded_look(chosen)
    else:
        parts.parents_and_children(chosen)
