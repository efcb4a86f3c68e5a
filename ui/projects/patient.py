"""One patient: which, the slides visit after visit, and what changed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS
from mmdnet.scoring.palette import TASK_COLOURS
from ui.shell import theme, words
from ui.shell.literal import in_figure, literal, plain, plain_all
from ui.shell.session import go_to, open_page
from ui.shell.tables import open_column, opened_row

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.patients import PatientView
    from mmdnet.workflows.slides.views import SlideView

NO_VISIT = "no visit named"


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A slide of a patient with the score that leads."""

    slide: SlideView
    score: ScoreView | None

    @property
    def visit(self) -> str:
        return self.slide.visit or NO_VISIT

    @property
    def nas(self) -> int | None:
        return None if self.score is None else self.score.nas

    def grade(self, task: str) -> int | None:
        """The grade that leads: signed, else the model's where it may be reported."""
        return None if self.score is None else self.score.grades[task]


def choose(patients: Sequence[PatientView]) -> PatientView:
    """Which patient; the address names it by the number of its first slide, so that a link leads there again.

    The patient's own id stays out of a browser's history and a web server's log.
    """
    known = {view.person: view for view in patients}
    number_of = {view.person: str(min(view.slide_ids)) for view in patients}
    written = st.query_params.get("patient")
    asked = next((person for person, number in number_of.items() if number == written), None)
    if written is not None and asked is None:
        st.warning("The patient this link names is not in this project.")
    st.session_state["pick_patient"] = asked or next(iter(known))

    written_as = {
        view.person: plain(view.patient) + (f", {plain(view.site)}" if view.site else "") for view in patients
    }
    names = words.told_apart(written_as)

    def write_address() -> None:
        if (chosen := st.session_state["pick_patient"]) in number_of:  # else a name that changed meanwhile
            st.query_params["patient"] = number_of[chosen]

    st.selectbox(
        "Patient", list(names), format_func=names.__getitem__, key="pick_patient", width=320, on_change=write_address
    )
    return known[st.session_state["pick_patient"]]


def _natural(text: str) -> list[tuple[int, str]]:
    """Order of visits: numbers in them by their value."""
    return [(int(part), "") if part.isdecimal() else (-1, part.lower()) for part in re.split(r"([0-9]+)", text) if part]


def visits(slides: Sequence[SlideView], leading: Mapping[int, ScoreView]) -> list[VisitRow]:
    """A patient's slides, visit after visit; those that name none come last."""
    own = [VisitRow(slide, leading.get(slide.id)) for slide in slides]
    return sorted(own, key=lambda row: (row.slide.visit is None, _natural(row.visit), row.slide.name))


def visit_table(rows: Sequence[VisitRow]) -> None:
    """Every slide with its grades; a press opens the report, or the slide while there is none."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "open": ["Open"] * len(rows),
            "Visit": plain_all(row.visit for row in rows),
            "Slide": plain_all(row.slide.name for row in rows),
            "Stain": plain_all(row.slide.stain for row in rows),
            "NAS": pd.array([row.nas for row in rows], dtype="Int64"),
            **{task.title: pd.array([row.grade(task.name) for row in rows], dtype="Int64") for task in SHOWN_TASKS},
            "NAS by": [words.nas_by(row.score) for row in rows],
            "Fat, %": [None if (fat := row.slide.fat_area_share) is None else 100 * fat for row in rows],
            "Site": plain_all(row.slide.site for row in rows),
        }
    )
    styled = table.style
    for task in SHOWN_TASKS:
        styled = styled.map(partial(theme.grade_styles, task.name), subset=[task.title])
    st.dataframe(
        styled, hide_index=True, key="patient_slides", placeholder=words.NOTHING, height="content",
        column_config={task.title: st.column_config.NumberColumn(task.letter, help=task.title, width=44)
                       for task in SHOWN_TASKS}
        | {
            "open": open_column("patient_open"), "Fat, %": st.column_config.NumberColumn(format="%.1f"),
            "NAS": st.column_config.NumberColumn(help=words.NAS_HELP),
        },
        alt="Slides of this patient, visit after visit",
    )  # fmt: skip
    row = opened_row("patient_open", len(rows))
    if row is not None:
        score = rows[row].score
        go_to("slide", rows[row].slide.id)
        if score is not None:
            go_to("score", score.id)
        open_page("slides" if score is None else "report")


def highest(rows: Sequence[VisitRow]) -> dict[str, VisitRow]:
    """Of each named visit the slide that stands for it: the highest NAS known, by visit in their order."""
    of_visit: dict[str, VisitRow] = {}
    for row in rows:
        if row.slide.visit is not None and row.nas is not None:
            before = of_visit.get(row.visit)
            if before is None or (before.nas or 0) < row.nas:
                of_visit[row.visit] = row
    return of_visit


def changes(rows: Sequence[VisitRow]) -> None:
    """What changed between visits, in words and as lines; says what is missing for that."""
    of_visit = highest(rows)
    if len(of_visit) < 2:
        st.caption("A change shows once two visits, named among the slides' facts, have a NAS that is signed or valid.")
        return
    st.header("Change over time")
    named = list(of_visit.values())
    for before, after in pairwise(named):
        was, now = before.nas or 0, after.nas or 0
        moved = [
            f"{task.title.lower()} {before.grade(task.name)} → {after.grade(task.name)}"
            for task in SHOWN_TASKS
            if None not in (before.grade(task.name), after.grade(task.name))
            and before.grade(task.name) != after.grade(task.name)
        ]
        st.markdown(
            f"- {literal(before.visit)} → {literal(after.visit)}: NAS {was:d} → {now:d} ({now - was:+d})"
            + (f"; {literal(', '.join(moved))}" if moved else "")
        )
    made = theme.figure("Visit", "Grade, NAS", height=280)
    across = [in_figure(visit) for visit in of_visit]
    for task in SHOWN_TASKS:
        made.add_scatter(
            x=across, y=[row.grade(task.name) for row in named], name=task.title, mode="lines+markers",
            line={"color": TASK_COLOURS[task.name], "width": 2},
        )  # fmt: skip
    made.add_scatter(
        x=across, y=[row.nas for row in named], name="NAS", mode="lines+markers",
        line={"color": "#5b7f95", "width": 3, "dash": "dot"},
    )  # fmt: skip
    made.update_xaxes(type="category")
    theme.show_figure(made, key="patient_change", alt="Grades and NAS of this patient by visit")
    st.caption(
        "The slide with the highest NAS stands for its visit. Two biopsies sample two places: a step of one grade may "
        "be chance."
    )
