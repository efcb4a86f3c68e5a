"""One training as it goes: its picker, state, buttons, curves, and what it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.scoring.palette import TASK_COLOURS
from mmdnet.training.config import describe
from ui.shell import words
from ui.shell.jobs import made_at, progress_line, state_badge, took
from ui.shell.literal import code, literal, plain
from ui.shell.session import lab, open_page, pick_linked, refusals
from ui.shell.theme import figure, show_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmdnet.nn.card import ModelCard
    from mmdnet.workflows.training.views import RunView


def run_picker(runs: Sequence[RunView]) -> RunView:
    """Which of the project's trainings to show."""
    names = {run.id: f"{plain(run.name)} · {made_at(run.created_at)}" for run in runs}
    lost = "The training this link names is not in this project. Choose one of its trainings."
    shown = pick_linked("run", "Training", names, lost, placeholder="Choose a training")
    return next(run for run in runs if run.id == shown)


def run_view(run: RunView, manages: bool) -> None:
    """One training: redrawn every two seconds while it goes on; with its buttons for who manages the project."""
    active = run.job is not None and run.job.active
    st.fragment(_run_view, run_every=2.0 if active else None)(run.id, active, manages)


def _run_view(run_id: int, was_active: bool, manages: bool) -> None:
    run = lab().training.get(run_id)
    job = run.job
    if job is None:
        st.warning("This training was never queued. Start a new one.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        state_badge(job)
        if manages:
            _run_buttons(run)  # before the page is asked to draw anew, which drops a press that came meanwhile
    if was_active and not job.active:
        st.rerun()
    if job.active:
        st.progress(min(max(job.share_done, 0.0), 1.0), text=progress_line(job))
        if expected := run.label_set.get("expected"):
            st.caption(f"Estimated before it began, for a machine with nothing else to do: {literal(expected)}")
        st.caption("It goes on in the background; this page can be left or closed.")
    elif job.failure:
        st.error(literal(job.failure), icon=":material/error:")
    elif lasted := took(job):
        st.caption(f"Took {literal(lasted)}")
    card = lab().models.get(run.model_id).card if run.model_id is not None and not job.active else None
    if card is not None:
        _verdict(card)
    history = lab().training.history(run_id)
    if history:
        _ended_early(run, len(history))
        _curves(run_id, history, card)
    elif job.status == "running":
        st.caption("The curves begin with the first finished epoch.")
    _provenance(run)
    with st.expander("Log", key=f"log_{run_id}", on_change="rerun") as box:
        if box.open:
            st.code(lab().training.log(run_id) or "Nothing written yet.", language=None, height=280)


def _ended_early(run: RunView, epochs: int) -> None:
    """Why fewer epochs were done than asked for."""
    asked, patience = run.choices.get("epochs"), run.choices.get("patience")
    if run.job is not None and run.job.status == "done" and isinstance(asked, int) and epochs < asked:
        why = f"{literal(str(patience))} epochs brought nothing better"
        st.caption(f"It ended after epoch {epochs:d} of at most {asked:d}: {why}.")


def _verdict(card: ModelCard) -> None:
    """What came of it: that a training ended well says nothing of what its model is worth."""
    from mmdnet.scoring.validity import verdict_of

    verdict = verdict_of(card)
    if verdict.good:
        st.success(literal(verdict.words), icon=":material/verified:")
    else:
        st.warning(literal(verdict.words), icon=":material/block:")


def _run_buttons(run: RunView) -> None:
    job = run.job
    assert job is not None
    if job.active and st.button(
        "Cancel", icon=":material/stop:", key="run_cancel", help="Its last finished epoch is kept."
    ):
        with refusals():
            lab().training.cancel(run.id)
            st.rerun()
    if job.status in {"failed", "cancelled"} and st.button("Go on", icon=":material/play_arrow:", key="run_resume"):
        with refusals():
            lab().training.resume(run.id)
            st.rerun()
    ended_with_model = run.model_id is not None and not job.active  # the model's row is there a moment before the end
    if ended_with_model and st.button("Score slides with it", icon=":material/speed:", key="run_score"):
        st.session_state["score_by"] = run.model_id
        open_page("score")


def _curves(run_id: int, history: Sequence[dict[str, float]], card: ModelCard | None) -> None:
    from mmdnet.scoring.validity import checks_of

    epochs = [row.get("epoch", index) for index, row in enumerate(history, start=1)]
    losses, agreement = st.columns(2)
    with losses:
        made = figure("Epoch", "Loss")
        for key, title, colour in (
            ("loss", "training", "#5f6b76"),
            ("validation_loss", "validation, chooses the epoch", "#0f766e"),
        ):
            if any(key in row for row in history):
                made.add_scatter(
                    x=epochs, y=[row.get(key) for row in history], name=title, line={"color": colour, "width": 2}
                )
        _mark_best(made, card)
        show_figure(made, f"loss_{run_id}", "Loss by epoch")
    with agreement:
        made = figure("Epoch", "Weighted κ, validation bags")
        for task in SHOWN_TASKS:
            key = f"validation_kappa_{task.name}"
            if any(key in row for row in history):
                made.add_scatter(
                    x=epochs,
                    y=[row.get(key) for row in history],
                    name=task.title,
                    line={"color": TASK_COLOURS[task.name], "width": 2},
                )
        lowest = min(
            (row.get(f"validation_kappa_{name}", 0.0) for row in history for name in TASK_COLOURS), default=0.0
        )
        made.update_yaxes(range=[min(-0.2, lowest - 0.05), 1.02])
        made.update_layout(showlegend=True)  # also of a single line: which feature it is
        if made.data:
            _mark_best(made, card)
            show_figure(made, f"kappa_{run_id}", "Weighted kappa on validation bags by epoch, one line per feature")
            if card is not None and not checks_of(card):
                st.caption(
                    "These bags of the patients kept aside chose which epoch is kept; they are too few to say how "
                    "right the model is."
                )
            if without := _without_kappa(history, card):
                st.caption(
                    f"No κ of {literal(' and '.join(without))}: the patients kept aside hold too few of its labels, or "
                    f"one grade alone. {'' if card is None else 'It was learnt all the same.'}"
                )
            if flat := _at_nought(history):
                st.caption(
                    f"κ of {literal(' and '.join(flat))} is 0 in every epoch: the bags it is judged on are all given "
                    "one grade, or all have one. Labels of more patients, with every grade, give it something to tell."
                )
        else:
            kept = any("validation_loss" in row for row in history)
            why = (
                "the patients kept aside hold too few labels, or one grade alone"
                if kept
                else "no patient could be kept aside for validation"
            )
            st.caption(f"No agreement is measured: {why}.")


def _without_kappa(history: Sequence[dict[str, float]], card: ModelCard | None) -> list[str]:
    """Titles of the features of which no epoch has a kappa: of those that were learnt, once there is a card."""
    known = {key for row in history for key in row}
    trained = [task for task in SHOWN_TASKS if card is None or task.name in card.trained_tasks]
    return [task.title.lower() for task in trained if f"validation_kappa_{task.name}" not in known]


def _at_nought(history: Sequence[dict[str, float]]) -> list[str]:
    """Titles of the features whose kappa was measured and never was other than 0."""
    known = {task: [row.get(f"validation_kappa_{task.name}") for row in history] for task in SHOWN_TASKS}
    return [task.title.lower() for task, kappas in known.items() if 0 in kappas and not any(kappas)]


def _mark_best(made: go.Figure, card: ModelCard | None) -> None:
    """The epoch whose weights were kept, and the warm-up before bags, on a figure over epochs."""
    if card is None:
        return
    if card.best_epoch:  # said above the plot, where no curve runs; the legend moves up
        made.add_vline(
            x=card.best_epoch, line={"color": "#7d848a", "dash": "dot"}, annotation_text="kept",
            annotation_position="top",
        )  # fmt: skip
        made.update_layout(legend={"y": 1.14}, margin={"r": 18})
    warm_up = card.choices.get("warm_up_epochs")
    if isinstance(warm_up, int) and warm_up:
        made.add_vrect(
            x0=0, x1=warm_up, fillcolor="#7d848a", opacity=0.12, line_width=0, name="warm-up", showlegend=True
        )


def _provenance(run: RunView) -> None:
    labels = run.label_set
    rule = str(labels.get("rule", "latest"))
    with st.expander("What it was made of"):
        st.table(
            {
                "Labels": literal(f"{labels.get('patches', 0)} patches"),
                "Slides with grades": str(labels.get("graded_slides", words.NOTHING)),
                "Patches by their slide's grade": str(labels.get("ungraded_patches", words.NOTHING)),
                "Where readers differ": literal(words.RULES.get(rule, rule).lower()),
                "Readers": literal(", ".join(labels.get("readers", [])) or words.NOTHING),
                "Patch labels, SHA-256": code(str(labels.get("sha256", ""))[:16]),
                **{title: literal(said) for title, said in describe(run.choices).items()},
            },
            border="horizontal",
            alt="Choices and labels of this training",
        )
        for sentence in labels.get("left_out", []):
            st.caption(literal(sentence))
        for warning in labels.get("warnings", []):
            st.warning(literal(warning), icon=":material/warning:")
