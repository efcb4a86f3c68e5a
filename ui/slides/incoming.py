"""What files are before they come in: told where one of them is not simply new, with what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May
from mmdnet.slides.facts import StatedFacts
from ui.shell import words
from ui.shell.focus import begin_at
from ui.shell.literal import literal
from ui.shell.session import lab, may, reader_id, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.slides.ingest.incoming import IncomingFile
    from mmdnet.workflows.slides.views import IngestOutcome

KEY = "incoming"
LEFT = "incoming_left"  # set once nothing is to be added after all, for that form
SENT = "incoming_sent"  # set once files were sent on their way, for the form that they came from
MOST_LINES = 20
TITLES = {
    "new": "New",
    "here": "Here already",
    "part": "Further files of slides that are here",
    "moved": "Moved or renamed since they were added",
    "same_name": "Another slide has the same name",
    "elsewhere": "Known in another project",
    "picture": "Plain pictures beside slides, most likely masks or labels",
    "copy": "Copies, which stay out",
    "changed": "Changed since they were added, which stay out",
    "refused": "Cannot be added",
}
DOES = {"add": "Add as new", "relink": "Relink", "skip": "Leave out"}


@dataclass(frozen=True)
class Waiting:
    """Files that wait for a person's word: where they are, what was stated of them, what they are."""

    project_id: int
    paths: Sequence[str]
    stated: StatedFacts
    files: Sequence[IncomingFile]


def look_first(project_id: int, paths: Sequence[str], stated: StatedFacts) -> None:
    """Add what is new at once; where anything else is among it, keep it until a person has said what to do."""
    others = _other_projects(project_id)
    bar = st.progress(0.0, text="Looking at the files")

    def told(share: float, message: str, /, **numbers: object) -> None:
        bar.progress(share, text=literal(message))

    try:
        files = lab().slides.incoming.look(project_id, paths, others, told)
    finally:
        bar.empty()
    kinds = {file.kind for file in files}
    if kinds <= {"new", "part", "here"} and kinds != {"here"}:
        lab().slides.submit(project_id, paths, stated, by=reader_id())
        st.session_state[SENT] = True
    else:
        st.session_state[KEY] = Waiting(project_id, paths, stated, files)


def known_elsewhere(project_id: int, outcome: IngestOutcome) -> IngestOutcome:
    """What became of a file that the browser sent, and in which other project it is known.

    It is not asked first, as it is of a path: before it was sent there was nothing to look at, and then it is here.
    """
    others = _other_projects(project_id)
    if outcome.slide_id is None or outcome.was_here or not others:
        return outcome
    (file,) = lab().slides.incoming.look(None, lab().slides.get(outcome.slide_id).path, others)
    if file.kind != "elsewhere":
        return outcome
    said = f"It{file.says.removeprefix(file.name)} Here it came in as a slide of its own."
    return replace(outcome, notes=(*outcome.notes, said))


def _other_projects(project_id: int) -> list[int]:
    return [there.id for there in lab().projects.list() if there.id != project_id and may(May.MANAGE, there.id)]


def waiting(project_id: int) -> Waiting | None:
    """The files of this project that wait for a word."""
    there: Waiting | None = st.session_state.get(KEY)
    return there if there is not None and there.project_id == project_id else None


def decide(there: Waiting) -> None:
    """Tell what the files are, kind by kind, and do with them what is chosen."""
    chosen: dict[str, str] = {}
    for kind, title in TITLES.items():
        files = [file for file in there.files if file.kind == kind]
        if not files:
            continue
        st.markdown(f"**{literal(title)}: {words.count(len(files), 'file')}**")
        if kind == "picture":
            _names(files)
        else:
            _sentences([file for file in files if file.says])
        choice = _choice(kind, files[0].choices)
        chosen |= {file.path: choice for file in files}
    with st.container(horizontal=True):
        some = any(choice != "skip" for choice in chosen.values())
        go_on = some and st.button(literal(_does(chosen)), type="primary", icon=":material/check:", key="incoming_go")
        if st.button("Add nothing" if some else "Close", key="incoming_leave"):
            st.session_state.pop(KEY, None)
            st.session_state[LEFT] = True
            st.rerun()
    if some:
        begin_at("incoming_go")  # Enter takes what is proposed
    if go_on:
        with refusals():
            _do(there, chosen)
            st.session_state.pop(KEY, None)
            st.session_state[SENT] = True
            st.rerun()


def _does(chosen: dict[str, str]) -> str:
    """What the button does, counted: files that are left out may be most of them."""
    adds, relinks = (sum(choice == does for choice in chosen.values()) for does in ("add", "relink"))
    parts = [f"{title} {words.count(many, 'file')}" for title, many in (("add", adds), ("relink", relinks)) if many]
    return " and ".join(parts).capitalize()


def _names(files: Sequence[IncomingFile]) -> None:
    more = f" and {len(files) - MOST_LINES:,} more" if len(files) > MOST_LINES else ""
    st.markdown(literal(", ".join(file.name for file in files[:MOST_LINES]) + more))


def _sentences(files: Sequence[IncomingFile]) -> None:
    if files:
        st.markdown("\n".join(f"- {literal(file.says)}" for file in files[:MOST_LINES]))
    if len(files) > MOST_LINES:
        st.caption(f"The first {MOST_LINES} are shown; {len(files) - MOST_LINES:,} more.")


def _choice(kind: str, choices: Sequence[str]) -> str:
    """What is done with the files of one kind."""
    if len(choices) == 1:
        return choices[0]
    return st.radio(
        TITLES[kind],
        choices,
        format_func=DOES.__getitem__,
        horizontal=True,
        key=f"incoming_{kind}",
        label_visibility="collapsed",
    )


def _do(there: Waiting, chosen: dict[str, str]) -> None:
    relinked = 0
    for file in there.files:
        if chosen[file.path] == "relink" and file.slide_id is not None:
            lab().slides.incoming.relink(file.slide_id, file.path, by=reader_id())
            relinked += 1
    if relinked:
        say_next_run(f"{words.count(relinked, 'slide')} relinked; nothing of them was measured anew")
    out = [path for path, choice in chosen.items() if choice != "add"]
    if len(out) < len(chosen):
        # No folder brings a picture in that lies beside slides: it is named itself.
        meant = [file.path for file in there.files if file.kind == "picture" and chosen[file.path] == "add"]
        lab().slides.submit(there.project_id, [*there.paths, *meant], there.stated, by=reader_id(), left_out=out)
