"""The blinded look: one patch at a time, real or synthetic, and its grade, by keys; then the table of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import Refused
from mmdnet.labels.grading import task
from mmdnet.workflows.augmenting.views import LOOK_WAITS
from ui.shell import words
from ui.shell.literal import literal
from ui.shell.memory import ask_reader
from ui.shell.session import lab, reader, refusals
from ui.shell.theme import chip, in_page

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mmdnet.workflows.augmenting.views import BatchView, LooksResult, LookState

SHOWN_PX = 480
KINDS = {False: "real tissue", True: "synthetic"}


def blinded_look(batch: BatchView) -> None:
    """The patch that is due, or the tables at the end."""
    who = reader()
    if who is None:
        ask_reader("what is said of a patch is said by somebody")
        return
    if batch.job is not None and batch.job.active:
        st.info(LOOK_WAITS)
        return
    with refusals():
        state = lab().augmenting.looks.state(batch.id, who.id)
        if not state.patches:
            st.info("No synthetic patch of this batch has passed the gate, so there is nothing to look at.")
        elif state.place is not None:
            _due(batch.id, who.id, state)
        else:
            _tables(batch.id, who.id, state)


def _due(augmentation_id: int, reader_id: int, state: LookState) -> None:
    place = state.place
    assert place is not None
    graded = task(state.task)
    said = st.session_state.get("look_said")
    if said is not None and said[:3] != (augmentation_id, reader_id, place):
        said = None
    picture, beside = st.columns([2, 3], gap="large")
    with picture:
        st.image(
            in_page(lab().augmenting.looks.picture(augmentation_id, reader_id, place)),
            width=SHOWN_PX,
            alt="A patch: real tissue or synthetic?",
        )
    with beside:
        far = f"{state.done:,} of {words.count(state.patches, 'patch')}; half of them are synthetic"
        st.progress(state.done / state.patches, text=far)
        if said is None:
            st.markdown("**Real tissue, or synthetic?**")
            with st.container(horizontal=True):
                for synthetic, key in ((False, "t"), (True, "s")):
                    title = "Synthetic" if synthetic else "Real tissue"
                    if st.button(title, key=f"look_{key}", shortcut=key):
                        st.session_state["look_said"] = (augmentation_id, reader_id, place, synthetic)
                        st.rerun()
        else:
            st.markdown(f"**{literal(graded.title)}?** You said: {literal(KINDS[said[3]])}.")
            with st.container(horizontal=True):
                for grade in graded.grades:
                    title = literal(f"{grade.value}: {grade.patch}")
                    if st.button(title, key=f"look_grade_{grade.value}", shortcut=f"{grade.value}"):
                        _put(augmentation_id, reader_id, place, said[3], grade.value)
                if st.button("Cannot tell", key="look_grade_unknown", shortcut="u"):
                    _put(augmentation_id, reader_id, place, said[3], None)
        if (said is not None or state.done) and st.button(
            "Back", key="look_back", icon=":material/undo:", shortcut="backspace"
        ):
            if st.session_state.pop("look_said", None) is None or said is None:
                lab().augmenting.looks.take_back(augmentation_id, reader_id)
            st.rerun()


def _put(augmentation_id: int, reader_id: int, place: int, synthetic: bool, grade: int | None) -> None:
    st.session_state.pop("look_said", None)
    lab().augmenting.looks.put(augmentation_id, reader_id, place, synthetic, grade)
    st.rerun()


def _tables(augmentation_id: int, reader_id: int, state: LookState) -> None:
    st.success(f"You have looked at {words.count(state.patches, 'patch')}, which is all.", icon=":material/check:")
    _table("Yours", lab().augmenting.looks.result(augmentation_id, reader_id))
    try:
        of_all = lab().augmenting.looks.result(augmentation_id)
    except Refused:
        return
    if of_all.readers > 1:
        _table(f"All {words.count(of_all.readers, 'reader')}", of_all)


def _table(title: str, result: LooksResult) -> None:
    st.subheader(literal(title))
    apart = result.told_apart
    if apart is not None:
        st.markdown(
            f"Told apart: **{words.share(apart)}** of real and synthetic alike (50 % is chance), of "
            f"{words.count(result.looks, 'look')}."
        )
    rows = "".join(
        f"<tr><td>{KINDS[kind]}</td>"
        + "".join(f"<td>{result.confusion.get((kind, said), 0)}</td>" for said in (False, True))
        + "</tr>"
        for kind in (False, True)
    )
    st.html(
        '<table class="mmd-criteria"><tr><th>It was</th><th>said to be real</th><th>said to be synthetic</th></tr>'
        f"{rows}</table>"
    )
    left, right = st.columns(2)
    with left:
        _grades(result.task, "Real patches", "graded before as", result.real)
    with right:
        _grades(result.task, "Synthetic patches", "parent's grade", result.synthetic)


def _grades(name: str, title: str, rows_are: str, counts: Mapping[tuple[int, int | None], int]) -> None:
    graded = task(name)
    columns: list[int | None] = [*(grade.value for grade in graded.grades), None]
    head = "".join(f"<th>{'–' if said is None else chip(name, said)}</th>" for said in columns)
    body = "".join(
        f"<tr><td>{chip(name, grade.value)}</td>"
        + "".join(f"<td>{counts.get((grade.value, said), 0)}</td>" for said in columns)
        + "</tr>"
        for grade in graded.grades
    )
    st.markdown(f"**{literal(title)}**, {literal(graded.title.lower())}")
    st.html(f'<table class="mmd-criteria"><tr><th>{rows_are}, said</th>{head}</tr>{body}</table>')
