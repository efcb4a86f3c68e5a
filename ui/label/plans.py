"""A new label session: which slides, which patches of them, how many, and how long that will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from mmdnet.bags.splits import JUDGED_FROM
from mmdnet.errors import LabError
from mmdnet.labels.queue import number_of_each
from mmdnet.workflows.job_specs import IngestSpec
from mmdnet.workflows.labelling.views import QueueChoice
from mmdnet.workflows.next_step import ENOUGH_LABELS
from ui.agreement.label_efficiency import label_efficiency_section
from ui.shell.jobs import as_slides_come, duration
from ui.shell.literal import literal, plain
from ui.shell.presses import answered, pressed, shut
from ui.shell.session import go_to, lab, refusals
from ui.shell.words import count, told_apart

if TYPE_CHECKING:
    from mmdnet.workflows.labelling.plans import PlanView
    from mmdnet.workflows.labelling.views import SessionPreview
    from mmdnet.workflows.slides.views import SlideView
    from mmdnet.workflows.views import ProjectView, ReaderView

DEFAULT_PATCHES, DEFAULT_TOTAL, DEFAULT_AUDIT = 12, 100, 20
MOST_EACH = 5000
START, WHICH, SLIDES = "start_session", "session_which", "session_slides"
ALL_SLIDES, SOME = "All slides", "Some of them"
FEW_SLIDES = 24  # more are not read as a row of names, and take seconds to be drawn as one
PER_SLIDE, PROPOSED = "session_per_slide", "session_proposed"
EACH, ALL, QUOTA = "Of each slide", "In all", "Slide by slide"


def session_form(project: ProjectView, reader: ReaderView, sessions: int) -> None:
    """Choose slides, plan and number, see what comes of it, and start.

    Args:
        sessions: how many the reader has in this project already.
    """
    slides = {slide.id: slide for slide in lab().slides.list(project.id) if slide.usable}
    name = st.text_input("Name", f"Session {sessions + 1}", key="session_name", max_chars=80)
    chosen = _slides_choice(slides)
    if any(job.kind == IngestSpec.kind for job in lab().jobs.list(project.id, active=True)):
        st.caption("Slides are being added and measured. Those that come before you start count among all slides.")
        as_slides_come(project)
    plan = _plan_choice(project, chosen)
    label_efficiency_section()
    per_slide, total = _how_many({key: slides[key] for key in chosen}, project.labelled_patches)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        audit = DEFAULT_AUDIT
        if not plan.at_random:  # else all of it is
            audit = st.number_input(
                "Drawn at random, %",
                0,
                100,
                DEFAULT_AUDIT,
                key="session_audit",
                width=180,
                help="Whatever the plan, this part of the patches is drawn at random and mixed in: only such patches "
                "say how good labels and model are elsewhere. You will not see which they are.",
            )
        seed = st.number_input(
            "Seed", 0, 10**6, 0, key="session_seed", width=120, help="The same seed asks for the same patches."
        )
    if not chosen:
        st.caption("Choose at least one slide.")
        return
    if plan.problem:
        st.info(literal(plan.problem), icon=":material/info:")
        return
    choice = QueueChoice(chosen, per_slide, plan.name, int(seed), audit_share=audit / 100, total=total)
    try:
        preview = lab().labels.sessions.preview(project.id, reader.id, choice)
    except LabError as refusal:
        st.error(literal(str(refusal)), icon=":material/error:")
        return
    st.markdown(preview_words(preview, plan.at_random))
    _patients([slides[key] for key in chosen])
    if pressed("Start labelling", type="primary", key=START, disabled=preview.patches == 0):
        with refusals():
            made = lab().labels.sessions.create(project.id, reader.id, name, choice)
            answered(START)
            shut()
            go_to("session", made.id)
            st.rerun()


def _slides_choice(slides: dict[int, SlideView]) -> list[int]:
    """All slides, also those that come in meanwhile; or some of them by name."""
    words = {ALL_SLIDES: f"{ALL_SLIDES} ({len(slides):,})", SOME: SOME}
    which = st.segmented_control(
        "Slides", list(words), format_func=words.__getitem__, default=ALL_SLIDES, required=True, key=WHICH
    )
    if which == ALL_SLIDES:
        return list(slides)
    before = st.session_state.get(SLIDES, slides if len(slides) <= FEW_SLIDES else ())
    st.session_state[SLIDES] = [slide for slide in before if slide in slides]
    names = told_apart({key: _slide_words(slide) for key, slide in slides.items()})
    return st.multiselect(
        "Some of the slides",
        list(slides),
        format_func=names.__getitem__,
        key=SLIDES,
        placeholder="Choose slides by name",
        label_visibility="collapsed",
    )


def _patients(chosen: Sequence[SlideView]) -> None:
    """Before the work goes in: what comes of labels of few patients."""
    patients = {slide.patient or slide.id for slide in chosen}
    if len(patients) < JUDGED_FROM:
        whose = patients_words([slide.patient for slide in chosen])
        st.caption(
            f"{literal(whose)} A training keeps patients aside to judge the network by: with labels of {JUDGED_FROM} "
            "or more its scores can become reportable, with fewer they seldom do."
        )


def patients_words(patients: Sequence[str | None]) -> str:
    """Of how many patients slides are, given the patient of each; a slide without one is called no patient."""
    named = len(set(filter(None, patients)))
    nameless = sum(not patient for patient in patients)
    if not nameless:
        return f"Slides of {count(named, 'patient')}."
    if not named:
        return f"Patients unknown: {'each of the slides' if nameless > 1 else 'the slide'} is taken for one."
    return f"Slides of {count(named, 'patient')}, and {count(nameless, 'slide')} of unknown ones, each taken for one."


def preview_words(preview: SessionPreview, at_random: bool) -> str:
    """What a session would be, in a sentence or two."""
    if preview.patches == 0:
        return "No patches left for this plan to ask you for on these slides. Choose other slides or another plan."
    drawn = count(preview.patches, "patch", "patches")
    if at_random:
        words = f"**{drawn}**, all drawn at random"
    else:
        words = f"**{drawn}**: {preview.patches - preview.audit:,} by the plan, {preview.audit:,} drawn at random"
    if preview.minutes is None:
        return f"{words}. How long that takes is told once you have graded five patches."
    return f"{words}. About **{duration(60 * preview.minutes)}** at your pace of {preview.pace_s:.1f} s a patch."


def _plan_choice(project: ProjectView, chosen: list[int]) -> PlanView:
    """The plan, what it does, and what it would follow."""
    views = {view.name: view for view in lab().labels.sessions.plans(project.id, chosen)}
    name = st.selectbox(
        "Which patches", list(views), format_func=lambda key: views[key].title, key="session_plan", width=420
    )
    view = views[name]
    st.caption(literal(f"{view.what} {view.note or ''}"))
    return view


def _how_many(slides: dict[int, SlideView], labelled: int) -> tuple[int | dict[int, int] | None, int | None]:
    """Patches of each slide, or by slide; or else over all of them. Proposed are enough for a training, if there are.

    Args:
        labelled: patches of the project that carry a label.
    """
    enough = number_of_each([slide.usable for slide in slides.values()], ENOUGH_LABELS - labelled)
    each = min(MOST_EACH, max(DEFAULT_PATCHES, enough))
    way = st.segmented_control("How many patches", [EACH, ALL, QUOTA], default=EACH, key="session_way") or EACH
    if way == ALL:
        total = st.number_input("Patches in all", 1, 1_000_000, DEFAULT_TOTAL, key="session_total", width=180)
        return None, int(total)
    if way == EACH:
        state = st.session_state
        if PER_SLIDE not in state or state[PER_SLIDE] == state.get(PROPOSED):
            state[PER_SLIDE] = each
        state[PROPOSED] = each
        return int(st.number_input("Patches per slide", 1, MOST_EACH, key=PER_SLIDE, width=180)), None
    return _quota(slides, each), None


def _quota(slides: dict[int, SlideView], each: int) -> dict[int, int]:
    keys = list(slides)
    table = {
        "Slide": [plain(slides[key].name) for key in keys],
        "Patches": [slides[key].usable for key in keys],
        "Ask for": [min(each, slides[key].usable) for key in keys],
    }
    wanted: Any = st.data_editor(
        table,
        key="session_quota",
        disabled=["Slide", "Patches"],
        hide_index=True,
        height=min(38 + 35 * len(keys), 260),
        column_config={"Ask for": st.column_config.NumberColumn(min_value=0, step=1, required=True)},
    )
    return {key: int(number or 0) for key, number in zip(keys, wanted["Ask for"], strict=True)}


def _slide_words(slide: SlideView) -> str:
    return f"{plain(slide.name)} ({count(slide.usable, 'patch')})"
