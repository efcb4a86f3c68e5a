"""What a session came to, when it ends; and after the first slides whether its question can be judged at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from ui.shell import theme
from ui.shell.literal import literal
from ui.shell.session import lab, refusals, refusals_next_run
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
    """A button that opens the question, once there are labels of a second slide, until it is answered; whether it is
    drawn. It is no higher than the line it stands in: whoever grades by keys goes on, and the patch stays in place."""
    looked = lab().labels.own.first_look(view.project_id, reader.id)
    if looked is None:
        return False
    with st.popover(JUDGEABLE, key="first_look"):
        st.markdown(first_look_words(looked.numbers, looked.slides))
        st.markdown(WHAT_ANSWERS_DO)
        with st.container(horizontal=True, gap="small"):
            yes = st.button("Yes", key="judgeable_yes")
            no = st.button("No", key="judgeable_no")
    if yes or no:
        with refusals():
            lab().labels.own.answer(view.id, reader.id, yes)
            st.rerun()
    return True


def judgeable_choice(reader: ReaderView, view: SessionView) -> None:
    """The same question where it can be answered, and answered otherwise, at any time of the session."""
    key = f"judgeable_{view.id}"
    st.session_state[key] = None if view.plan.judgeable is None else ANSWERS[view.plan.judgeable]
    st.radio(
        JUDGEABLE, list(ANSWERS.values()), index=None, key=key, horizontal=True, help=WHAT_ANSWERS_DO,
        on_change=_answer, args=(reader.id, view.id, key),
    )  # fmt: skip


def _answer(reader_id: int, session_id: int, key: str) -> None:
    with refusals_next_run():
        lab().labels.own.answer(session_id, reader_id, st.session_state[key] == ANSWERS[True])


def first_look_words(numbers: GivenNumbers, slides: int) -> str:
    """What the first labels say of how they were given."""
    hardest = max(SHOWN_TASKS, key=lambda task: numbers.unknown_share[task.name] or 0)
    unknown = f"{share(numbers.unknown)} unknown"
    if numbers.unknown_share[hardest.name]:
        unknown += f" (most of {literal(hardest.title.lower())}: {share(numbers.unknown_share[hardest.name])})"
    pace = "" if numbers.pace_s is None else f"{numbers.pace_s:.1f} s a patch, "
    return f"**Patches of {slides:,} slides graded** · {pace}{unknown}."


ANSWERS = {True: "Yes", False: "No"}
JUDGEABLE = "Can these patches be judged?"
WHAT_ANSWERS_DO = (
    "Can the grades be told on such small patches? **Yes**: nothing changes. **No**: it is noted with this session, "
    "and the line above the patch says what to do instead. All labels stay either way; the keys go on without an "
    "answer, and *Options* takes it, or another one, later."
)
NOT_JUDGEABLE = (
    "You found that this cannot be judged on these patches. Leave a grade unknown (U) where you cannot tell: it is "
    "never taken for 0. Hold Z to see what lies around; where that is not enough, grade whole slides (Slides page)."
)
