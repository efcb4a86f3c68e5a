"""Trainings beside one another: their curves over each other, and in what their configurations differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.training.config import describe
from ui.shell import words
from ui.shell.jobs import made_at, took
from ui.shell.literal import in_figure, plain
from ui.shell.session import lab
from ui.shell.theme import figure, show_figure

if TYPE_CHECKING:
    from mmdnet.nn.card import ModelCard
    from mmdnet.workflows.training.views import RunView

MOST = 6
COLOURS = ("#0f9488", "#8b6bc6", "#c98110", "#3d7ab8", "#b05c6d", "#6f7a83")  # 3:1 or more on either ground
LOSS = "validation_loss"
SAME_FIRST = "Differs"


def compare(runs: Sequence[RunView]) -> None:
    """A fold in which trainings are chosen; drawn once it is opened."""
    if len(runs) < 2:
        return
    with st.expander("Compare trainings", key="compare_runs", on_change="rerun") as box:
        if not box.open:
            return
        by_id = {run.id: run for run in runs}
        names = words.told_apart({run.id: f"{plain(run.name)} · {made_at(run.created_at)}" for run in runs})
        chosen = st.multiselect(
            "Trainings", list(by_id), default=list(by_id)[:2], max_selections=MOST, key="compared_runs",
            format_func=names.__getitem__,
        )  # fmt: skip
        if len(chosen) < 2:
            st.caption("Choose two or more.")
            return
        shown = [by_id[key] for key in chosen]
        names = _names(shown)
        histories = {run.id: lab().training.history(run.id) for run in shown}
        models = {run.id: lab().models.get(run.model_id).card for run in shown if run.model_id is not None}
        _curves(shown, names, histories)
        _table(shown, names, histories, models)


def _names(runs: Sequence[RunView]) -> dict[int, str]:
    """What each is called here: its name, with its number where two are called alike."""
    given = [run.name for run in runs]
    return {run.id: f"{run.name} ({run.id})" if given.count(run.name) > 1 else run.name for run in runs}


def mean_kappa(row: Mapping[str, float]) -> float | None:
    """Mean weighted kappa of an epoch's validation over the features it was measured in."""
    known = [value for task in SHOWN_TASKS if (value := row.get(f"validation_kappa_{task.name}")) is not None]
    return sum(known) / len(known) if known else None


def _curves(
    runs: Sequence[RunView], names: Mapping[int, str], histories: Mapping[int, Sequence[Mapping[str, float]]]
) -> None:
    for title, key, value in (("Validation loss", "compared_loss", lambda row: row.get(LOSS)),
                              ("Mean weighted κ, validation bags", "compared_kappa", mean_kappa),
                              ("Learning rate", "compared_rate", lambda row: row.get("learning_rate"))):  # fmt: skip
        made = figure("Epoch", title, height=240)
        for colour, run in zip(COLOURS, runs, strict=False):
            rows = histories[run.id]
            made.add_scatter(
                x=[row.get("epoch", number) for number, row in enumerate(rows, start=1)],
                y=[value(row) for row in rows], name=in_figure(names[run.id]), mode="lines+markers",
                line={"color": colour, "width": 2}, marker={"size": 5},
            )  # fmt: skip
        show_figure(made, key, f"{title} by epoch, a line for each training")


def differences(
    runs: Sequence[RunView],
    histories: Mapping[int, Sequence[Mapping[str, float]]],
    models: Mapping[int, ModelCard],
) -> list[list[str]]:
    """Rows of the table: what, whether it differs, then a cell for each training; what differs comes first.

    Args:
        runs: that are compared.
        histories: an entry an epoch, by run.
        models: cards of those that have a model, by run.
    """
    cells = [
        _best(histories[run.id])
        | {
            "Agreement with readers": _agreement(models.get(run.id)),
            "Took": (took(run.job) if run.job else "") or words.NOTHING,
        }
        | {"Patch labels, SHA-256": str(run.label_set.get("sha256", ""))[:12]}
        | {"Labelled patches": str(run.label_set.get("patches", words.NOTHING))}
        | describe(run.choices)
        for run in runs
    ]
    titles = list(dict.fromkeys(title for known in cells for title in known))
    rows = []
    for title in titles:
        said = [known.get(title, words.NOTHING) for known in cells]
        rows.append([title, "≠" if len(set(said)) > 1 else "", *said])
    return sorted(rows, key=lambda row: row[1] == "")


def _best(rows: Sequence[Mapping[str, float]]) -> dict[str, str]:
    """The validation of the epoch whose mean kappa was highest, the feature's kappas and the loss beside it."""
    known = [(kappa, number) for number, row in enumerate(rows) if (kappa := mean_kappa(row)) is not None]
    best, place = max(known, key=lambda pair: pair[0], default=(None, -1))
    row = rows[place] if known else {}

    def figure_of(value: float | None, digits: int = 2) -> str:
        return words.NOTHING if value is None else f"{value:.{digits}f}"

    return {
        "Best mean κ": figure_of(best),
        **{f"κ of that epoch, {task.title.lower()}": figure_of(row.get(f"validation_kappa_{task.name}"))
           for task in SHOWN_TASKS},
        "Loss of that epoch": figure_of(row.get(LOSS), 3),
        "Best epoch": figure_of(row.get("epoch", place + 1), 0) if known else words.NOTHING,
    }  # fmt: skip


def _agreement(card: ModelCard | None) -> str:
    from mmdnet.scoring.validity import agreement_words, checks_of

    return words.NOTHING if card is None else agreement_words(checks_of(card)) or "not known"


def _table(
    runs: Sequence[RunView],
    names: Mapping[int, str],
    histories: Mapping[int, Sequence[Mapping[str, float]]],
    models: Mapping[int, ModelCard],
) -> None:
    import pandas as pd

    rows = differences(runs, histories, models)
    columns = ["What", SAME_FIRST, *(plain(names[run.id]) for run in runs)]
    table = pd.DataFrame([[plain(cell) for cell in row] for row in rows], columns=columns)
    st.dataframe(
        table.style.apply(lambda row: ["font-weight: 650" if row[SAME_FIRST] else ""] * len(row), axis=1),
        hide_index=True, height=420, key="compared_table",
        alt="What these trainings were made of, the differences first",
    )  # fmt: skip
