"""What things look like, in one place: grade chips, grade and heat colours, the one template of every figure."""

from __future__ import annotations

from html import escape
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.files import data_uri
from mmdnet.labels.grading import SHOWN_TASKS, task
from mmdnet.reports.words import chance
from mmdnet.scoring.palette import GRADE_RAMPS, ink_on

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import plotly.graph_objects as go

FOOTER = "Research use only. Grades and scores made here are not a diagnosis."
EMPTY = "rgba(128, 128, 128, 0.12)"  # of a cell that nothing fell into, on either ground
_STYLES = Path(__file__).with_name("theme.css")


def apply_styles() -> None:
    """Send the shared style sheet; once per run, by the frame."""
    st.html(_STYLES)


def chip(task_name: str, grade: int | None, *, big: bool = False, text: str | None = None) -> str:
    """HTML of one grade: the digit on its task's colour, or an empty outline while unknown."""
    size = " big" if big else ""
    title = task(task_name).title
    if grade is None or grade < 0:
        return f'<span class="mmd-chip unknown{size}" title="{title}: unknown">–</span>'
    fill = GRADE_RAMPS[task_name][grade]
    words = escape(text if text is not None else str(grade))
    return (
        f'<span class="mmd-chip{size}" style="background:{fill};color:{ink_on(fill)}" title="{title} {grade}">'
        f"{words}</span>"
    )


def in_page(picture: bytes) -> str:
    """A JPEG or PNG as the address of itself, for `st.image`, so that no second request has to find it.

    Streamlit keeps bytes for such a request only while a session's script names them: one that is drawn anew names
    nothing until it comes by there again, and whichever script ends meanwhile has them deleted. A browser that asks
    then, as it does on a busy machine, gets a 404 and shows a broken picture until the page is reloaded. Besides, that
    address asks nobody who comes.
    """
    return data_uri(picture, "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg")


def ignored_chip() -> str:
    """HTML of a patch that a reader set to "ignore"."""
    return '<span class="mmd-chip ignored" title="ignored">&nbsp;</span>'


def grade_chips(grades: Mapping[str, int | None], *, big: bool = False) -> str:
    """HTML of the grades of all tasks, each with its letter: S 2  I 1  B 0."""
    parts = [
        '<span class="mmd-row mmd-unbroken">'
        f'<span class="mmd-muted">{feature.letter}</span>{chip(feature.name, grades.get(feature.name), big=big)}</span>'
        for feature in SHOWN_TASKS
    ]
    return f'<div class="mmd-row">{"".join(parts)}</div>'


def probability_bar(task_name: str, probabilities: Sequence[float]) -> str:
    """HTML of one bar cut into the probabilities of the grades, each in its colour with its digit."""
    pieces = []
    for grade, share in enumerate(probabilities):
        fill = GRADE_RAMPS[task_name][grade]
        digit = str(grade) if share >= 0.08 else ""
        pieces.append(
            f'<span style="flex:{max(share, 0.0):.4f};background:{fill};color:{ink_on(fill)}" '
            f'title="grade {grade}: {chance(share)}">{digit}</span>'
        )
    return f'<div class="mmd-bar">{"".join(pieces)}</div>'


def figure(x_title: str, y_title: str, height: int = 260) -> go.Figure:
    """An empty Plotly figure in the house's one template; the caller adds traces."""
    import plotly.graph_objects as go

    made = go.Figure()
    made.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 24, "b": 8},
        xaxis={"title": {"text": x_title}, "automargin": True, "rangemode": "tozero"},
        yaxis={"title": {"text": y_title}, "automargin": True},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hovermode="x unified",
        font={"size": 13},
    )
    return made


def counts_figure(
    counts: Sequence[Sequence[float]], fills: Sequence[str], x_title: str, y_title: str, *, hover: str, height: int
) -> go.Figure:
    """A matrix of how often which grade met which: rows `y_title`, columns `x_title`, darker where there are more.

    A pair that never met has the theme's own ground, and one that did none of the ramp's first, nearly white colour:
    on dark ground that would be the brightest of all.

    Args:
        counts: shape (grades, grades).
        fills: the ramp of the feature, lightest first.
        x_title: of the columns.
        y_title: of the rows.
        hover: Plotly's words of one cell.
        height: in pixels.
    """
    grades, inks = [str(grade) for grade in range(len(counts))], fills[1:]
    made = figure(x_title, y_title, height)
    made.add_heatmap(
        x=grades, y=grades, z=[[count or None for count in row] for row in counts], zmin=0, showscale=False, xgap=2,
        ygap=2, text=[[f"{count:g}" if count else "" for count in row] for row in counts], texttemplate="%{text}",
        colorscale=[[k / (len(inks) - 1), fill] for k, fill in enumerate(inks)], hovertemplate=hover,
        hoverongaps=False,
    )  # fmt: skip
    made.update_xaxes(type="category", constrain="domain", showgrid=False)
    made.update_yaxes(type="category", autorange="reversed", scaleanchor="x", rangemode="normal", showgrid=False)
    made.update_layout(margin={"t": 8}, hovermode="closest", plot_bgcolor=EMPTY)
    return made


def show_figure(made: go.Figure, key: str, alt: str) -> None:
    """Draw a figure without the toolbar clutter."""
    st.plotly_chart(made, key=key, config={"displayModeBar": False}, alt=alt)


def grade_styles(task_name: str, value: object) -> str:
    """CSS of a table cell that holds a grade, for a pandas Styler."""
    if not isinstance(value, int | float) or isnan(value) or value < 0:
        return ""
    fill = GRADE_RAMPS[task_name][int(value)]
    return f"background-color: {fill}; color: {ink_on(fill)}; font-weight: 600"
