"""Background work as people see it: how far, how long still, what came of it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from ui.shell.job_plan import change_plan, running_now, time_zone, waiting_words
from ui.shell.literal import literal
from ui.shell.notify import EndedJob, notify_of
from ui.shell.session import at, lab, refusals
from ui.shell.words import count

if TYPE_CHECKING:
    from mmdnet.workflows.views import JobView, ProjectView

KINDS = {
    "ingest": "Adding slides",
    "stains": "Looking at stains",
    "measure": "Measuring a slide",
    "deidentify": "De-identified copy",
    "features": "Features of slides",
    "train": "Training",
    "search": "Searching settings",
    "score": "Scoring",
    "evaluate": "Evaluating",
    "calibrate": "Calibrating",
    "evidence_maps": "Maps on patches",
    "score_again": "Making a score again",
    "cross_validate": "Cross-validating",
    "field": "Comparing methods",
    "backbone": "Fetching a backbone",
    "import_features": "Taking in features",
    "augment": "Making synthetic patches",
    "demo": "Making the demo",
    "map": "Tissue map",
    "learn": "Learning with you",
}
STATES = {
    "queued": ("waiting", "gray", ":material/schedule:"),
    "running": ("running", "blue", ":material/autorenew:"),
    "done": ("done", "green", ":material/check:"),
    "failed": ("failed", "red", ":material/error:"),
    "cancelled": ("cancelled", "orange", ":material/cancel:"),
}

ADD_SLIDES = {"ingest", "demo"}
LOOK_FOR_SLIDES_S = 3.0

TOLD_AT_MOST = 20
ELSEWHERE_AT_MOST = 3  # jobs of other projects, in the side bar
STARTING = "Starting the program that does it"
STARTS_WITHIN_S = 20  # on a machine that has little else to do
SIGN_OF_LIFE_S = 5  # a job that has taken so long and tells no time left says how long: that it goes on is seen


def duration(seconds: float | None) -> str:
    """A length of time in the words of a clock on the wall: "40 s", "3 min", "1 h 5 min"; empty while unknown."""
    if seconds is None or seconds < 0:
        return ""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def ago(moment: datetime) -> str:
    """How long since then: "just now", "5 min ago", "3 days ago"."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if seconds < 45:
        return "just now"
    if seconds < 36 * 3600:
        return f"{duration(seconds)} ago"
    return f"{round(seconds / 86400)} days ago"


def made_at(moment: datetime) -> str:
    """When, by the browser's clock: for a name in a list to choose from, which must stay as it is (`go_to_picked`)."""
    there = moment.astimezone(time_zone())
    return f"{there.day} {there:%b %Y, %H:%M}"


def progress_line(job: JobView, said: str | None = None, *, brief: bool = False) -> str:
    """One line on a job, as Markdown: its message, or what is `said` in its place; and while it runs the time left, or
    else the time it has taken. Where its program takes long to start, and it is not to be `brief`, why."""
    if job.status == "queued":
        return waiting_words(job)
    left = "" if job.eta_s is not None and job.eta_s < 1 else duration(job.eta_s)  # no guess of nothing at the end
    told = literal((said or job.message).rstrip(".") or (STARTING if brief else _starting(job)))
    if job.share_done >= 1:  # it has told what came of it, and its program still ends
        told += " · ending"
    if left:
        return f"{told} · {left} left"
    taken_s = _taken_s(job)
    return told + (f" · {duration(taken_s)} so far" if taken_s >= SIGN_OF_LIFE_S else "")


def _taken_s(job: JobView) -> float:
    return (datetime.now(UTC) - job.started_at).total_seconds() if job.started_at else 0.0


def _starting(job: JobView) -> str:
    """That a job's program starts; where that takes long, what is known of why, and what becomes of it if it dies."""
    if _taken_s(job) < STARTS_WITHIN_S:
        return STARTING
    others = sum(other.id != job.id for other in running_now())
    todo, processors = _load()
    if todo > processors:
        why = f"the lab's machine has work for {todo} processors and {processors} of them"
    elif others:
        why = f"{count(others, 'other job')} {'runs' if others == 1 else 'run'} now"
    else:
        why = "its log, on the Jobs page, may say why"
    return f"{STARTING}: seconds as a rule, longer now ({why}); should it die, it is started again by itself"


def _load() -> tuple[int, int]:
    """How many processors' work waits or runs on this machine, over the last minute, and how many it has; 0 and 1
    where it does not say (Windows)."""
    known = hasattr(os, "getloadavg")
    return (round(os.getloadavg()[0]), os.cpu_count() or 1) if known else (0, 1)


def state_badge(job: JobView) -> None:
    """The job's state as a small badge."""
    words, colour, icon = STATES.get(job.status, (job.status, "gray", ":material/help:"))
    st.badge(literal(words), color=colour, icon=icon)  # type: ignore[arg-type]


def running_jobs() -> None:
    """The project's running jobs, kept up to date by themselves; the whole page is drawn anew when one ends."""
    active = told_jobs(at("project"), active=True)
    ended = _ended_since(active)
    st.session_state["jobs_seen"] = sorted(job.id for job in active)
    if ended:
        notify_of(ended)
    st.fragment(_running_jobs, run_every=2.0 if active else 15.0)()


def as_slides_come(project: ProjectView) -> None:
    """While slides are being added, draw the page anew with each that came in since it was drawn.

    Args:
        project: as it was when the page began: its slides are those that the page shows.
    """
    if any(job.kind in ADD_SLIDES for job in told_jobs(project.id, active=True)):
        st.fragment(_as_slides_come, run_every=LOOK_FOR_SLIDES_S)(project)


