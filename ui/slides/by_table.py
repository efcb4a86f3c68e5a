"""Facts and grades of all slides at once: edited in a table, or brought and taken as a file; looked at first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.slides.facts import StatedFacts
from ui.shell import words
from ui.shell.literal import literal, plain
from ui.shell.memory import ask_reader
from ui.shell.session import lab, reader, refusals, say_next_run
from ui.shell.tables import table_height

if TYPE_CHECKING:
    from mmdnet.workflows.slides.tables.facts_plan import FactsPlan
    from mmdnet.workflows.views import ReaderView

MIME = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}
MOST_LINES = 100
ROUND, HELD = "facts_round", "facts_rows_"  # how often the table was begun anew; its rows while it is open
FIRST = ("slide", "patient", *(task.name for task in SHOWN_TASKS), "nas", "fibrosis", "reader", "mpp")  # then the rest
TITLES = {task.name: task.title for task in SHOWN_TASKS} | {"nas": "NAS", "fibrosis": "Fibrosis", "date": "Read on"}


def facts_by_table(project_id: int) -> None:
    """The fold of the Slides page with the table and its file."""
    with st.expander(
        "Facts and grades by table", icon=":material/table_chart:", key="by_table", on_change="rerun"
    ) as box:
        if not box.open:
            for held in [key for key in st.session_state if str(key).startswith(HELD)]:
                del st.session_state[held]  # opened again, it begins with what there is then
            return
        who = reader()
        if who is None:
            ask_reader("grades are somebody's, and so is a change")
            return
        st.caption(
            "An empty cell changes nothing. Grades you enter in a row without a reader are yours; what another reader "
            "said of a slide shows once you have read it too, and only that reader may change it."
        )
        with refusals():
            _editor(project_id, who)
            _files(project_id, who)


def _editor(project_id: int, who: ReaderView) -> None:
    """The rows as they stand; what was edited is looked at at a press, and done at another."""
    import pandas as pd

    key = f"facts_editor_{project_id}_{st.session_state.get(ROUND, 0)}"
    rows = _rows_in_hand(project_id, who, f"{HELD}{key}_{who.id}")
    shown = pd.DataFrame([{name: _cell(value) for name, value in row.items()} for row in rows])
    shown.index = range(1, len(rows) + 1)
    graded: dict[str, Any] = {  # by column: Streamlit's column configurations
        task.name: st.column_config.NumberColumn(task.title, min_value=0, max_value=task.highest, step=1)
        for task in SHOWN_TASKS
    }
    # In a form the page is not drawn anew after each cell: the next would be emptied while it is written.
    with st.form(f"form_{key}", border=False):
        st.data_editor(
            shown,
            key=key,
            height=table_height(len(rows), 12),
            disabled=["slide", "path", "reader"],
            column_order=[*FIRST, *(name for name in shown.columns if name not in FIRST)],
            column_config={name: StatedFacts.title(name) for name in StatedFacts.names()}
            | TITLES
            | graded
            | {
                "_index": "Row", "slide": "Slide", "path": None, "reader": "Reader",
                "nas": st.column_config.NumberColumn("NAS", min_value=0, max_value=8, step=1, width=60),
                "mpp": st.column_config.NumberColumn(StatedFacts.title("mpp"), format="%.4f"),
            },
            placeholder="",
        )  # fmt: skip
        st.form_submit_button("See and save the edits", type="primary", icon=":material/checklist:", key=f"look_{key}")
    edited: Mapping[int, dict[str, object]] = st.session_state[key]["edited_rows"]
    if edited:
        changed = {row + 1: _row(rows[row], cells) for row, cells in sorted(edited.items())}
        _look_and_do(
            partial(lab().slides.tables.import_rows, project_id, changed, reader=who.name, by=who.id), "edited"
        )


def _rows_in_hand(project_id: int, who: ReaderView, held: str) -> Sequence[Mapping[str, object]]:
    """The rows as they were when the table was opened: what comes in meanwhile must not move a row from under the hand
    that writes in it, or a patient goes to another's slide; nor change a cell elsewhere, as Streamlit then drops what
    is being written. That something changed is said, in a place kept for it, and shows at a press."""
    now = lab().slides.tables.rows(project_id, seen_by=who.id)
    rows: Sequence[Mapping[str, object]] = st.session_state.setdefault(held, now)
    with st.container(horizontal=True, vertical_alignment="center"):
        if rows != now:
            # the button stands first: at the right end the table's own tools would lie over it
            st.button("Show them", key=f"show_{held}", on_click=_begin_anew)
            st.caption("Slides, facts or readings changed since this table was opened; it stays while you edit.")
    return rows


def _begin_anew() -> None:
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1


def _row(row: Mapping[str, object], cells: Mapping[str, object]) -> dict[str, object]:
    """An edited row: which slide and whose reading it is, and the cells that were changed."""
    return {"path": row["path"], "reader": row["reader"], **cells}


def _cell(value: object) -> object:
    return plain(value) if isinstance(value, str) else value


def _files(project_id: int, who: ReaderView) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        kind = st.selectbox("Kind of file", list(MIME), format_func=str.upper, key="facts_kind", width=140)
        st.download_button(
            "Download the table",
            data=partial(lab().slides.tables.export, project_id, kind, who.id),
            file_name=f"slides.{kind}",
            mime=MIME[kind],
            icon=":material/download:",
            on_click="ignore",
            key="facts_out",
        )
    sent = st.file_uploader(
        "Bring a table",
        type=["csv", "tsv", "txt", "xlsx", "parquet"],
        key=f"facts_in_{project_id}_{st.session_state.get(ROUND, 0)}",
        help="A column slide (or path), and of the columns above those that you have.",
    )
    if sent is not None:
        bring = partial(
            lab().slides.tables.import_file, project_id, sent.name, sent.getvalue(), reader=who.name, by=who.id
        )
        _look_and_do(bring, "file")


def _look_and_do(bring: Callable[..., FactsPlan], key: str) -> None:
    """What would change, line by line; done at a press, all of it."""
    plan = bring()
    if plan.problems:
        st.error(f"{words.count(len(plan.problems), 'row')} cannot be used. Nothing was changed.")
        st.markdown(
            "\n".join(f"- {literal(f'Row {wrong.line} {wrong.problem}.')}" for wrong in plan.problems[:MOST_LINES])
        )
    for change in plan.changes[:MOST_LINES]:
        st.markdown(f"- Row {change.line:d}, **{literal(change.slide)}**: {literal('; '.join(change.says))}")
    left = max(len(plan.changes), len(plan.problems)) - MOST_LINES
    if left > 0:
        st.caption(f"The first {MOST_LINES} are shown; {left:d} more.")
    if key == "file" and (plan.changes or plan.problems):
        st.caption("Rows are numbered as in the file: its header is row 1.")
    for note in plan.notes:
        st.caption(literal(note))
    if plan.not_read:
        st.caption(f"Columns that mean nothing here: {literal(', '.join(plan.not_read))}")
    if not plan.changes and not plan.problems:
        st.caption("Everything stands already as the table says.")
    elif not plan.problems and st.button(
        f"Change {words.count(len(plan.changes), 'row')}", type="primary", key=f"facts_do_{key}"
    ):
        with st.spinner("Writing; where µm per pixel changes, patches are laid"):
            done = bring(apply=True)
        _begin_anew()
        say_next_run(f"{words.count(len(done.changes), 'row')} changed")
        st.rerun()


def shared_patients(project_id: int) -> None:
    """Ask of every id that two sites use whether it is one person."""
    who = reader()
    for shared in lab().slides.patients.shared(project_id):
        if shared.one_person is not None:
            continue
        st.warning(
            f"The patient id {literal(shared.patient)} is used at {literal(' and at '.join(shared.sites))}. "
            "Is it one person? A training asks before it splits.",
            icon=":material/person_search:",
        )
        with st.container(horizontal=True):
            same = st.button("One person", key=f"person_{shared.patient}_True")
            other = st.button("Another at each site", key=f"person_{shared.patient}_False")
        if same or other:
            with refusals():
                lab().slides.patients.answer(project_id, shared.patient, same, who.id if who else None)
                st.rerun()
