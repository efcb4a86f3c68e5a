"""What can be done with a project itself: renamed, put out of sight and back, deleted; and who changed what of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.jobs import ago
from ui.shell.literal import literal, plain, plain_all
from ui.shell.session import go_to, lab, reader_id, refusals, say_next_run
from ui.shell.tables import table_height

if TYPE_CHECKING:
    from mmdnet.workflows.views import ProjectView


def manage(project: ProjectView) -> None:
    """Name, archive, settings, delete and history of the project that is open; read once they are asked for."""
    key = f"manage_project_{project.id}"
    with st.popover("Manage this project", icon=":material/settings:", key=key, on_change="rerun") as box:
        if box.open:
            _manage(project)


def _manage(project: ProjectView) -> None:
    with st.form("rename_project", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", value=project.name, key=f"project_name_{project.id}", width=320)
        sent = st.form_submit_button("Rename")
    if sent:
        with refusals():
            done = lab().projects.rename(project.id, name, by=reader_id())
            say_next_run(f"The project is called {done.name}")
            st.rerun()
    if st.button(
        "Archive",
        icon=":material/archive:",
        key="archive_project",
        help="Out of sight with all that is in it; nothing is lost, and the Overview brings it back.",
    ):
        with refusals():
            lab().projects.archive(project.id, by=reader_id())
            go_to("project", None)
            say_next_run(f"{project.name} is archived; the Overview brings it back")
            st.rerun()
    _settings(project)
    if st.toggle("Delete it", key=f"delete_project_{project.id}"):
        _delete(project)
    _history(project)


def _settings(project: ProjectView) -> None:
    """How the project is run: what is chosen here, and what is chosen elsewhere with the way there."""
    key = f"reader_first_{project.id}"
    st.session_state[key] = project.reader_first  # as it is kept, whoever changed it
    st.toggle(
        "Reader's grades first",
        key=key,
        help="A report shows the model's grades, bars and maps once the reader has graded the slide, and lists show "
        "them once the report is signed.",
        on_change=_set_reader_first,
        args=(project.id, key),
    )
    models = {model.id: model.name for model in lab().models.list(project.id)}
    for_reports = models.get(project.report_model_id or 0, "the newest")
    rule = words.RULES[lab().labels.consensus.rule(project.id).rule]
    st.caption(f"Model for reports: {literal(for_reports)} · where readers differ: {literal(rule.lower())}")


def _set_reader_first(project_id: int, key: str) -> None:
    with refusals():
        lab().projects.set_reader_first(project_id, bool(st.session_state[key]), by=reader_id())


def _delete(project: ProjectView) -> None:
    """Name what would be lost, and have the project's name typed; or say why it stays."""
    losses = lab().projects.losses(project.id)
    if losses.refusal:
        st.warning(literal(losses.refusal), icon=":material/lock:")
        return
    goes = [f"{times:,} {kind}" for kind, times in losses.goes.items() if times]
    st.markdown(
        f"**{literal(project.name)}** goes for good"
        + (f", with {literal(', '.join(goes))}." if goes else ". It holds nothing.")
        + " The slides' files stay where they are."
    )
    typed = st.text_input("Type the project's name", key="delete_typed", placeholder=project.name)
    if st.button("Delete for good", type="primary", icon=":material/delete_forever:", key="delete_for_good"):
        with refusals():
            lab().projects.delete(project.id, typed, by=reader_id())
            go_to("project", None)
            say_next_run(f"{project.name} is deleted")
            st.rerun()


def _history(project: ProjectView) -> None:
    import pandas as pd

    changes = lab().projects.changes(project.id)
    if not changes:
        st.caption("Nothing was written down of this project yet.")
        return
    table = {
        "When": [change.at for change in changes],
        "Who": [words.NOTHING if change.reader is None else plain(change.reader) for change in changes],
        "Did": [change.act for change in changes],
        "What": plain_all(change.what for change in changes),
    }
    st.dataframe(
        pd.DataFrame(table), hide_index=True, height=table_height(len(changes), 8), key="project_changes",
        column_config={"When": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        alt="Who added or changed what of this project, newest first",
    )  # fmt: skip


def archived(projects: Sequence[ProjectView]) -> None:
    """The projects out of sight, each with its way back."""
    if not projects:
        return
    with st.expander(f"Archived · {len(projects)}", key="archived_projects"):
        for project in projects:
            with st.container(horizontal=True, vertical_alignment="center"):
                since = f" · archived {ago(project.archived_at)}" if project.archived_at else ""
                st.markdown(
                    f"**{literal(project.name)}**  \n:gray[{words.count(project.slides, 'slide')}{since}]",
                    width="stretch",
                )
                if st.button("Restore", key=f"restore_project_{project.id}"):
                    with refusals():
                        lab().projects.restore(project.id, by=reader_id())
                        go_to("project", project.id)
                        say_next_run(f"{project.name} is back")
                        st.rerun()
