"""Figures of an evaluation, readable on light and dark ground: agreement, matrices, parts, calibration, coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.evaluation.tables import titles
from mmdnet.labels.agreement import PUBLISHED
from mmdnet.scoring.palette import GRADE_RAMPS, TASK_COLOURS
from ui.shell import theme, words
from ui.shell.literal import in_figure, literal, plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mmdnet.evaluation.result import Breakdown, Evaluation, ReliabilityBin
    from mmdnet.labels.agreement import Estimate

NAS_COLOUR = "#5b7f95"
NAS_RAMP = ("#e6eef3", "#8fb0c4", "#2f5870")  # fills with a count on them: too dark for a mark on dark ground
OWN_COLOUR = "#c05621"  # the method that is looked at, beside others in the NAS's colour
REFERENCE = "#7d848a"


def colour_of(scale: str) -> str:
    """A task's colour; the NAS has one of its own."""
    return TASK_COLOURS.get(scale, NAS_COLOUR)


def agreement_figure(judged: Evaluation) -> None:
    """Quadratic kappa of each scale with its interval, published figures as rings."""
    names = list(judged.scales)
    made = theme.figure("Quadratic κ", "", height=90 + 44 * len(names))
    for row, name in enumerate(names):
        kappa = judged.scales[name].kappa_quadratic
        for study in PUBLISHED:
            if name in study.kappa:
                made.add_scatter(
                    x=[study.kappa[name]], y=[row], mode="markers",
                    marker={"size": 9, "symbol": "circle-open", "color": REFERENCE, "line": {"width": 1.5}},
                    hovertemplate=f"{in_figure(study.source)}: %{{x:.2f}}<extra></extra>",
                )  # fmt: skip
        if kappa.value is not None:
            made.add_scatter(
                x=[kappa.value], y=[row], mode="markers+text", text=[f"{kappa.value:.2f}"], textposition="top center",
                error_x=_whiskers(kappa), marker={"size": 11, "color": colour_of(name)},
                hovertemplate=f"{titles()[name]}: κ {_words(kappa)}<extra></extra>",
            )  # fmt: skip
    lowest = min((of.kappa_quadratic.value or 0.0 for of in judged.scales.values()), default=0.0)
    made.update_xaxes(range=[min(-0.15, lowest - 0.1), 1.05], zeroline=True, rangemode="normal")  # every dot is on it
    made.update_yaxes(
        tickvals=list(range(len(names))), ticktext=[titles()[name] for name in names], range=[len(names) - 0.5, -0.7],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})
    theme.show_figure(made, key="evaluation_kappa", alt="Quadratic kappa of each feature with its 95 % interval")
    st.caption(
        "Dots: this model with its 95 % interval, patients drawn. Rings: weighted κ as published, on other slides."
    )


def _whiskers(estimate: Estimate) -> dict[str, object] | None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    above, below = estimate.high - estimate.value, estimate.value - estimate.low
    return {"array": [above], "arrayminus": [below], "thickness": 2, "width": 4}


def _words(estimate: Estimate) -> str:
    if estimate.value is None:
        return words.NOTHING
    interval = "" if estimate.low is None else f" ({estimate.low:.2f} to {estimate.high:.2f})"
    return f"{estimate.value:.2f}{interval}"


def confusion_figures(judged: Evaluation) -> None:
    """A matrix for each scale: rows the truth, columns the model, darker where there are more slides."""
    st.markdown("### Truth and model, slide by slide")
    for pair in _in_twos(list(judged.scales)):
        for column, name in zip(st.columns(2, gap="large"), pair, strict=False):
            with column:
                _confusion(judged, name)


def _in_twos(names: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(names), 2):
        yield names[start : start + 2]


def _confusion(judged: Evaluation, name: str) -> None:
    counts = judged.scales[name].confusion
    made = theme.counts_figure(
        counts, GRADE_RAMPS.get(name, NAS_RAMP), f"{titles()[name]}: model", "truth", height=300,
        hover="truth %{y}, model %{x}: %{z} slides<extra></extra>",
    )  # fmt: skip
    theme.show_figure(made, key=f"evaluation_confusion_{name}", alt=f"{titles()[name]}: true grades and the model's")


