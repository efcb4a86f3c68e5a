"""When a job is to begin, as it is asked and as it is said: priority, a time, another job before it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from mmdnet.workflows.job_plans import AT_ONCE, PRIORITIES, JobPlan
from ui.shell.literal import literal, plain
from ui.shell.session import lab, refusals, say_next_run
from ui.shell.words import told_apart

if TYPE_CHECKING:
    from mmdnet.workflows.views import JobView

RUNNING, KNOWN_FOR_S = "jobs_running", 1.0


def time_zone() -> tzinfo:
    """The browser's time zone; UTC where it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def ask_plan(key: str) -> JobPlan:
    """A small window beside a button that starts a job: when it is to begin."""
    with st.popover("When", icon=":material/schedule:", key=f"{key}_when"):
        return _fields(key, AT_ONCE, {})


def change_plan(job: JobView, active: Sequence[JobView]) -> None:
    """The same for a job that waits already; it may wait for another of its project's `active` ones, too."""
    others = {
        other.id: other.title for other in active if other.id != job.id and other.project_id in (None, job.project_id)
    }
    with (
        st.popover("When", icon=":material/schedule:", key=f"plan_{job.id}"),
        st.form(f"plan_form_{job.id}", border=False),
    ):
        plan = _fields(f"plan_{job.id}", JobPlan(job.priority, job.not_before, job.after), others)
        if st.form_submit_button("Save", key=f"plan_save_{job.id}"):
            with refusals():
                lab().jobs.plan(job.id, plan)
                say_next_run("When it begins is changed")
                st.rerun()


def _fields(key: str, now: JobPlan, others: Mapping[str, str]) -> JobPlan:
    zone = time_zone()
    priority = st.segmented_control(
        "Priority",
        PRIORITIES,
        default=now.priority,
        required=True,
        format_func=str.capitalize,
        key=f"{key}_priority",
        help="Which of the waiting jobs begins when a worker is free.",
    )
    begin = now.not_before.astimezone(zone).replace(tzinfo=None) if now.not_before else None
    moment = st.datetime_input(
        "Not before",
        value=begin,
        key=f"{key}_not_before",
        help=f"Times of {literal(str(zone))}. Empty: as soon as a worker is free.",
    )
    after = None
    if others:
        names = told_apart({job: plain(title) for job, title in others.items()})
        after = st.selectbox(
            "After",
            list(others),
            index=list(others).index(now.after) if now.after is not None and now.after in others else None,
            format_func=names.__getitem__,
            placeholder="no other job",
            key=f"{key}_after",
            help="It begins when that one is done, and says so plainly where that one fails.",
        )
    return JobPlan(priority or now.priority, moment.replace(tzinfo=zone) if moment else None, after)


def waiting_words(job: JobView) -> str:
    """Why a waiting job does not run yet, as Markdown."""
    said = []
    if job.after_title is not None:
        said.append(f"Waits for {literal(job.after_title)}")
    if job.not_before is not None:
        said.append(f"{'not' if said else 'Not'} before {job.not_before.astimezone(time_zone()):%a %d %b, %H:%M}")
    if not said:
        said.append(f"Waits for its turn{_runs_now(job.queue)}")
    if job.priority != "normal":
        said.append(f"goes {literal(job.priority)}")
    return ", ".join(said)


def _runs_now(queue: str) -> str:
    """What the workers do that take jobs of this queue, as Markdown."""
    there = [job for job in running_now() if job.queue == queue]
    more = f" and {len(there) - 1} more" if len(there) > 1 else ""
    return f"; now runs {literal(there[-1].title)}{more}" if there else ""


def running_now() -> list[JobView]:
    """The jobs that run, as far as whoever sits here may see them."""
    asked, running = st.session_state.get(RUNNING, (0.0, []))
    if time.monotonic() - asked > KNOWN_FOR_S:  # a list of waiting jobs asks for each of them
        running = [job for job in lab().jobs.list(active=True) if job.status == "running"]
        st.session_state[RUNNING] = (time.monotonic(), running)
    return running
