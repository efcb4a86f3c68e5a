"""Grading with plain widgets, for browsers in which the canvas cannot run: slower, and as safe.

The form is bound to the patch that was on the screen when it was drawn. If another one is due by the time it is sent
(another tab, a reload), nothing is taken and the page says so.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.words import count
from mmdnet.workflows.labelling.views import LabelAct
from ui.shell.literal import literal
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.theme import in_page

if TYPE_CHECKING:
    from mmdnet.labels.grading import Task
    from mmdnet.workflows.labelling.views import QueueItemView, SessionView
    from mmdnet.workflows.views import ReaderView

MOVED_ON = (
    "Another patch is due by now, so these grades were not taken. Nothing was changed; this is the patch to grade."
)


def plain_buttons(reader: ReaderView, view: SessionView) -> None:
    """The first patch without a label, its grades as radio buttons, and one button that saves them."""
    progress = lab().labels.sessions.progress(view.id)
    items = lab().labels.sessions.queue(view.id, progress.resume_at, 1)
    if not items:
        st.success(f"All labelled: {count(view.patches, 'patch')}.", icon=":material/check:")
        return
    item = items[0]
    sent = st.session_state.pop("plain_sent", None)
    if sent not in (None, item.patch_id):
        st.warning(MOVED_ON)
    picture, grades = st.columns([3, 2], gap="medium")
    with picture, refusals():
        st.image(
            in_page(lab().slides.pictures.patch_jpeg(item.patch_id, px=598)),
            caption=f"{literal(item.slide_name)}, {item.side_um:.0f} µm wide",
            width="stretch",
            alt="The patch to grade",
        )
    with grades, st.form(f"plain_{view.id}_{item.patch_id}", border=False):
        given = {task.name: _grade(task, item.patch_id) for task in SHOWN_TASKS}
        ignored = st.checkbox("Ignore this patch", key=f"plain_ignore_{item.patch_id}")
        st.form_submit_button(
            "Save and go on",
            type="primary",
            key=f"plain_save_{item.patch_id}",
            on_click=lambda: st.session_state.update(plain_sent=item.patch_id),
        )
        st.caption(f"{progress.labelled} of {progress.patches}")
    if sent == item.patch_id:
        _take(reader, view, item, {} if ignored else given, ignored)


def _grade(task: Task, patch_id: int) -> int | None:
    return st.radio(
        task.title,
        [None, *(grade.value for grade in task.grades)],
        format_func=lambda grade: "unknown" if grade is None else f"{grade}: {task.grades[grade].patch}",
        key=f"plain_{task.name}_{patch_id}",
    )


def _take(
    reader: ReaderView, view: SessionView, item: QueueItemView, grades: dict[str, int | None], ignored: bool
) -> None:
    act = LabelAct(
        key=uuid.uuid4().hex,
        session_id=view.id,
        reader_id=reader.id,
        patch_id=item.patch_id,
        act="ignore" if ignored else "grade",
        grades=grades,
        ignored=ignored,
        flagged=bool(item.own and item.own.flagged),
        shown={"view": "plain buttons"},
        based_on=item.own.key if item.own else None,
    )
    with refusals():
        lab().labels.acts.put(act)
        lab().learning.after_labels(view.project_id)
        say_next_run("Saved")
        st.rerun()
