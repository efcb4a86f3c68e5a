"""Reading a whole slide: the slide and Kleiner's criteria, and nothing a model or another reader said of it.

Keys as on the labelling canvas: a digit grades the feature whose turn it is, U leaves it unknown, Backspace goes back,
Enter saves once every feature had its turn.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS, Task
from mmdnet.reports.typeset import typeset
from mmdnet.workflows.slides.slide_reads import KINDS, ReadKind
from ui.shell import words
from ui.shell.literal import in_html, literal
from ui.shell.session import go_to, lab, nobody_reads, reader, refusals, say_next_run
from ui.shell.theme import chip, in_page
from ui.shell.unsent import keep_unsent, sent_now
from ui.slides.pictures import thumbnail
from ui.slides.viewer import deep_zoom, viewer_is_here

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import SlideView
    from mmdnet.workflows.views import ReaderView
    from ui.shell.unsent import Value

OVERVIEW_PX = 1400
UNKNOWN = "unknown"  # a feature that had its turn and was left open, as the tab keeps it
TITLES: dict[ReadKind, str] = {"own": "Grade whole slides", "second": "Second reads", "settle": "Disagreements"}
HELP: dict[ReadKind, str] = {
    "own": "Slides nobody has graded as a whole, one after another; no model's grades are shown.",
    "second": "Slides another reader has graded and you have not; you see nothing of what they gave.",
    "settle": "Slides on which readers differ: you see the grades, not by whom, and give the one that counts.",
}


@dataclass
class Read:
    """A read under way in this tab.

    Attributes:
        grades: by task, of those that had their turn; None where it cannot be told.
        key: of the reading that comes of it.
        began_s: of the clock that only goes forward.
        alone: it was asked for by the slide's report, which is shown again once it is saved; no other slide follows.
    """

    kind: ReadKind
    slide_id: int
    reader_id: int
    grades: dict[str, int | None] = field(default_factory=dict)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    began_s: float = field(default_factory=time.monotonic)
    alone: bool = False

    @property
    def turn(self) -> Task | None:
        """The feature to grade; None when all had their turn."""
        return next((task for task in SHOWN_TASKS if task.name not in self.grades), None)


def reads_due(project_id: int) -> None:
    """Buttons that begin a read, each with how many slides are due; for a list of slides."""
    who = reader()
    if who is None:
        return
    due = lab().slides.reads.due(project_id, who.id)
    with st.container(horizontal=True):
        for kind in KINDS:
            slides = due.of(kind)
            title = f"{literal(TITLES[kind])} ({len(slides)})"
            if slides and st.button(title, key=f"read_{kind}", icon=":material/visibility:", help=literal(HELP[kind])):
                _begin(Read(kind, slides[0], who.id))


def read_button(slide: SlideView) -> None:
    """Begin a read of this slide, or take one's own reading of it back."""
    who = reader()
    nobody = literal(nobody_reads("a slide is graded by somebody"))
    pressed = st.button(
        "Grade the whole slide",
        key="read_this",
        icon=":material/visibility:",
        disabled=who is None,
        help=None if who else nobody,
    )
    if who is None:
        return
    if pressed:
        _begin(Read("own", slide.id, who.id))
    if lab().slides.reads.own(slide.id, who.id) is not None and st.button("Take my grades back", key="read_clear"):
        with refusals():
            lab().slides.reads.clear(slide.id, who.id, uuid.uuid4().hex)
            say_next_run("Your grades of this slide were taken back; the record keeps them")
            st.rerun()


def _begin(read: Read) -> None:
    st.session_state["whole_read"] = read
    go_to("slide", read.slide_id)
    st.rerun()


def current_read(project_id: int, slides: Sequence[SlideView]) -> tuple[Read, SlideView, ReaderView] | None:
    """The read under way in this tab, if its slide is here and its reader still reads; kept over a reload."""
    read, who = st.session_state.get("whole_read"), reader()
    under_way = {
        "read_kind": read.kind if read else None,
        "read_slide": read.slide_id if read else None,
        "read_reader": read.reader_id if read else None,
    }
    keep_unsent(_form(project_id), _take_back, known=under_way | _kept_grades(read))
    if who is None:  # as in the first run after a reload: the browser says a moment later who reads
        return None
    slide = next((there for there in slides if read is not None and there.id == read.slide_id), None)
    if slide is None or read is None or who.id != read.reader_id:
        st.session_state.pop("whole_read", None)
        return None
    return read, slide, who


def _form(project_id: int) -> str:
    return f"whole_read_{project_id}"


def _form_of_report(slide_id: int) -> str:
    return f"report_read_{slide_id}"


def _kept_grades(read: Read | None) -> dict[str, Value]:
    """What the tab keeps of the grades given so far; nothing of a feature that had no turn."""
    given = {} if read is None else read.grades
    return {
        f"read_{task.name}": None
        if task.name not in given
        else UNKNOWN
        if given[task.name] is None
        else str(given[task.name])
        for task in SHOWN_TASKS
    }


def _grades_in(kept: Mapping[str, Value]) -> dict[str, int | None]:
    """The grades among what a tab kept, and no others than there are."""
    grades: dict[str, int | None] = {}
    for task in SHOWN_TASKS:
        known = {str(grade.value): grade.value for grade in task.grades} | {UNKNOWN: None}
        if (value := str(kept.get(f"read_{task.name}"))) in known:
            grades[task.name] = known[value]
    return grades


