"""What the Methods page is made of before there is a result: which methods, how they are trained and tested."""

from __future__ import annotations

import streamlit as st

from mmdnet.experiments.field.plan import TABLE_2, UNGROUPED, FieldPlan
from mmdnet.nn.baselines.registry import BASELINES, MMD_NET
from mmdnet.nn.kinds import ALPHAS
from mmdnet.nn.registry import BACKBONES, SMALL
from ui.shell.literal import literal
from ui.shell.session import lab, refusals, say_next_run

CAPTIONS = {
    "methods": "Every method learns from the same bags of the same frozen features and is tested on the same patients, "
    "in the background; stopped, it goes on without repeating a finished training. With EfficientNet-Lite0 the "
    "features take the longest.",
    "backbones": "One method learns on the frozen features of each backbone in turn, from the same bags and tested on "
    "the same patients. A backbone without weights in this lab is random: fetch them on the Train page. A backbone "
    "that cannot be used is named, and the others go on.",
    "ablation": "The heads of the paper's Table 2 on the same frozen features: DA-MIL, a network for each feature "
    "alone; MTL-MIL, all features and no domain part; MMD-Net, both; and MMD-Net with the fourth task, whether a bag "
    "holds a patch that readers set aside (left out where none is).",
    "alpha": "One method with each strength of its domain part, judged on validation patients, so that a strength can "
    "be chosen while the test patients stay unseen.",
    "slides": "As above, and then each slide is graded by its highest bag, by a network that saw nothing of its "
    "patient.",
}
WAYS = {
    "folds": "every patient once, in folds",
    "patient": "6 : 2 : 2, patients kept apart",
    "bags": "6 : 2 : 2, bags at random (as the paper)",
}
WAYS_OF = {"methods": tuple(WAYS), "ablation": ("patient", "folds"), "alpha": ("patient", "folds")}
ROWS = {
    "methods": "Methods",
    "ablation": "Ablation (Table 2)",
    "backbones": "Backbones (Table 3)",
    "slides": "Methods by slide (Table 4)",
    "alpha": "Domain strength",
}
SAID = {"backbones": "Compare backbones", "alpha": "Compare strengths"}


def compare_form(project_id: int, drawn: bool) -> None:
    """The choices and the button. `drawn`: the project's slides are simulated."""
    rows = st.segmented_control(
        "Compare", list(ROWS), format_func=ROWS.__getitem__, default="methods", required=True, key="field_rows"
    )
    choices, backbone = _choices(rows, drawn)
    if st.button(
        literal(SAID.get(rows, "Compare methods")), type="primary", icon=":material/leaderboard:", key="field_start"
    ):
        with refusals(), st.spinner("Checking"):
            lab().field.start(project_id, choices, backbone)
            say_next_run("The comparison is queued")
            st.rerun()


def _choices(rows: str, drawn: bool) -> tuple[dict[str, object], str | None]:
    """Choices of `FieldPlan`, and the one backbone where methods are compared."""
    st.caption(literal(CAPTIONS[rows]))
    choices: dict[str, object] = {"unit": "slide" if rows == "slides" else "bag"}
    if rows == "backbones":
        choices["backbones"] = st.multiselect(
            "Backbones", list(BACKBONES), format_func=lambda name: BACKBONES[name].title, key="field_backbones",
            placeholder="All of them",
        ) or list(BACKBONES)  # fmt: skip
    elif rows == "ablation":
        choices["methods"] = list(TABLE_2)
    elif rows == "alpha":
        choices |= {"alphas": list(ALPHAS), "judged": "validation"}
    else:
        choices["methods"] = st.multiselect(
            "Methods", list(BASELINES), format_func=lambda name: f"{BASELINES[name].title} · {BASELINES[name].paper}",
            key="field_methods", placeholder="All of them",
        )  # fmt: skip
    ways = list(WAYS_OF.get(rows, ("folds",)))
    backbone = None
    with st.container(horizontal=True):
        asked = "Validated on" if rows == "alpha" else "Tested on"
        way = st.selectbox(asked, ways, format_func=WAYS.__getitem__, key="field_way", width=320)
        folds = st.number_input("Folds", 3, 20, 5, key="field_folds", width=110, disabled=way != "folds")
        seeds = st.number_input("Seeds", 1, 20, 1, key="field_seeds", width=110)
        usual = FieldPlan.model_fields["epochs"].default
        epochs = st.number_input("Epochs", 2, 1000, usual, key="field_epochs", width=110)
        if rows in {"backbones", "alpha"}:
            choices["methods"] = [_method(of_domains=rows == "alpha")]
        if rows != "backbones":
            backbone = _backbone(drawn)
    if way == "bags":
        st.warning(literal(UNGROUPED), icon=":material/warning:")
    choices |= {
        "seeds": list(range(int(seeds))), "epochs": int(epochs),
        "folds": int(folds) if way == "folds" else None, "split": "bags" if way == "bags" else "patient",
    }  # fmt: skip
    return choices, backbone


def _method(of_domains: bool) -> str:
    """One method; `of_domains`: of those that have a domain part."""
    names = [name for name, entry in BASELINES.items() if entry.adversary or not of_domains]
    return st.selectbox(
        "Method", names, index=names.index(MMD_NET), format_func=lambda name: BASELINES[name].title,
        key="field_head", width=300,
    )  # fmt: skip


def _backbone(drawn: bool) -> str:
    names = list(BACKBONES)
    return st.selectbox(
        "Features of", names, index=names.index(SMALL) if drawn else 0, key="field_backbone", width=350,
        format_func=lambda name: BACKBONES[name].title,
    )  # fmt: skip
