"""What the Evaluate page is made of before there is a result: graded slides, a model or folds to judge, what runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.nn.registry import SMALL
from ui.models.score import choose_rule
from ui.shell import words
from ui.shell.jobs import job_card, made_at
from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.theme import chip

if TYPE_CHECKING:
    from mmdnet.labels.slide_truth import SlideTruth
    from mmdnet.workflows.evaluation.views import EvaluationHead
    from mmdnet.workflows.scoring.views import ModelView

KINDS = ("evaluate", "cross_validate")
LEFT_OUT = {
    "patient": "parts of the patients",
    "site": "one site at a time",
    "staining_run": "one staining run at a time",
}


def graded_slides(truths: Sequence[SlideTruth], graded: Sequence[SlideTruth]) -> None:
    """How many slides carry which true grades."""
    patients = len({truth.person or truth.name for truth in graded})
    st.markdown(
        f"**{words.count(len(graded), 'graded slide')}** of {words.count(patients, 'patient')}, "
        f"of {words.count(len(truths), 'slide')} in this project"
    )
    rows = []
    for task in SHOWN_TASKS:
        given = Counter(truth.grades[task.name] for truth in graded)
        cells = "".join(
            f'<span class="mmd-row mmd-small">{chip(task.name, grade.value)}{given[grade.value]}</span>'
            for grade in task.grades
        )
        rows.append(f"<tr><td>{task.title}</td><td><span class='mmd-row mmd-counts'>{cells}</span></td></tr>")
    st.html(f'<table class="mmd-criteria">{"".join(rows)}</table>')


def judge_a_model(project_id: int, models: Sequence[ModelView]) -> None:
    """Which model, what it would be judged by, and the button."""
    names = words.names_of(models)
    model_id = st.selectbox("Model", list(names), format_func=names.__getitem__, key="evaluate_model", width=420)
    rule = choose_rule("evaluate_rule")
    plan = lab().evaluations.plan(project_id, model_id)
    left = [
        (len(plan.learnt_from), "the model learnt from or was calibrated on"),
        (len(plan.of_learnt_patients), "of patients it learnt from"),
    ]
    apart = "".join(f"; {words.count(number, 'slide')} {literal(why)} kept apart" for number, why in left if number)
    st.caption(f"{words.count(len(plan.judged), 'slide')} to judge by{apart}.")
    for note in plan.notes:
        st.caption(literal(note))
    if plan.problem:
        st.warning(literal(plan.problem), icon=":material/warning:")
    if st.button(
        "Evaluate this model", type="primary", icon=":material/fact_check:", disabled=bool(plan.problem),
        key="evaluate_start",
    ):  # fmt: skip
        with refusals():
            lab().evaluations.start(project_id, model_id, rule)
            say_next_run("The evaluation is queued")
            st.rerun()


def cross_validate(project_id: int, graded: Sequence[SlideTruth], drawn: bool) -> None:
    """What is left out in turn, which backbone, and the button."""
    from mmdnet.nn.registry import BACKBONES
    from mmdnet.training.config import training_options

    st.caption(
        "A network is trained on all slides but a part, and judged on that part, in turn: each graded slide is judged "
        "once, by a network that saw nothing of its patient. It takes as long as so many trainings, in the background; "
        "stopped, it goes on without repeating a finished fold."
    )
    sites = {truth.site for truth in graded if truth.site}
    runs = {truth.staining_run for truth in graded if truth.staining_run}
    parts = [name for name, known in (("patient", 2), ("site", len(sites)), ("staining_run", len(runs))) if known > 1]
    with st.container(horizontal=True):
        by = st.selectbox("Leave out", parts, format_func=LEFT_OUT.__getitem__, key="fold_by", width=260)
        folds = st.number_input("Folds", 3, 20, 5, key="folds", width=120, disabled=by != "patient")
        names = list(BACKBONES)
        backbone = st.selectbox(
            "Backbone", names, index=names.index(SMALL) if drawn else 0, key="fold_backbone", width=400,
            format_func=lambda name: BACKBONES[name].title,
        )  # fmt: skip
        usual = next(option.default for option in training_options() if option.name == "epochs")
        epochs = st.number_input("Epochs", 1, 1000, usual, key="fold_epochs", width=120)
    if st.button("Cross-validate", type="primary", icon=":material/layers:", key="fold_start"):
        with refusals(), st.spinner("Checking"):
            choices = {"backbone": backbone, "epochs": int(epochs), "split_by": by, "folds": int(folds)}
            lab().cross_validation.start(project_id, choices)
            say_next_run("The cross-validation is queued")
            st.rerun()


def evaluation_jobs(project_id: int, kinds: Sequence[str] = KINDS) -> None:
    """Jobs of these kinds that go on, and the last one if it failed or was cancelled."""
    jobs = [job for job in lab().jobs.list(project_id) if job.kind in kinds]
    active = [job for job in jobs if job.active]
    if active:
        st.fragment(_watch, run_every=2.0)([job.id for job in active])
    elif jobs and jobs[0].status in {"failed", "cancelled"}:
        job_card(jobs[0])


def _watch(job_ids: Sequence[str]) -> None:
    jobs = [lab().jobs.get(job_id) for job_id in job_ids]
    for job in jobs:
        job_card(job)
    if not all(job.active for job in jobs):
        st.rerun()


def choose_evaluation(done: Sequence[EvaluationHead]) -> EvaluationHead:
    """Which finished evaluation is shown, the newest at first."""
    st.divider()
    known = {head.id: head for head in done}
    if len(known) == 1:
        return done[0]
    names = words.told_apart({head.id: f"{plain(head.title)}, {made_at(head.created_at)}" for head in done})
    chosen = st.selectbox("Result", list(names), format_func=names.__getitem__, key="evaluation", width=520)
    return known[chosen]
