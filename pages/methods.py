"""Methods: every method of the field trained and tested on the project's labels, side by side."""

import streamlit as st

from ui.evaluate import evaluate as parts
from ui.evaluate import methods, methods_result
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Methods")
st.title("Methods")
done = lab().field.list(project.id)

if not lab().labels.counts(project.id).patches:
    st.info(
        "No patch of this project has a label yet. Methods are compared on labelled patches of at least five patients: "
        "label some, or import labels."
    )
    st.page_link("pages/label.py", label="Label patches", icon=":material/edit:")
else:
    methods.compare_form(project.id, drawn=project.simulated)
parts.evaluation_jobs(project.id, kinds=("field",))

if done:
    methods_result.show(parts.choose_evaluation(done))
