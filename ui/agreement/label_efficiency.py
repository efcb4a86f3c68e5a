"""How many labels are enough: agreement against the number of labels for each sampling plan, on simulated slides."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.labels.label_efficiency import QUOTA, replayed_plans
from ui.shell import theme, words
from ui.shell.session import lab

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmdnet.labels.efficiency_result import EfficiencyResult

RANDOM_COLOUR = "#6b7278"
COLOURS = ("#56b4e9", "#0072b2", "#cc79a7", "#d55e00", "#009e73", "#e69f00")  # Okabe and Ito 2008, in the plans' order
SHOWN = ("random", "stratified", "uncertain", "rare")
BUDGET = 400


@dataclass(frozen=True, slots=True)
class Line:
    """How a plan's curve is named and drawn."""

    title: str
    colour: str
    dash: str = "solid"


def lines() -> dict[str, Line]:
    """A line for each plan of the results, in their order."""
    drawn, colours = {}, cycle(COLOURS)
    for name, plan in replayed_plans().items():
        if name == QUOTA:
            drawn[name] = Line("Random, as many of each slide", RANDOM_COLOUR, "dot")
        else:
            drawn[name] = Line(plan.title, RANDOM_COLOUR if name == "random" else next(colours))
    return drawn


def label_efficiency_section() -> None:
    """A closed section with the curves, drawn once it is opened; nothing where no result can be read."""
    result = lab().label_efficiency.newest()
    if result is None:
        return
    with st.expander("How many labels are enough?", key="label_efficiency_fold", on_change="rerun") as box:
        if box.open:
            _curves(result)


def _curves(result: EfficiencyResult) -> None:
    """The curves of what is chosen, and what was measured."""
    measured = next(iter(result.plans.values())).tasks
    names = {"mean": "All features"} | {task.name: task.title for task in SHOWN_TASKS if task.name in measured}
    drawn = lines()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        what = st.selectbox("Feature", list(names), format_func=names.__getitem__, key="efficiency_task", width=220)
        plans = st.multiselect(
            "Plans", [plan for plan in drawn if plan in result.plans], default=list(SHOWN),
            format_func=lambda plan: drawn[plan].title, key="efficiency_plans",
        )  # fmt: skip
    theme.show_figure(
        label_efficiency_figure(result, what, plans), key="label_efficiency", alt="Agreement against labels, by plan"
    )
    st.caption(label_efficiency_words(result))


def label_efficiency_figure(result: EfficiencyResult, what: str, plans: list[str]) -> go.Figure:
    """Mean curves over seeds with their 95 % intervals as bands."""
    drawn = lines()
    made = theme.figure("Labels", "Quadratic κ on held-out patients", height=330)
    for plan in plans:
        line = drawn[plan]
        of_plan = result.plans[plan]
        curve = of_plan.kappa if what == "mean" else of_plan.tasks[what]
        band = [*curve.high, *reversed(curve.low)]
        made.add_scatter(
            x=[*result.labels, *reversed(result.labels)], y=band, fill="toself", fillcolor=line.colour,
            opacity=0.12, line={"width": 0}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
        made.add_scatter(
            x=result.labels, y=curve.mean, name=line.title, mode="lines", hovertemplate="%{y:.2f}",
            line={"color": line.colour, "dash": line.dash, "width": 2},
        )  # fmt: skip
    made.update_yaxes(range=[0.3, 1.0] if what in ("mean", "steatosis") else [0.0, 1.0])
    return made


def label_efficiency_words(result: EfficiencyResult) -> str:
    """What the curves are, what they came to, and what they are not."""
    best = ""
    if active := result.best_active(BUDGET):
        plan, needed = active
        high = "never reached in some draws" if needed.high is None else words.share(needed.high)
        best = (
            f"**{lines()[plan].title}** needed {words.share(needed.value)} ({words.share(needed.low)} to {high}) of "
            f"the labels that random choice needs for what {BUDGET} random labels reach. "
        )
    return (
        f"{best}Simulated slides: {result.patches:,} patches of {result.patients} patients, a third of them held "
        f"out, {result.seeds} seeds (bands: 95 %). A reader who is never wrong labels what the plan asks for, a "
        "fifth of it at random; a small grade head is trained on the demo backbone, which stays as it is. Real tissue "
        "and readers will need more labels; which plan needs fewer is what carries over."
    )
