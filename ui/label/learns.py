"""Learns with you: how good the model is that learns from the labels so far, kept up to date beside the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from ui.label.summary import NOT_JUDGEABLE, first_look
from ui.shell.jobs import ago, progress_line
from ui.shell.literal import literal
from ui.shell.session import lab
from ui.shell.words import count

if TYPE_CHECKING:
    from mmdnet.labels.light_estimate import Judged, LightEstimate
    from mmdnet.workflows.labelling.views import SessionView
    from mmdnet.workflows.training.learning import LearningState
    from mmdnet.workflows.views import JobView, ReaderView

EVERY_S = 5.0
DOUBTED = "**You said that these patches cannot be judged** · "


@st.fragment(run_every=EVERY_S)
def learns_with_you(reader: ReaderView, view: SessionView) -> None:
    """One line: what it is worth so far, when it last learnt, what more labels are expected to add. After the first
    slides a question waits beside it, and it is shorter meanwhile: the canvas below stays where it is."""
    with st.container(key="learns_line", horizontal=True, vertical_alignment="center"):
        line = st.container(width="content")
        asked = not view.finished and first_look(reader, view)  # of what goes on, not of what is done
        doubted = view.plan.judgeable is False
        said = learning_words(lab().learning.state(view.project_id), short=asked)
        line.caption(f"{DOUBTED if doubted else ''}{said}", help=NOT_JUDGEABLE if doubted else HELP)


HELP = (
    "κ is 1 where it grades as you do and 0 where it does no better than guessing; from 0.4 on it suggests grades, if "
    "you let it. Learnt in seconds from the labels so far: heads on features that stay as they are "
    "(EfficientNet-Lite0; local density for inflammation, measured fat for steatosis). It is the quadratic kappa on "
    "patients left out in turn, with its 95 % interval over patients (from five on). Plans that ask for uncertain or "
    "rare patches take their order from it. What more labels add goes by the last doubling of labels."
)


def learning_words(state: LearningState, short: bool = False) -> str:
    """The line, as Markdown; `short` without what it is worth."""
    if state.version is None:
        if state.job is not None and state.job.active:
            return f"**Learns with you** · {_first_words(state.job, state.labels)}"
        if state.until_first:
            return f"**Learns with you** · begins after {count(state.until_first, 'more label')}"
        failure = state.job.failure if state.job is not None else None
        return f"**Learns with you** · {literal(failure or 'needs labels of two grades of a feature')}"
    version, estimate = state.version, state.version.estimate
    parts = [f"{version.title} from {count(version.labels, 'label')}, {ago(version.made_at)}"]
    judged = [
        f"{task.title.lower()} κ {_number(estimate.kappa[task.name])}"
        for task in SHOWN_TASKS
        if task.name in estimate.kappa
    ]
    if short:
        return f"**Learns with you** · {literal(parts[0])}"
    parts.append(", ".join(judged) or "how good it is needs labels of two patients and two grades")
    if judged:
        parts.append(_gain(estimate))
    if state.job is not None and state.job.active:
        parts.append("learning again")
    return "**Learns with you** · " + " · ".join(literal(part) for part in parts if part)


def _first_words(job: JobView, labels: int) -> str:
    """That the first version is being made, of what, and how long that takes: not which of its steps it is at."""
    if job.status == "queued":
        return progress_line(job)
    return progress_line(job, f"learning from {count(labels, 'label')} so far")


def _number(judged: Judged) -> str:
    if judged.low is None or judged.high is None:
        return f"{judged.value:.2f}"
    return f"{judged.value:.2f} (95 %: {judged.low:.2f} to {judged.high:.2f})"


def _gain(estimate: LightEstimate) -> str:
    """What more labels are expected to add to the mean; nothing is promised that could be chance."""
    gain = estimate.gain
    if gain.value is None:
        return ""
    if gain.low is None or gain.low <= 0:
        return f"whether {estimate.next_labels} more would help cannot be said yet"
    return f"{estimate.next_labels} more are expected to add {gain.value:.2f} ({gain.low:.2f} to {gain.high:.2f})"
