"""A finished comparison of methods: kappas with intervals, ranks, matrices, curves, cost, files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.experiments.field.comparison import MEAN, Comparison
from mmdnet.experiments.field.files import (
    KINDS,
    by_mean,
    compared,
    cost_table,
    definitions,
    facts,
    feature_table,
    kappa_table,
    published_table,
    rank_table,
    shows_published,
    split_table,
    title_of,
    too_few,
    written,
)
from mmdnet.labels.grading import task as task_called
from mmdnet.scoring.palette import GRADE_RAMPS
from ui.evaluate.figures import NAS_COLOUR, OWN_COLOUR, REFERENCE, reliability_curves
from ui.evaluate.result import FILE_WORDS, show_table
from ui.models.runs_compared import COLOURS
from ui.shell import theme
from ui.shell.literal import in_figure, literal, plain
from ui.shell.session import lab

MOST_CURVES = 6
CURVES = (("loss", "Training loss", ".3f"), ("kappa", "Mean κ, validation", ".3f"), ("rate", "Learning rate", ".1e"))

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plotly.graph_objects import Figure

    from mmdnet.workflows.evaluation.views import EvaluationHead


@st.cache_resource(show_spinner="Comparing", max_entries=4)
def _compared(job_id: str) -> Comparison:
    """A finished comparison with what was computed of it: its file is never written anew."""
    return Comparison(lab().field.get(job_id))


def show(head: EvaluationHead) -> None:
    """All of a finished comparison, the answer first."""
    try:
        comparison = _compared(head.id)
    except LabError as refusal:
        st.error(literal(str(refusal)), icon=":material/error:")
        return
    result = comparison.result
    weak = too_few(result)
    if weak:
        st.warning(literal(weak), icon=":material/warning:")
    for sentence in facts(result):
        if sentence != weak:
            st.caption(literal(sentence))
    kappa_figure(comparison)
    show_table(kappa_table(comparison))
    st.caption(literal(compared(result)))
    beside = result.kept_apart()
    if beside is not None:
        show_table(split_table(comparison, Comparison(beside)))
    if shows_published(result):
        show_table(published_table(result))
    if comparison.ranks is not None:
        st.markdown("## Ranks")
        rank_figure(comparison)
        show_table(rank_table(comparison))
    st.markdown("## Each feature")
    task = st.segmented_control(
        "Feature", comparison.tasks, default=comparison.tasks[0], required=True, key="field_task",
        format_func=lambda key: task_called(key).title,
    )  # fmt: skip
    show_table(feature_table(comparison, task))
    row = result.plan.rows.capitalize()
    method = st.selectbox(row, by_mean(comparison), format_func=title_of, key="field_method", width=420)
    left, right = st.columns(2, gap="large")
    with left:
        confusion_figure(comparison, method, task)
    with right:
        if any(cell.curve for cell in result.cells):
            curve_figure(comparison, method)
    curves = {name: comparison.reliability(method, name) for name in comparison.tasks}
    reliability_curves(curves, result.plan.unit, "field_reliability")
    st.markdown("## Mean over features")
    show_table(feature_table(comparison, MEAN))
    if any(cell.curve for cell in result.cells):
        curves_beside(comparison)
    st.markdown("## Cost")
    show_table(cost_table(result))
    minutes = sum(cell.cost.train_processor_s for cell in result.cells) / 60
    st.caption(
        f"All trainings together: {minutes:.1f} processor-minutes of the heads alone; features were computed "
        "once for all of them. A step is a training step: weights, gradients, AdamW's moments and what is kept for the "
        "way back."
    )
    with st.container(horizontal=True):
        for kind in KINDS:
            st.download_button(
                FILE_WORDS[kind], written(comparison, kind), f"methods-{head.id[:8]}.{kind}", key=f"field_{kind}",
                icon=":material/download:", on_click="ignore",
            )  # fmt: skip
    with st.expander("What the figures mean"):
        st.markdown("\n".join(f"- **{literal(term)}**: {literal(said)}" for term, said in definitions(result)))


def curves_beside(comparison: Comparison) -> None:
    """Loss, validation kappa and learning rate of chosen rows over each other."""
    st.markdown("## Curves beside one another")
    rows = by_mean(comparison)
    reference = comparison.result.plan.reference
    usual = list(dict.fromkeys([*rows[: MOST_CURVES // 2], reference]))
    chosen = st.multiselect(
        comparison.result.plan.rows.capitalize() + "s", rows, default=[row for row in usual if row in rows],
        format_func=title_of, max_selections=MOST_CURVES, key="field_curves",
    )  # fmt: skip
    if not chosen:
        st.caption("Choose one or more.")
        return
    for name, title, digits in CURVES:
        beside_figure(comparison, chosen, name, title, digits)
    st.caption(
        "Mean over seeds or folds that were still training. The configuration is the same for all but what the row "
        "names. TensorBoard reads the same numbers in the folder tensorboard beside each comparison's trainings."
    )


def beside_figure(comparison: Comparison, rows: Sequence[str], name: str, title: str, digits: str) -> None:
    """One of an epoch's numbers, a line for each row."""
    made = theme.figure("Epoch", title, height=240)
    for colour, row in zip(COLOURS, rows, strict=False):
        values = comparison.curve(row, name)
        made.add_scatter(
            x=list(range(1, len(values) + 1)), y=values, mode="lines", name=in_figure(title_of(row)),
            line={"color": colour, "width": 2},
            hovertemplate=f"{in_figure(title_of(row))}: %{{y:{digits}}}<extra></extra>",
        )  # fmt: skip
    _whole_epochs(made, max(len(comparison.curve(row, name)) for row in rows))
    made.update_layout(hovermode="closest")
    theme.show_figure(made, key=f"field_beside_{name}", alt=f"{title} by epoch, a line for each chosen row")


