"""What the Methods page is made of before there is a result: which methods, how they are trained and tested."""

from __future__ import annotations

from typing import Any

import streamlit as st

from mmdnet.experiments.field.plan import UNGROUPED, FieldPlan
from mmdnet.nn.baselines.registry import BASELINES
from mmdnet.nn.registry import BACKBONES, SMALL
from ui.shell.literal import literal
from ui.shell.session import lab, refusals, say_next_run

WAYS = {
    "folds": "every patient once, in folds",
    "patient": "6 : 2 : 2, patients kept apart",
    "bags": "6 : 2 : 2, bags at random (as the paper)",
}


def compare_form(project_id: int, drawn: bool) -> None:
    """The choices and the button. `drawn`: the project's slides are simulated."""
    st.caption(
        "Every method learns from the same bags of the same frozen features and is tested on the same patients, in the "
        "background; stopped, it goes on without repeating a finished training. With EfficientNet-Lite0 the features "
        "take the longest."
    )
    chosen = st.multiselect(
        "Methods", list(BASELINES), format_func=lambda name: f"{BASELINES[name].title} · {BASELINES[name].paper}",
        key="field_methods", placeholder="All of them",
    )  # fmt: skip
    with st.container(horizontal=True):
        way = st.selectbox("Tested on", list(WAYS), format_func=WAYS.__getitem__, key="field_way", width=320)
        folds = st.number_input("Folds", 3, 20, 5, key="field_folds", width=110, disabled=way != "folds")
        seeds = st.number_input("Seeds", 1, 20, 1, key="field_seeds", width=110)
        names = list(BACKBONES)
        backbone = st.selectbox(
            "Features of", names, index=names.index(SMALL) if drawn else 0, key="field_backbone", width=300,
            format_func=lambda name: BACKBONES[name].title,
        )  # fmt: skip
        usual = FieldPlan.model_fields["epochs"].default
        epochs = st.number_input("Epochs", 2, 1000, usual, key="field_epochs", width=110)
    if way == "bags":
        st.warning(literal(UNGROUPED), icon=":material/warning:")
    if st.button("Compare methods", type="primary", icon=":material/leaderboard:", key="field_start"):
        choices: dict[str, Any] = {
            "methods": chosen, "seeds": list(range(int(seeds))), "epochs": int(epochs),
            "folds": int(folds) if way == "folds" else None, "split": "bags" if way == "bags" else "patient",
        }  # fmt: skip
        with refusals(), st.spinner("Checking"):
            lab().field.start(project_id, choices, backbone)
            say_next_run("The comparison is queued")
            st.rerun()