def _take_back(kept: Mapping[str, Value]) -> None:
    """Go on with the read that was under way in this tab before it was loaded anew."""
    kind, slide, who = (kept.get(f"read_{name}") for name in ("kind", "slide", "reader"))
    if "whole_read" not in st.session_state and kind in KINDS and isinstance(slide, int) and isinstance(who, int):
        st.session_state["whole_read"] = Read(kind, slide, who, _grades_in(kept))


def read_slide(read: Read, slide: SlideView, who: ReaderView) -> None:
    """The page of a read: no score, no measured fat, no label is drawn."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(literal(slide.name))
        if st.button("Stop grading", key="read_stop", icon=":material/close:"):
            _end(slide)
    _picture_and_criteria(read, slide, who)


def read_for_report(slide: SlideView, who: ReaderView) -> None:
    """A read in the place of the slide's report, for a project that asks for the reader's own grades first."""
    read = st.session_state.get("report_read")
    if read is None or (read.slide_id, read.reader_id) != (slide.id, who.id):
        read = st.session_state["report_read"] = Read("own", slide.id, who.id, alone=True)
    keep_unsent(_form_of_report(slide.id), lambda kept: read.grades.update(_grades_in(kept)), known=_kept_grades(read))
    _picture_and_criteria(read, slide, who)


def _picture_and_criteria(read: Read, slide: SlideView, who: ReaderView) -> None:
    picture, beside = st.container(key="slide_body").columns([3, 2], gap="medium")
    with picture:
        if viewer_is_here():
            deep_zoom(slide, [], begin_at_patch=False, key="read_zoom", tools=("length", "area"))
        else:
            with refusals():
                st.image(in_page(thumbnail(slide.id, slide.path, OVERVIEW_PX)), width="stretch", alt="The whole slide")
    with beside:
        if slide.stain:
            st.caption(f"Stain: {literal(slide.stain)}")
        _criteria(read)
        if read.kind == "settle":
            _votes(read)
        _act(read, slide, who)


def _criteria(read: Read) -> None:
    """What each grade means on a whole slide (Kleiner 2005), the one chosen in its colour."""
    rows = []
    for task in SHOWN_TASKS:
        turn = " class='mine'" if read.turn is task else ""
        cells = "".join(
            f"<div class='mmd-row mmd-unbroken'>{chip(task.name, grade.value)} "
            f"{'<b>' if read.grades.get(task.name) == grade.value else ''}{in_html(typeset(grade.slide))}"
            f"{'</b>' if read.grades.get(task.name) == grade.value else ''}</div>"
            for grade in task.grades
        )
        given = read.grades.get(task.name)
        state = "" if task.name not in read.grades else ("unknown" if given is None else str(given))
        rows.append(f"<tr{turn}><td>{task.title}</td><td>{cells}</td><td><b>{state}</b></td></tr>")
    st.html(f'<table class="mmd-criteria">{"".join(rows)}</table>')


def _votes(read: Read) -> None:
    with refusals():
        votes = lab().slides.reads.votes(read.slide_id, read.reader_id)
        said = "; ".join(
            " ".join(f"{task.letter}{'–' if vote[task.name] is None else vote[task.name]}" for task in SHOWN_TASKS)
            for vote in votes
        )
        st.info(f"Readers said: {literal(said)}")


def _act(read: Read, slide: SlideView, who: ReaderView) -> None:
    """Buttons of the feature whose turn it is, each with its key; saving once all had theirs."""
    task = read.turn
    if task is not None:
        st.markdown(f"**{literal(task.title)}**")
        with st.container(horizontal=True):
            for grade in task.grades:
                key = f"read_{task.name}_{grade.value}"
                if st.button(literal(typeset(grade.slide)), key=key, shortcut=f"{grade.value:d}"):
                    _give(read, task, grade.value)
            if st.button("Unknown", key=f"read_{task.name}_unknown", shortcut="u"):
                _give(read, task, None)
    with st.container(horizontal=True):
        if read.grades and st.button("Back", key="read_back", shortcut="backspace", icon=":material/undo:"):
            read.grades.popitem()
            st.rerun()
        if task is None and st.button("Save", type="primary", key="read_save", shortcut="enter"):
            _save(read, slide, who)


def _give(read: Read, task: Task, grade: int | None) -> None:
    read.grades[task.name] = grade
    st.rerun()


def _save(read: Read, slide: SlideView, who: ReaderView) -> None:
    """Append the reading and go on to the next slide that is due."""
    with refusals():
        shown = {"view": "viewer" if viewer_is_here() else "picture", "score": False, "measured_fat": False}
        took_ms = round((time.monotonic() - read.began_s) * 1000)
        lab().slides.reads.put(
            slide.id, who.id, read.grades, kind=read.kind, key=read.key, shown=shown, took_ms=took_ms
        )
        if read.alone:
            del st.session_state["report_read"]
            sent_now(_form_of_report(slide.id))
            say_next_run("Saved; the model's grades are shown beside yours")
            st.rerun()
        due = lab().slides.reads.due(slide.project_id, who.id).of(read.kind)
        left = [number for number in due if number != slide.id]
        say_next_run(f"Saved; {words.count(len(left), 'slide')} left" if left else "Saved")
        if left:
            _begin(Read(read.kind, left[0], who.id))
        _end(slide)


def _end(slide: SlideView) -> None:
    st.session_state.pop("whole_read", None)
    sent_now(_form(slide.project_id))
    go_to("slide", None)
    st.rerun()
