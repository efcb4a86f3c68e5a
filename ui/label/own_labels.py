"""Every label of one's own: found by filter, looked at, opened in its session or changed here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.labels.grading import SHOWN_TASKS, Grades
from ui.shell import theme
from ui.shell.literal import literal
from ui.shell.presses import shut
from ui.shell.session import go_to, lab, refusals
from ui.shell.words import count
from ui.slides.pictures import patch_jpeg

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.own import GivenLabel
    from mmdnet.workflows.views import ProjectView, ReaderView

ACROSS, AT_ONCE = 6, 18
FILTERS = {"All": "all", "Flagged": "flagged", "Ignored": "ignored", "With unknown": "unknown"}


OWN_LABELS = "My labels"


def _back() -> None:
    st.session_state.pop("own_patch", None)


def _dismissed() -> None:
    _back()
    shut()


@st.dialog(OWN_LABELS, width="large", on_dismiss=_dismissed)
def own_labels(project: ProjectView, reader: ReaderView) -> None:
    """The list, and one label of it to change."""
    with st.container(horizontal=True, vertical_alignment="top"):
        chosen = st.segmented_control("Which", list(FILTERS), default="All", required=True, key="own_which")
        grade_of = {
            f"{task.title} {grade.value}": (task.name, grade.value) for task in SHOWN_TASKS for grade in task.grades
        }
        graded = st.selectbox("Grade", list(grade_of), index=None, placeholder="Any grade", key="own_grade", width=220)
    task, grade = grade_of[graded] if graded else (None, None)
    listed = lab().labels.own.labels(project.id, reader.id, FILTERS[chosen], task, grade)
    known = {label.patch_id: label for label in listed.labels}
    editing = known.get(st.session_state.get("own_patch", -1))
    if refused := st.session_state.pop("own_refused", None):
        st.error(literal(refused), icon=":material/error:")
    if editing is not None:
        _one(project, reader, editing)
        return
    words = count(listed.of, "label")
    if listed.of > len(listed.labels):
        words += f"; the newest {len(listed.labels):,} are shown"
    if listed.read_again:
        words += f"; {listed.read_again:,} more wait to be read again and are not shown before"
    st.caption(f"{words}.")
    pages = -(-len(listed.labels) // AT_ONCE)
    page = int(st.number_input("Page", 1, pages, key="own_page", width=140)) if pages > 1 else 1
    shown = listed.labels[(page - 1) * AT_ONCE : page * AT_ONCE]
    for start in range(0, len(shown), ACROSS):
        for column, label in zip(st.columns(ACROSS), shown[start : start + ACROSS], strict=False):
            with column:
                _tile(label)


def _tile(label: GivenLabel) -> None:
    with refusals():
        st.image(
            theme.in_page(patch_jpeg(label.patch_id, label.slide_name, 1.0, 150)),
            width="stretch",
            alt=literal(label.slide_name),
        )
    chips = theme.ignored_chip() if label.ignored else theme.grade_chips(label.grades)
    st.html(f'<div class="mmd-row mmd-small">{chips}</div>')
    st.button(
        "Flagged" if label.flagged else "Open",
        icon=":material/flag:" if label.flagged else None,
        key=f"own_{label.patch_id}",
        width="stretch",
        on_click=lambda: st.session_state.update(own_patch=label.patch_id),
    )


def _one(project: ProjectView, reader: ReaderView, label: GivenLabel) -> None:
    """One label, large: its grades to change, the way to its place in its session, and back."""
    picture, beside = st.columns([1, 1], gap="medium")
    with picture, refusals():
        st.image(
            theme.in_page(patch_jpeg(label.patch_id, label.slide_name, 1.0, 598)), width="stretch", alt="The patch"
        )
        st.caption(literal(label.slide_name))
    with beside:
        ignored = st.toggle("Ignore", value=label.ignored, key=f"own_ignored_{label.patch_id}")
        for task in SHOWN_TASKS:
            st.segmented_control(
                task.title,
                [grade.value for grade in task.grades],
                default=label.grades[task.name],
                disabled=ignored,
                key=f"own_{task.name}_{label.patch_id}",
                help="None chosen: unknown.",
            )
        st.toggle("Flag", value=label.flagged, key=f"own_flagged_{label.patch_id}")
        with st.container(horizontal=True):
            st.button("Save", type="primary", key="own_save", on_click=lambda: _save(project, reader, label.patch_id))
            if label.position is not None and st.button("Open in its session", key="own_open"):
                go_to("session", label.session_id)
                jump = {"session": label.session_id, "position": label.position, "at": time.time_ns()}
                st.session_state["jump"] = jump
                _dismissed()
                st.rerun()
            st.button("Back to the list", key="own_back", on_click=_back)


def _save(project: ProjectView, reader: ReaderView, patch_id: int) -> None:
    """Give the patch what its controls say now."""
    now = st.session_state
    ignored, flagged = now[f"own_ignored_{patch_id}"], now[f"own_flagged_{patch_id}"]
    given = {} if ignored else {task.name: now[f"own_{task.name}_{patch_id}"] for task in SHOWN_TASKS}
    try:
        lab().labels.own.change(project.id, reader.id, patch_id, Grades(**given), ignored, flagged)
        _back()
    except LabError as refusal:
        now["own_refused"] = str(refusal)
