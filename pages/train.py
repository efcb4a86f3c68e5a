"""Train: choose labels and network, check, start; watch a run, stop it, go on with it."""

import streamlit as st

from mmdnet.accounts.roles import May
from ui.models import registry, run_view, runs_compared, search
from ui.models import train as parts
from ui.models.backbones import fetched_titles, more_backbones
from ui.shell.session import lab, may, project_or_stop

project = project_or_stop("Train")
st.title("Train")
manages = may(May.MANAGE, project.id)
runs = lab().training.runs(project.id)
new, watch = st.container(key="train_body").columns([2, 3], gap="large")

with new:
    st.header("New training" if manages else "Labels")
    if not manages:
        parts.labels_so_far(project.id)
    elif parts.anything_to_learn_from(there := parts.to_learn_from(project.id)):
        start = st.container()  # above the choices, which may all stay as they are: the button is seen at once
        chosen = parts.choose_labels(project.id, there)
        filled = search.filled_in(project.id)
        choices, name = parts.choose(project.id, drawn=project.simulated, fetched=fetched_titles(), filled=filled)
        with start:
            parts.check_and_start(project.id, choices, chosen, name)
        search.search_form(project.id, choices, chosen)
    else:
        st.info(
            "There is nothing to learn from yet. Grade some patches of each slide (60 make a start), or enter grades "
            "of whole slides, by table or one by one, on the Slides page."
        )
        st.page_link("pages/label.py", label="Label patches", icon=":material/edit:")
        st.page_link("pages/slides.py", label="Grade slides", icon=":material/table_chart:")

with watch:
    st.header("Trainings")
    if runs:
        run_view.run_view(run_view.run_picker(runs), manages)
        runs_compared.compare(runs)
    else:
        st.caption(
            "No training yet. It runs in the background: loss, agreement with the readers, log and time left appear "
            "here, and it survives a restart. What comes out is a model that scores slides."
        )

search.searches(project.id, manages)
registry.models(project, manages)
if may(May.ADMINISTER, None):
    more_backbones()
