"""Evaluate: how right a model is on the graded slides it did not learn from; cross-validation; what came of it."""

import streamlit as st

from mmdnet.words import count
from ui.evaluate import evaluate as parts
from ui.evaluate import result
from ui.shell.session import lab, project_or_stop

project = project_or_stop("Evaluate")
st.title("Evaluate")
truths = lab().truth.of_project(project.id, blinded_only=True)
graded = [truth for truth in truths if truth.graded or truth.nas is not None]
models = lab().models.list(project.id)
done = lab().evaluations.list(project.id)

if not graded:
    in_view = sum(truth.graded or truth.nas is not None for truth in lab().truth.of_project(project.id))
    st.info(
        "No slide of this project has a true grade yet: one that a reader gave to the whole slide before seeing its "
        "report or others' grades. Grade slides on their page, or import a table of facts and grades."
        + (
            f" {count(in_view, 'slide')} signed or graded with those in view {'do' if in_view > 1 else 'does'} not "
            "count here; a training may learn from them."
            if in_view
            else ""
        )
    )
    st.page_link("pages/slides.py", label="Grade slides", icon=":material/biotech:")
else:
    parts.graded_slides(truths, graded)
    judge, fold = st.tabs(["Judge a model", "Cross-validate"])
    with judge:
        if models:
            parts.judge_a_model(project.id, models)
        else:
            st.info("There is no model yet. Train one, or cross-validate a training.")
            st.page_link("pages/train.py", label="Train a network", icon=":material/model_training:")
    with fold:
        parts.cross_validate(project.id, graded, drawn=project.simulated)
parts.evaluation_jobs(project.id)

if done:
    result.show(parts.choose_evaluation(done))
