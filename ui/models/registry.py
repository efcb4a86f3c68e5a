"""The models there are: what each is worth, where it comes from, its name and note, and which one is for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.scoring.validity import NOT_REPORTABLE, kappas_of, verdict_of
from ui.models import card
from ui.models.score import model_words
from ui.shell import words
from ui.shell.literal import code, literal, plain_all
from ui.shell.session import go_to, lab, reader_id, refusals, say_next_run
from ui.shell.tables import table_height

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.workflows.scoring.views import ModelView
    from mmdnet.workflows.views import ProjectView


def models(project: ProjectView, manages: bool) -> None:
    """All models a project can score with, and one of them in full; changed by who manages the project only."""
    known = lab().models.list(project.id)
    st.header("Models")
    if not known:
        st.caption("No model yet. A training that ends makes one; `mmdnet models add` brings one in.")
    else:
        _table(known, project.report_model_id)
        by_id = {model.id: model for model in known}
        names = words.names_of(known)
        chosen = st.selectbox(
            "Model in full", list(names), format_func=names.__getitem__, key="registry_model", width=420
        )
        _in_full(by_id[chosen], project, manages)
    if manages:
        _archived(project.id)


def _table(known: Sequence[ModelView], for_reports: int | None) -> None:
    import pandas as pd

    table = pd.DataFrame(
        {
            "Model": plain_all(model.name for model in known),
            "For reports": ["✓" if model.id == for_reports else None for model in known],
            **{f"κ {task.letter}": [kappas_of(model.card).get(task.name) for model in known] for task in SHOWN_TASKS},
            "Validated": [
                "on other patients" if verdict_of(model.card).good else NOT_REPORTABLE.lower() for model in known
            ],
            "Note": plain_all(model.note or None for model in known),
            "Made": [model.created_at for model in known],
        }
    )
    st.dataframe(
        table, hide_index=True, placeholder=words.NOTHING, height=table_height(len(known), 8), key="registry",
        column_config={f"κ {task.letter}": st.column_config.NumberColumn(format="%.2f", help=task.title)
                       for task in SHOWN_TASKS}
        | {"Made": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        alt="Models of this project with their quadratic kappa on patients they did not see",
    )  # fmt: skip


def _in_full(model: ModelView, project: ProjectView, manages: bool) -> None:
    st.caption(model_words(model))
    if not (verdict := verdict_of(model.card)).good:
        st.caption(literal(verdict.words))
    if manages:
        _describe(model)
    elif model.note:
        st.caption(literal(model.note))
    with st.container(horizontal=True):
        if manages:
            _buttons(model, project)
        card.link(model.id, "registry_card")
    with st.expander("Card as kept beside the weights"):
        st.markdown(f"Weights {code(model.weights_sha256[:16])}")
        st.json(model.card.model_dump(mode="json", exclude={"split"}), expanded=1)


def _describe(model: ModelView) -> None:
    own = model.project_id is not None
    with st.form(f"describe_{model.id}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", value=model.name, key=f"model_name_{model.id}", width=280, disabled=not own)
        note = st.text_input("Note", value=model.note, key=f"model_note_{model.id}", width=340, disabled=not own)
        sent = st.form_submit_button("Save", disabled=not own)
    if sent:
        with refusals():
            lab().models.describe(model.id, name, note)
            say_next_run("Saved")
            st.rerun()


def _buttons(model: ModelView, project: ProjectView) -> None:
    """What a lead or an admin does with a model."""
    first = model.id == project.report_model_id
    if st.button("Use for reports", key="use_for_reports", icon=":material/star:", disabled=first):
        with refusals():
            lab().models.use_for_reports(project.id, model.id, by=reader_id())
            say_next_run(f"{model.name} is offered first from now on")
            st.rerun()
    if model.project_id is not None and st.button("Archive", key="archive_model", icon=":material/archive:"):
        with refusals():
            lab().models.archive(model.id)
            say_next_run(f"{model.name} is offered no more")
            st.rerun()
    runs = [run for run in lab().training.runs(project.id) if run.id == model.run_id]
    if runs and st.button("Its training", key="model_run", icon=":material/model_training:"):
        go_to("run", runs[0].id)
        st.rerun()


def _archived(project_id: int) -> None:
    known = lab().models.archived(project_id)
    if not known:
        return
    with st.expander(f"Archived · {len(known)}", key="archived_models"):
        for model in known:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{literal(model.name)}**", width="stretch")
                if st.button("Offer again", key=f"restore_model_{model.id}"):
                    with refusals():
                        lab().models.restore(model.id)
                        st.rerun()
