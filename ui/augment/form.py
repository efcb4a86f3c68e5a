"""The form of a new batch of synthetic patches: what it would make is said, with its calls, before it starts."""

from __future__ import annotations

import streamlit as st

from mmdnet.augment.choices import DiffusionChoices
from mmdnet.labels.grading import SHOWN_TASKS, task
from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.words import count, told_apart

USUAL = {name: info.default for name, info in DiffusionChoices.model_fields.items()}
AUTOMATIC = "automatic"
SIDES = (None, 512, 768)


def new_batch(project_id: int) -> None:
    """Parents, weights and settings; then what would be made, and only then the button that starts it."""
    choices = _parents() | _weights() | _settings() | _more(project_id)
    if st.button("What would be made?", icon=":material/fact_check:", key="augment_check"):
        st.session_state.pop("augment_checked", None)
        if not choices["weights"]:
            st.error("Name the folder of the weights first.", icon=":material/error:")
            return
        with refusals(), st.spinner("Reading the weights' folder and counting"):
            st.session_state["augment_checked"] = (project_id, choices, lab().augmenting.plan(project_id, choices))
    checked = st.session_state.get("augment_checked")
    if checked is None or checked[:2] != (project_id, choices):
        st.caption(
            "*What would be made?* says how many patches, and how often the diffusion model is called for them; then "
            "the button that starts it stands here."
        )
        return
    plan = checked[2]
    st.markdown("\n".join(f"- {literal(line)}" for line in plan.lines))
    for warning in plan.warnings:
        st.warning(literal(warning), icon=":material/warning:")
    if st.button(
        f"Start: {count(plan.all_calls, 'call')} for {count(plan.children, 'patch')}", type="primary",
        icon=":material/play_arrow:", key="augment_start",
    ):  # fmt: skip
        with refusals():
            lab().augmenting.start(project_id, choices)
            st.session_state.pop("augment_checked", None)
            say_next_run("Synthetic patches are queued")
            st.rerun()


def _parents() -> dict[str, object]:
    names = [shown.name for shown in SHOWN_TASKS]
    with st.container(horizontal=True):
        name = st.selectbox(
            "Feature", names, index=names.index(USUAL["task"]), format_func=lambda key: task(key).title,
            key="augment_task", width=150,
        )  # fmt: skip
        graded = task(name)
        least = st.selectbox(
            "Parents of grade", range(1, graded.highest + 1), key=f"augment_grade_{name}", width=125,
            format_func=lambda grade: f"{grade}" if grade == graded.highest else f"{grade} or more",
            help="Graded patches of the training slides of this project; none of a validation or test slide.",
        )  # fmt: skip
        children = st.number_input("Of each", 1, 8, USUAL["children"], key="augment_children", width=95)
    return {"task": name, "least_grade": least, "children": int(children)}


def _weights() -> dict[str, object]:
    named = st.text_input(
        "Weights",
        key="augment_weights",
        placeholder="a folder here, or owner/name fetched before",
        help="Stable Diffusion 1 or 2 as a diffusers folder in safetensors. It lies where the lab's slides may lie, or "
        "in the home's folder `weights`; a hub's id is looked up among what this machine has fetched. Nothing is "
        "fetched, and no weights come with the program: read the licence of those you use.",
    )
    return {"weights": named.strip()}


def _settings() -> dict[str, object]:
    with st.container(horizontal=True):
        strength = st.number_input(
            "Strength", 0.05, 1.0, USUAL["strength"], 0.05, key="augment_strength", width=120,
            help="How far a patch is led away from its parent. Beyond 0.3 it may lose what its grade rests on.",
        )  # fmt: skip
        guidance = st.number_input(
            "Guidance", 1.0, 20.0, USUAL["guidance"], 0.5, key="augment_guidance", width=120,
            help="How strictly the prompt is followed; 1 leaves it out.",
        )  # fmt: skip
        steps = st.number_input(
            "Steps", 1, 1000, USUAL["steps"], key="augment_steps", width=120,
            help="Of a whole denoising; strength takes its share of them.",
        )  # fmt: skip
    return {"strength": float(strength), "guidance": float(guidance), "steps": int(steps)}


def _more(project_id: int) -> dict[str, object]:
    with st.expander("More"):
        negatives = st.checkbox(
            "As many of grade 0", value=USUAL["negatives"], key="augment_negatives",
            help="Of the same slides, by the same pipeline; else *synthetic* would become a sign of the rare grade.",
        )  # fmt: skip
        prompt = st.text_input("Prompt", key="augment_prompt", placeholder="made from stain and grades of each parent")
        side = st.selectbox(
            "Made at", SIDES, format_func=lambda px: f"{px} px" if px else "what the weights were made for",
            key="augment_side",
        )  # fmt: skip
        device = st.selectbox("Computed on", ["auto", "cpu", "cuda", "mps"], key="augment_device")
        with st.container(horizontal=True):
            most = st.number_input("Parents at most", 1, 20_000, USUAL["most_parents"], key="augment_most", width=150)
            batch_size = st.number_input(
                "Images at once", 1, 64, USUAL["batch_size"], key="augment_batch", width=150,
                help="Halved by itself where memory is too small.",
            )  # fmt: skip
            seed = st.number_input("Seed", 0, 2**31 - 1, USUAL["seed"], key="augment_seed", width=150)
            split_seed = st.number_input(
                "Seed of the training", 0, 2**31 - 1, USUAL["split_seed"], key="augment_split_seed", width=190,
                help="Parents are patches of the slides that a training with this seed learns from.",
            )  # fmt: skip
        gate = _gate_model(project_id)
    given: dict[str, object] = {
        "negatives": negatives, "prompt": prompt.strip() or None, "side_px": side, "most_parents": int(most),
        "batch_size": int(batch_size), "device": device, "seed": int(seed), "split_seed": int(split_seed),
    }  # fmt: skip
    return given if gate == AUTOMATIC else given | {"gate_model": gate}


def _gate_model(project_id: int) -> int | str | None:
    known: dict[int | str | None, str] = {model.id: plain(model.name) for model in lab().models.list(project_id)}
    titles = told_apart({AUTOMATIC: "this project's newest", None: "none", **known})
    return st.selectbox(
        "Model whose grades must not change", list(titles), format_func=titles.__getitem__, key="augment_gate"
    )