def part_figure(breakdown: Breakdown, judged: Evaluation) -> None:
    """The mean error of each part, the worst on top, with the mean over all slides as a line."""
    parts = breakdown.parts
    shown = [part.value if len(part.value) <= 30 else f"{part.value[:29]}…" for part in parts]
    made = theme.figure("Mean error, grades", "", height=100 + 30 * len(parts))
    made.add_bar(
        x=[part.error for part in parts], y=list(range(len(parts))), orientation="h", marker={"color": NAS_COLOUR},
        text=[f"{part.error:.2f} · {words.count(part.slides, 'slide')}" for part in parts], textposition="auto",
        insidetextanchor="start", hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    errors = [of.mae.value for name, of in judged.scales.items() if name != "nas" and of.mae.value is not None]
    mean = sum(errors) / len(errors)
    made.add_vline(x=mean, line={"color": REFERENCE, "dash": "dot"})
    made.update_yaxes(
        tickvals=list(range(len(parts))), ticktext=[in_figure(name) for name in shown], range=[len(parts) - 0.4, -0.6],
        showgrid=False,
    )  # fmt: skip
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 8})
    theme.show_figure(made, key="evaluation_parts", alt=f"Mean error by {plain(breakdown.by)}, the worst first")
    st.caption(f"Dotted: the mean over all slides, {mean:.2f} grades.")


def reliability_figure(judged: Evaluation) -> None:
    """How often the favoured grade is right, by the probability it was given."""
    curves = {name: of.reliability for name, of in judged.scales.items() if of.reliability}
    reliability_curves(curves, "slide", "evaluation_reliability")


def reliability_curves(curves: Mapping[str, Sequence[ReliabilityBin]], unit: str, key: str) -> None:
    """Calibration curves by scale; `unit` is what was judged."""
    made = theme.figure("Probability of the favoured grade", "Share right", height=320)
    made.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": REFERENCE, "dash": "dot", "width": 1}, showlegend=False,
        hoverinfo="skip",
    )  # fmt: skip
    for name, bins in curves.items():
        made.add_scatter(
            x=[part.probability for part in bins], y=[part.right for part in bins], mode="lines+markers",
            name=titles()[name], line={"color": colour_of(name)},
            marker={"size": [6 + min(part.slides, 40) ** 0.5 * 2 for part in bins]},
            customdata=[part.slides for part in bins],
            hovertemplate=f"given %{{x:.2f}}, right %{{y:.2f}}, %{{customdata}} {unit}s",
        )  # fmt: skip
    made.update_xaxes(range=[0, 1.02])
    made.update_yaxes(range=[0, 1.05])
    made.update_layout(hovermode="closest", margin={"t": 40})
    theme.show_figure(made, key=key, alt="Calibration curve: probability given and share right")
    st.caption(
        f"On the dotted line probabilities are honest; below it the model is too sure. Larger dots: more "
        f"{literal(unit)}s."
    )


def coverage_figure(judged: Evaluation) -> None:
    """How often 90 % intervals hold the truth."""
    known = [(name, of.intervals) for name, of in judged.scales.items() if of.intervals is not None]
    made = theme.figure("", "Share of slides", height=320)
    for name, intervals in known:
        coverage = intervals.coverage
        bars = _whiskers(coverage)
        made.add_bar(
            x=[titles()[name]], y=[coverage.value], marker={"color": colour_of(name)}, error_y=bars,
            text=[f"{coverage.value:.2f}"], textposition="inside", insidetextanchor="start",
            hovertemplate=f"{titles()[name]}: {_words(coverage)}, {intervals.width:.1f} grades wide<extra></extra>",
        )  # fmt: skip
    made.add_hline(y=0.9, line={"color": REFERENCE, "dash": "dot"})
    made.update_yaxes(range=[0, 1.05])
    made.update_layout(showlegend=False, hovermode="closest", margin={"t": 40})
    theme.show_figure(made, key="evaluation_coverage", alt="Coverage of the 90 % intervals by feature")
    widths = ", ".join(f"{titles()[name]} {intervals.width:.1f}" for name, intervals in known)
    st.caption(f"Dotted: the 90 % they promise. Mean width in grades: {widths or words.NOTHING}.")