def _as_slides_come(project: ProjectView) -> None:
    if lab().projects.get(project.id).slides != project.slides:
        st.rerun()


def told_jobs(project_id: int | None, *, active: bool = False) -> list[JobView]:
    """Jobs to tell of, but for the learning beside the labels: the Label page tells of it, undisturbed."""
    return [job for job in lab().jobs.list(project_id, active=active) if job.kind != "learn"]


def _of_tab(jobs: Sequence[JobView]) -> list[JobView]:
    """Those of the tab's project and of none; all where the tab is at no project."""
    here = at("project")
    return [job for job in jobs if here is None or job.project_id in (here, None)]


def _ended_since(active: Sequence[JobView]) -> list[EndedJob]:
    """Jobs that ended by themselves while this session was open, the last few."""
    told: list[EndedJob] = st.session_state.setdefault("jobs_ended", [])
    for job_id in set(st.session_state.get("jobs_seen", ())) - {job.id for job in active}:
        with contextlib.suppress(LabError):  # it went with its project
            job = lab().jobs.get(job_id)
            if job.status in {"done", "failed"}:  # not one of a project that was left, nor one that a person cancelled
                told.append(EndedJob(job_id, f"{KINDS.get(job.kind, 'A job')}: {STATES[job.status][0]}"))
    del told[:-TOLD_AT_MOST]
    return told


def _running_jobs() -> None:
    told = told_jobs(None, active=True)  # asked once: this is drawn every few seconds on every page
    active = _of_tab(told)
    known = {job.id for job in active}
    if sorted(known) != st.session_state.get("jobs_seen"):
        st.rerun()
    elsewhere = [job for job in told if job.id not in known]
    if not told:
        return
    with st.expander(f"In the background · {len(told)}", expanded=True, key="background"):
        for job in active:
            st.progress(
                min(max(job.share_done, 0.0), 1.0),
                text=f"{literal(job.title)}  \n:gray[{progress_line(job, brief=True)}]",
            )
        _of_other_projects(elsewhere)
        st.page_link("pages/jobs.py", label="All jobs", icon=":material/list_alt:")


def _of_other_projects(jobs: Sequence[JobView]) -> None:
    """That other projects have the machine work too, a line each: what was started there goes on."""
    for job in jobs[:ELSEWHERE_AT_MOST]:
        of = lab().projects.names().get(job.project_id or 0, "another project")
        st.caption(f"{literal(of)}: {literal(job.title)} · {literal(STATES[job.status][0])}")
    if len(jobs) > ELSEWHERE_AT_MOST:
        st.caption(f"{len(jobs) - ELSEWHERE_AT_MOST} more of other projects")


def job_line(job: JobView) -> None:
    """A job that waits or runs in one line, with its way out; a list of several stays small."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(min(max(job.share_done, 0.0), 1.0), text=f"**{literal(job.title)}** · {progress_line(job)}")
        if st.button("Cancel", key=f"cancel_{job.id}", icon=":material/cancel:", type="tertiary"):
            with refusals():
                lab().jobs.cancel(job.id)
                st.rerun()


def job_card(
    job: JobView,
    *,
    cancel: bool = True,
    retry: bool = True,
    dismiss: bool = True,
    active: Sequence[JobView] | None = None,
    more: Callable[[JobView], None] | None = None,
) -> None:
    """One job in full: state, progress, failure in words, what can be done about it, and `more` that is known of it.

    Given the `active` jobs, when a waiting one begins can be changed.
    """
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{literal(job.title)}**", width="stretch")
            state_badge(job)
        if job.active:
            _under_way(job, cancel, active)
        else:
            _ended(job, retry, dismiss)
        if more is not None:
            more(job)


def _under_way(job: JobView, cancel: bool, active: Sequence[JobView] | None) -> None:
    st.progress(min(max(job.share_done, 0.0), 1.0), text=progress_line(job))
    with st.container(horizontal=True):
        if cancel and st.button("Cancel", key=f"cancel_{job.id}", icon=":material/cancel:"):
            with refusals():
                lab().jobs.cancel(job.id)
                st.rerun()
        if active is not None and job.status == "queued":
            change_plan(job, active)


def took(job: JobView) -> str:
    """How long a job took; empty where it has not ended, or never began."""
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration((job.finished_at - job.started_at).total_seconds())


def _ended(job: JobView, retry: bool, dismiss: bool) -> None:
    lasted = took(job)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            " · ".join(part for part in (ago(job.finished_at or job.created_at), lasted and f"took {lasted}") if part)
        )
        if dismiss and not job.dismissed:
            _dismiss(job)
    if job.failure:
        st.error(literal(job.failure), icon=":material/error:")
    # where each file was refused by a sentence, the same again is refused again
    again = retry and job.status in {"failed", "cancelled"} and not job.progress.get("refused")
    if again and st.button("Try again", key=f"retry_{job.id}", icon=":material/replay:"):
        with refusals():
            lab().jobs.retry(job.id)
            st.rerun()


def done_line(job: JobView) -> None:
    """A job that is done, in one line: there is nothing to see to but its result, elsewhere."""
    with st.container(horizontal=True, vertical_alignment="center", key=f"oneline_{job.id}"):
        when = ago(job.finished_at or job.created_at)
        st.markdown(f":green[:material/check:] **{literal(job.title)}** :gray[{when}]", width="stretch")
        if not job.dismissed:
            _dismiss(job)


def _dismiss(job: JobView) -> None:
    if st.button("Dismiss", key=f"dismiss_{job.id}", type="tertiary"):
        with refusals():
            lab().jobs.dismiss(job.id)
            st.rerun()
