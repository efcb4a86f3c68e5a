"""How many labels are enough: agreement against the number of labels for each sampling plan, on simulated slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import TASKS
from ui.shell import theme, words
from ui.shell.session import lab

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmdnet.labels.efficiency_result import EfficiencyResult

LINES = {  # plan: words, colour, dash
    "random": ("Random", "#6b7278", "solid"),
    "quota": ("Random, as many of each slide", "#6b7278", "dot"),
    "stratified": ("Even over kinds of tissue", "#56b4e9", "solid"),
    "uncertain": ("Uncertain first", "#0072b2", "solid"),
    "torn": ("Torn between two grades first", "#cc79a7", "solid"),
    "rare": ("Rare grades first", "#d55e00", "solid"),
}
SHOWN = ("random", "stratified", "uncertain", "rare")
BUDGET = 400


def economy_section() -> None:
    """A closed section with the curves, and what was measured; nothing where no result can be read."""
    result = lab().label_efficiency.newest()
    if result is None:
        return
    with st.expander("How many labels are enough?"):
        names = {"mean": "All three features"} | {task.name: task.title for task in TASKS}
        with st.container(horizontal=True, vertical_alignment="bottom"):
            what = st.selectbox("Feature", list(names), format_func=names.__getitem__, key="economy_task", width=220)
            plans = st.multiselect(
                "Plans", [plan for plan in LINES if plan in result.plans], default=list(SHOWN),
                format_func=lambda plan: LINES[plan][0], key="economy_plans",
            )  # fmt: skip
        theme.show_figure(economy_figure(result, what, plans), key="economy", alt="Agreement against labels, by plan")
        st.caption(economy_words(result))


def economy_figure(result: EfficiencyResult, what: str, plans: list[str]) -> go.Figure:
    """Mean curves over seeds with their 95 % intervals as bands."""
    made = theme.figure("Labels", "Quadratic κ on held-out patients", height=330)
    for plan in plans:
        title, colour, dash = LINES[plan]
        of_plan = result.plans[plan]
        curve = of_plan.kappa if what == "mean" else of_plan.tasks[what]
        band = [*curve.high, *reversed(curve.low)]
        made.add_scatter(
            x=[*result.labels, *reversed(result.labels)], y=band, fill="toself", fillcolor=colour, opacity=0.12,
            line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        made.add_scatter(
            x=result.labels, y=curve.mean, name=title, mode="lines", hovertemplate="%{y:.2f}",
            line={"color": colour, "dash": dash, "width": 2},
        )  # fmt: skip
    made.update_yaxes(range=[0.3, 1.0] if what in ("mean", "steatosis") else [0.0, 1.0])
    return made


def economy_words(result: EfficiencyResult) -> str:
    """What the curves are, what they came to, and what they are not."""
    best = ""
    if active := result.best_active(BUDGET):
        plan, needed = active
        high = "never reached in some draws" if needed.high is None else words.share(needed.high)
        best = (
            f"**{LINES[plan][0]}** needed {words.share(needed.value)} ({words.share(needed.low)} to {high}) of the "
            f"labels that random choice needs for what {BUDGET} random labels reach. "
        )
    return (
        f"{best}Simulated slides: {result.patches:,} patches of {result.patients} patients, a third of them held "
        f"out, {result.seeds} seeds (bands: 95 %). A reader who is never wrong labels what the plan asks for, a "
        "fifth of it at random; a small grade head is trained on the demo backbone, which stays as it is. Real tissue "
        "and readers will need more labels; which plan needs fewer is what carries over."
    )
