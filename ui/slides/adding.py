"""How slides come into a project: a path or an upload, what became of each file, and the jobs that add them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.accounts.roles import May
from mmdnet.errors import LabError
from mmdnet.slides.facts import StatedFacts
from mmdnet.workflows.slides.ingest.paths import paths_in
from mmdnet.workflows.slides.views import IngestOutcome
from ui.shell.jobs import ADD_SLIDES, job_card, job_line
from ui.shell.literal import literal
from ui.shell.presses import answered, submitted, visit
from ui.shell.session import lab, person, reader_id, refusals
from ui.shell.theme import in_page
from ui.shell.unsent import bring_back, keep_unsent, sent_now
from ui.slides.choosing import choose_on_server
from ui.slides.incoming import LEFT, SENT, decide, known_elsewhere, look_first, waiting
from ui.slides.slide_facts import fact_fields, measure

if TYPE_CHECKING:
    from mmdnet.workflows.views import JobView
    from ui.shell.unsent import Value

LAST_JOBS = 2
SEND, ROUND, OF, VISITED = "add_slides_send", "add_round", "add_of_project", "add_visited"
CAME = "add_came"  # what became of the files that were sent
HERE, ELSEWHERE = "On the server", "On this computer"
KEPT_FACTS = ("stain", "scanner", "site")  # of the next slides, too; whose tissue it is must be said of each anew


def add_slides(project_id: int, *, expanded: bool) -> None:
    """The two ways in, for who may add slides: a path on the server, or a small upload."""
    known = person()
    if known is not None and May.MANAGE not in known.allowed(project_id):
        st.caption("Slides are added by a lead or an admin of this project.")
        return
    _begin_anew(project_id)
    if st.session_state.setdefault(VISITED, visit()) != visit():
        st.session_state[VISITED] = visit()
        st.session_state.pop(f"add_open_{project_id}", None)
        st.session_state.pop(CAME, None)
    if st.session_state.pop(LEFT, False):
        bring_back(_form(project_id))
    keep_unsent(
        _form(project_id),
        lambda kept: _take_back(project_id, kept),
        known={"add_way": ELSEWHERE if st.session_state.get("add_way") == ELSEWHERE else None},
        typed=["add_path", "add_overrule_scale", *(f"add_{name}" for name in StatedFacts.names())],
    )
    there = waiting(project_id)
    # As it was when the page was come to: it must not close over what is being typed when the first slide comes in.
    expanded = st.session_state.setdefault(f"add_open_{project_id}", expanded)
    with st.expander("Add slides", icon=":material/add:", expanded=expanded or there is not None):
        if there is not None:
            decide(there)
            return
        sent, path, files, stated = _ask()
        if sent:
            _take_in(project_id, path, files, stated)
        show_outcomes(st.session_state.get(CAME, ()))


def _ask() -> tuple[bool, str, Sequence[Any], StatedFacts]:
    """The form: whether it was sent, what paths it names, the files it brings, and what is said of them all."""
    way = st.segmented_control(
        "Where the slides are",
        [HERE, ELSEWHERE],
        default=HERE,
        key="add_way",
        label_visibility="collapsed",
    )
    if way == HERE:
        choose_on_server("add_path")
    with st.form("add_slides", border=False):
        path, files = ("", _files_field()) if way == ELSEWHERE else (_paths_field(), [])
        entered = fact_fields("add", StatedFacts.names())
        overrule = st.checkbox(
            "The files' own scale is wrong: this µm per pixel counts",
            key="add_overrule_scale",
            help="Without it, µm per pixel serves only where a file does not say. It is recorded.",
        )
        sent = submitted("Add slides", key=SEND, type="primary", icon=":material/add:")
    return sent, path, files, StatedFacts(**entered, overrule_scale=overrule)


def _files_field() -> Sequence[Any]:
    return st.file_uploader(
        "Slide files, up to 200 MB each",
        accept_multiple_files=True,
        key=f"add_files_{st.session_state.get(ROUND, 0)}",
    )


def _paths_field() -> str:
    urls = [f"{url}".rstrip("/") + "/" for url in lab().settings.slide_urls]
    elsewhere = f" A slide elsewhere is given by URL, below {literal(', '.join(urls))}" if urls else ""
    return st.text_input(
        "Files or folders on the server",
        key="add_path",
        placeholder=" or ".join(["/data/slides/2026-03", *(f"{url}NAME.svs" for url in urls[:1])]),
        help="A folder adds every slide below it. Several stand with ; between. Files stay where they are "
        f"and are never changed.{elsewhere}",
    )


def _take_in(project_id: int, path: str, files: Sequence[Any], stated: StatedFacts) -> None:
    """Look at what was sent and draw the page anew, with the question that follows or with what became of the files."""
    st.session_state.pop(CAME, None)
    paths = paths_in(path)
    if not paths and not files:
        st.warning("Name a file or folder first.")
        return
    with refusals():
        if paths:
            look_first(project_id, paths, stated)
        else:
            st.session_state[CAME] = _upload(project_id, files, stated)
        answered(SEND)
        st.rerun()


def _form(project_id: int) -> str:
    return f"add_slides_{project_id}"


def _take_back(project_id: int, kept: Mapping[str, Value]) -> None:
    """Fill the form in again as it stood in this tab; a path is looked at only once it is sent."""
    for name in StatedFacts.names():
        if (value := kept.get(f"add_{name}")) is not None:
            st.session_state[f"add_{name}"] = _number(value) if name == "mpp" else str(value) or None
    st.session_state["add_path"] = str(kept.get("add_path") or "")
    st.session_state["add_overrule_scale"] = kept.get("add_overrule_scale") is True
    if kept.get("add_way") == ELSEWHERE:
        st.session_state["add_way"] = ELSEWHERE
    if any(value for name, value in kept.items() if name.removeprefix("add_") not in KEPT_FACTS):
        st.session_state[f"add_open_{project_id}"] = True  # what stands for the next slides alone does not open it


def _number(written: Value) -> float | None:
    try:
        number = float(str(written))
    except ValueError:
        return None
    return number if isfinite(number) else None


def _begin_anew(project_id: int) -> None:
    """Empty the form whose slides were sent: what was said of one patient must not go to the next, nor elsewhere."""
    sent, of = st.session_state.pop(SENT, False), st.session_state.get(OF, project_id)
    st.session_state[OF] = project_id
    if sent:
        sent_now(_form(of))
    elif of == project_id:
        return
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.session_state["add_path"] = ""
    st.session_state["add_overrule_scale"] = False
    for name in StatedFacts.names():
        if name not in KEPT_FACTS:
            st.session_state[f"add_{name}"] = None if name == "mpp" else ""


def _upload(project_id: int, files: Sequence[Any], stated: StatedFacts) -> list[IngestOutcome]:
    bar = st.progress(0.0, text="Receiving")
    outcomes: list[IngestOutcome] = []
    for number, file in enumerate(files):
        bar.progress(number / len(files), text=f"{literal(file.name)}: looking for tissue, laying patches")
        try:
            came = lab().slides.uploads.add(project_id, file.name, file.getvalue(), stated, by=reader_id())
            outcomes.append(known_elsewhere(project_id, came))
            measure(outcomes[-1].slide_id)
            st.session_state[SENT] = True
        except LabError as refusal:
            outcomes.append(IngestOutcome(file.name, None, f"{file.name}: {refusal}"))
    bar.empty()
    return outcomes


def show_outcomes(outcomes: Sequence[IngestOutcome]) -> None:
    """What became of each file: those that came in as one line, each refusal as its own sentence."""
    added = [outcome.name for outcome in outcomes if outcome.problem is None and not outcome.was_here]
    if added:
        st.success(f"Added {literal(', '.join(added))}.", icon=":material/check:")
    for outcome in outcomes:
        if outcome.problem:
            st.error(literal(outcome.problem), icon=":material/error:")
        for note in outcome.notes:
            st.warning(literal(f"{outcome.name}: {note}"), icon=":material/info:")
        if outcome.picture:
            _what_was_seen(outcome.picture)


def _what_was_seen(picture: bytes) -> None:
    st.image(
        in_page(picture),
        caption="The whole slide. What differs from glass is outlined.",
        alt="Overview of a slide without tissue",
    )


def ingest_jobs(project_id: int, none_yet: bool) -> bool:
    """Jobs that add slides, kept up to date; of those of the last hour the ones that failed or refused files.

    Args:
        project_id: whose.
        none_yet: the page shows no slide; it is drawn anew once there is one, and by the side bar when a job ends.

    Returns:
        Whether slides are being added now.
    """
    active = any(job.active for job in _adding(project_id))
    st.fragment(_ingest_jobs, run_every=2.0 if active else None)(project_id, none_yet)
    return active


def _adding(project_id: int) -> list[JobView]:
    return [job for job in lab().jobs.list(project_id) if job.kind in ADD_SLIDES and not job.dismissed]


def _ingest_jobs(project_id: int, none_yet: bool) -> None:
    if none_yet and lab().slides.list(project_id):
        st.rerun()
    since = datetime.now(UTC) - timedelta(hours=1)
    jobs = [job for job in _adding(project_id) if job.active or job.created_at > since]
    for job in [job for job in jobs if job.active] or jobs[:LAST_JOBS]:
        refused = job.progress.get("refused") or []
        if job.active:
            job_line(job)
        elif job.status == "failed" or refused:
            job_card(job)
        if refused:
            st.caption("Not added, each with its reason; Dismiss takes them out of sight.")
        seen = {sentence: number for number, sentence in (job.progress.get("seen") or {}).items()}
        for sentence in refused:
            st.markdown(f":red[:material/error:] {literal(sentence)}")
            picture = lab().slides.refused_pictures.get(job.id, seen[sentence]) if sentence in seen else None
            if picture:
                _what_was_seen(picture)
