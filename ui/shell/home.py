"""What the Overview page is made of: the next step, numbers at a glance, slides, projects, jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import streamlit as st

from ui.shell import words
from ui.shell.focus import begin_at
from ui.shell.jobs import ago, done_line, job_card, told_jobs
from ui.shell.literal import literal, plain, plain_all
from ui.shell.presses import answered, submitted
from ui.shell.session import (
    go_to,
    lab,
    open_page,
    person,
    reader,
    reader_id,
    refusals,
    say_next_run,
    set_reader,
)
from ui.shell.tables import open_column, opened_row, table_height

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import SlideView
    from mmdnet.workflows.views import ProjectView
    from mmdnet.workflows.worklist import WorkItem

MAKE = "make_project"
RECENT_JOBS = 5
WAITS_PX, LETTER_PX = 250, 5.6  # the longest there is to wait for, in one line; and about one letter of it


def first_project(there: Sequence[ProjectView] = ()) -> None:
    """What there is to see before there is a project of one's own: what the lab does, the way in, and what is `there`.

    What comes in meanwhile stands below the form, which so stays as it is while it is filled in.
    """
    st.title("Welcome to the lab")
    st.markdown(
        "Add scanned liver biopsies, grade some of their patches, train a network on your grades, and let it score "
        "whole slides: steatosis, lobular inflammation and ballooning, summed to the NAFLD activity score, each with "
        "the tissue it rests on."
    )
    new_project()
    begin_at("new_project_name")
    if there:
        st.header("Or look around first")
    for project in there:
        _project_line(project)
    for job in lab().jobs.list(active=True):
        job_card(job, cancel=False)


def new_project() -> None:
    """Name a project, and oneself where nobody reads yet; then its slides are added."""
    with st.form("new_project", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name of the new project", placeholder="Cohort 2026", width=320, key="new_project_name")
        who = ""
        if person() is None and reader() is None:
            who = st.text_input(
                "Your name",
                width=200,
                key="new_project_reader",
                help=f"Labels and signatures carry it. It can be chosen later, too, under {words.AT_READER}.",
            )
        sent = submitted("Make project", key=MAKE, type="primary")
    if sent:
        with refusals():
            if who.strip():
                set_reader(lab().readers.ensure(who).id)
            made = lab().projects.create(name, by=reader_id())
            answered(MAKE)
            go_to("project", made.id)
            say_next_run(f"{made.name} is ready")
            open_page("slides")


def next_step(project: ProjectView, slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> None:
    """The one thing to do now: a sentence and its button."""
    step = lab().overview.next_step(project, slides, leading)
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="next_step"):
        st.markdown(f"**{'Done' if step.done else 'Next'}** · {literal(step.sentence)}", width="stretch")
        look: Literal["primary", "secondary"] = "secondary" if step.done else "primary"
        if st.button(literal(step.button), type=look, icon=":material/arrow_forward:", key="next_step_button"):
            if step.score_id is not None:
                go_to("score", step.score_id)
            if step.slide_id is not None:
                go_to("slide", step.slide_id)
            if step.page == "label":
                go_to("session", None)  # the page takes one that has patches left
            open_page(step.page)


def numbers(project: ProjectView, slides: Sequence[SlideView]) -> None:
    """How far the project is."""
    used = sum(slide.usable for slide in slides)
    aside = f" {project.patches - used:,} more were laid and are set aside." if project.patches > used else ""
    with st.grid(5, min_column_width=108):
        st.metric("Slides ready", f"{project.ready_slides} of {project.slides}", border=True)
        st.metric("Patches", f"{used:,}", border=True, help=f"In use, as on the Slides page.{aside}")
        st.metric("Labelled", f"{project.labelled_patches:,}", border=True)
        shared = words.count(project.shared_models, "model")
        which = f"Trained here or brought in. {shared} of the lab itself can score slides, too." if shared else None
        st.metric("Own models", str(project.models), border=True, help=which)
        st.metric("Slides scored", f"{project.scored_slides} of {project.ready_slides}", border=True)


def worklist_at_a_glance(slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> None:
    """What waits for a person, to choose from, and the slides it waits on; a click opens where it is done."""
    from mmdnet.workflows.worklist import Waiting, worklist

    who = reader()
    disputed = () if who is None else lab().slides.reads.due(slides[0].project_id, who.id).settle
    items = worklist(slides, leading, disputed)
    counts = {kind: sum(kind in item.waits for item in items) for kind in Waiting}
    chosen = st.pills(
        "Waiting",
        [kind.value for kind in Waiting if counts[kind]],
        format_func=lambda kind: f"{literal(kind)} · {counts[Waiting(kind)]}",
        key=f"worklist_{slides[0].project_id}",
        label_visibility="collapsed",
        persist_state="session",
    )
    shown = [item for item in items if chosen is None or chosen in item.waits]
    if not any(counts.values()):
        st.caption("Nothing waits for a person.")
    _work_table(shown)


def _work_table(items: Sequence[WorkItem]) -> None:
    import pandas as pd

    scores, waits = [item.score for item in items], [", ".join(item.waits) for item in items]
    nas_by = [words.nas_by(score) for score in scores]
    names = [plain(item.slide.name) for item in items]
    table = pd.DataFrame(
        {
            "open": ["Open"] * len(items),
            "Slide": names,
            **({"Waits for": waits} if any(waits) else {}),
            "NAS": pd.array([None if score is None else score.nas for score in scores], dtype="Int64"),
            "NAS by": nas_by,
            "Patient": plain_all(item.slide.patient for item in items),
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height=table_height(len(items), 14),
        key="overview_slides",
        placeholder=words.NOTHING,
        column_config={
            "open": open_column("overview_open"),
            "Waits for": st.column_config.TextColumn(width=_waits_px(waits)),
            "Slide": st.column_config.TextColumn(width=min(200, max(140, _waits_px(names)))),
            "NAS by": st.column_config.TextColumn(width=max(90, _waits_px([said or "" for said in nas_by]))),
            "Patient": st.column_config.TextColumn(width=74),
            "NAS": st.column_config.NumberColumn(help=words.NAS_HELP, width=56),
        },
        alt="Slides and what waits on each",
    )
    row = opened_row("overview_open", len(items))
    if row is not None:
        item = items[row]
        go_to("slide", item.slide.id)
        if item.score is not None:
            go_to("score", item.score.id)
        open_page(item.page)


def _waits_px(said: Sequence[str]) -> int:
    """As wide as the longest needs, so that the columns behind it are seen, too."""
    return min(WAITS_PX, round(32 + LETTER_PX * max(map(len, said), default=0)))


def jobs_at_a_glance(project_id: int) -> None:
    """What runs, and what ended last; kept up to date while something runs."""
    active = bool(told_jobs(project_id, active=True))
    st.fragment(_jobs, run_every=2.0 if active else None)(project_id, active)


def _jobs(project_id: int, was_active: bool) -> None:
    jobs = [job for job in told_jobs(project_id) if job.active or not job.dismissed]
    if not jobs:
        st.caption(
            "Nothing was started in this project yet. Adding slides, training and scoring run in the background "
            "and show here."
        )
    active = [job for job in jobs if job.active]  # all of them, as in the side bar; of those that ended the last
    for job in active + [job for job in jobs if not job.active][: max(0, RECENT_JOBS - len(active))]:
        # before the page is asked to draw anew, which drops a press that came meanwhile
        if job.status == "done":
            done_line(job)
        else:
            job_card(job)
    st.page_link("pages/jobs.py", label="All jobs", icon=":material/list_alt:")
    if was_active and not active:
        st.rerun()


def backup_at_a_glance() -> None:
    """How old the last verified backup is."""
    from mmdnet.backups.manifest import last_verified

    last = last_verified(lab().settings.backup_folder)
    if last is None:
        st.caption("No verified backup yet. The lab makes one each day; `mmdnet backup DIR` makes one elsewhere now.")
    else:
        st.caption(f"Last verified backup {ago(last[1].moment)}")


def projects_at_a_glance(current: ProjectView, projects: Sequence[ProjectView]) -> None:
    """All projects, and a new project."""
    for project in projects:
        _project_line(project, is_open=project.id == current.id)
    with st.popover("New project", icon=":material/add:", key="new_project_box", on_change="rerun") as box:
        if box.open:
            new_project()
            begin_at("new_project_name")


def _project_line(project: ProjectView, is_open: bool = False) -> None:
    """A project with how far it is, and the way into it."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"oneline_project_{project.id}"):
        kind = " · simulated" if project.simulated else ""
        here = " :gray-badge[open]" if is_open else ""
        st.markdown(
            f"**{literal(project.name)}**{here}  \n:gray[{words.count(project.slides, 'slide')} · "
            f"{words.count(project.labelled_patches, 'labelled patch', 'labelled patches')} · "
            f"{project.scored_slides} scored{kind}]",
            width="stretch",
        )
        if not is_open and st.button("Open", key=f"open_project_{project.id}"):
            go_to("project", project.id)
            st.rerun()