def kappa_figure(comparison: Comparison) -> None:
    """Mean quadratic kappa of each method with its interval, the best on top; the reference stands out."""
    methods = by_mean(comparison)
    made = theme.figure("Mean quadratic κ", "", height=90 + 26 * len(methods))
    for row, method in enumerate(methods):
        spread = comparison.spread(method, MEAN)
        if spread.mean is None:
            continue
        bars = None
        if spread.low is not None and spread.high is not None:
            bars = {
                "type": "data", "symmetric": False, "array": [spread.high - spread.mean],
                "arrayminus": [spread.mean - spread.low], "thickness": 1.5,
            }  # fmt: skip
        own = method == comparison.result.plan.reference
        made.add_scatter(
            x=[spread.mean], y=[row], mode="markers", error_x=bars,
            marker={"size": 11, "color": OWN_COLOUR if own else NAS_COLOUR, "symbol": "diamond" if own else "circle"},
            hovertemplate=f"{in_figure(title_of(method))}: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    made.update_xaxes(range=[-0.3, 1.02], zeroline=True, rangemode="normal")
    made.update_yaxes(
        tickvals=list(range(len(methods))), ticktext=[in_figure(title_of(name)) for name in methods],
        range=[len(methods) - 0.5, -0.5], showgrid=False, zeroline=False,
    )  # fmt: skip
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})
    theme.show_figure(made, key="field_kappa", alt="Mean quadratic kappa of each method with its 95 % interval")


def rank_figure(comparison: Comparison) -> None:
    """Critical-difference diagram: mean ranks on a line; the bar is as long as two must be apart to differ."""
    ranks = comparison.ranks
    assert ranks is not None
    ordered = sorted(ranks.mean.items(), key=lambda pair: pair[1])
    made = theme.figure("Mean rank (1 is best)", "", height=110 + 20 * len(ordered))
    for row, (method, rank) in enumerate(ordered):
        made.add_scatter(
            x=[rank, rank],
            y=[0, row + 1],
            mode="lines",
            line={"color": REFERENCE, "width": 0.5},
            opacity=0.4,
            hoverinfo="skip",
        )
        left = rank > (len(ordered) + 1) / 2  # a name stands where there is room for it, on a tablet, too
        made.add_scatter(
            x=[rank], y=[row + 1], mode="markers+text", text=[f"  {in_figure(title_of(method))} {rank:.2f}  "],
            textposition="middle left" if left else "middle right", marker={"size": 7, "color": NAS_COLOUR},
            hovertemplate=f"{in_figure(title_of(method))}: %{{x:.2f}}<extra></extra>",
        )  # fmt: skip
    best = ordered[0][1]
    made.add_scatter(
        x=[best, best + ranks.critical_difference], y=[-0.6, -0.6], mode="lines",
        line={"color": OWN_COLOUR, "width": 5}, hoverinfo="skip",
    )  # fmt: skip
    made.update_xaxes(range=[0.5, max(len(ordered), best + ranks.critical_difference) + 0.5], rangemode="normal")
    made.update_yaxes(showticklabels=False, showgrid=False, zeroline=True, range=[len(ordered) + 0.7, -1.2])
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})
    theme.show_figure(made, key="field_ranks", alt="Critical-difference diagram of the methods' mean ranks")
    st.caption(
        f"Bar: the critical difference, {ranks.critical_difference:.2f}, from the best; methods beyond its end are "
        "told apart from the best at 5 %. Parts share patients, so it is shorter than it should be."
    )


def confusion_figure(comparison: Comparison, method: str, task: str) -> None:
    """Bags or slides by true grade and what the method said, over all parts."""
    unit = comparison.result.plan.unit
    table = comparison.confusion(method, task)
    made = theme.counts_figure(
        table.tolist(), GRADE_RAMPS[task], "Method", "Truth", height=320,
        hover=f"true %{{y}}, said %{{x}}: %{{z}} {unit}s<extra></extra>",
    )  # fmt: skip
    theme.show_figure(
        made, key="field_confusion", alt=f"{plain(task_called(task).title)}: {unit}s by true and said grade"
    )


def curve_figure(comparison: Comparison, method: str) -> None:
    """Loss and validation kappa by epoch, a line for each part."""
    made = theme.figure("Epoch", "κ of validation, loss", height=320)
    for cell in comparison.result.cells:
        if cell.method != method:
            continue
        epochs = list(range(1, len(cell.curve) + 1))
        made.add_scatter(
            x=epochs, y=[epoch.kappa for epoch in cell.curve], mode="lines", name=f"κ, {in_figure(cell.part)}",
            line={"color": NAS_COLOUR},
        )  # fmt: skip
        made.add_scatter(
            x=epochs, y=[epoch.loss for epoch in cell.curve], mode="lines", name=f"loss, {in_figure(cell.part)}",
            line={"color": REFERENCE, "dash": "dot"},
        )  # fmt: skip
    _whole_epochs(made, max(len(cell.curve) for cell in comparison.result.cells))
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})
    theme.show_figure(made, key="field_curve", alt="Training loss and validation kappa by epoch")
    st.caption("Solid: mean κ of the validation patients; dotted: training loss. A line for each seed or fold.")


def _whole_epochs(made: Figure, epochs: int) -> None:
    """Ticks at whole epochs, from the first."""
    apart = max(1, -(-epochs // 10))
    made.update_xaxes(rangemode="normal", tick0=1, dtick=apart, range=[0.9, max(2, epochs) + 0.1])
