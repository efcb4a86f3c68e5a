"""What a session came to, when it ends; and after the first slides whether its question can be judged at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from ui.shell import theme
from ui.shell.literal import literal
from ui.shell.session import lab, refusals
from ui.shell.words import count, share

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.own import GivenNumbers
    from mmdnet.workflows.labelling.views import SessionView
    from mmdnet.workflows.views import ReaderView


def session_summary(view: SessionView) -> None:
    """The session in numbers, in two lines: what was given, and how often which grade."""
    numbers = lab().labels.own.summary(view.id)
    st.markdown(f"**Finished.** {summary_words(numbers)}")
    rows = "".join(
        f'<span class="mmd-row"><span class="mmd-muted">{task.title}</span>'
        + "".join(f"{theme.chip(task.name, grade)} × {times}" for grade, times in numbers.grades[task.name].items())
        + f"{theme.chip(task.name, None)} {share(numbers.unknown_share[task.name])}</span>"
        for task in SHOWN_TASKS
    )
    st.html(f'<div class="mmd-row mmd-small mmd-counts">{rows}</div>')


def summary_words(numbers: GivenNumbers) -> str:
    """How many patches, what of them could not be graded, and how long it took."""
    parts = [
        f"{count(numbers.patches, 'patch', 'patches')} labelled, {numbers.ignored:,} of them ignored",
        f"{numbers.flagged:,} flagged",
        f"{share(numbers.unknown)} of the grades unknown",
    ]
    if numbers.minutes is not None:
        spent = f"{numbers.minutes:.0f} min" if numbers.minutes >= 1 else "under a minute"
        parts.append(f"{spent} in all")
        parts.append(f"{numbers.pace_s:.1f} s a patch in the median")
    return ", ".join(parts)


def first_look(reader: ReaderView, view: SessionView) -> bool:
    """One line with two answers, once there are labels of a second slide, until it is answered; whether it is drawn."""
    looked = lab().labels.own.first_look(view.project_id, reader.id)
    if looked is None:
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="oneline_first_look"):
        st.caption(first_look_words(looked.numbers, looked.slides), help=WHAT_FOR)
        yes = st.button("Yes", key="judgeable_yes")
        no = st.button("No", key="judgeable_no")
    if yes or no:
        with refusals():
            lab().labels.own.answer(view.id, reader.id, yes)
            st.rerun()
    return True


def first_look_words(numbers: GivenNumbers, slides: int) -> str:
    """What the first labels say, and the question."""
    hardest = max(SHOWN_TASKS, key=lambda task: numbers.unknown_share[task.name] or 0)
    unknown = f"{share(numbers.unknown)} unknown"
    if numbers.unknown_share[hardest.name]:
        unknown += f" (most of {literal(hardest.title.lower())}: {share(numbers.unknown_share[hardest.name])})"
    pace = "" if numbers.pace_s is None else f"{numbers.pace_s:.1f} s a patch, "
    question = (
        "Asked once: can the grades be told on such small patches? No keeps your answer with the session and says "
        "what to do instead; nothing is lost either way."
    )
    return f"**Patches of {slides:,} slides graded** · {pace}{unknown}. {question}"


WHAT_FOR = "Asked after the first slides, before many hours go into it; grading goes on without an answer."
NOT_JUDGEABLE = (
    "You found that this cannot be judged on these patches. Leave a grade unknown (U) where you cannot tell: it is "
    "never taken for 0. Hold Z to see what lies around; where that is not enough, grade whole slides (Slides page)."
)
