"""What the Agreement page is made of: coefficients with their intervals, and who gave what against whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from mmdnet.labels.agreement import PUBLISHED
from mmdnet.labels.grading import TASKS, task
from mmdnet.scoring.palette import GRADE_RAMPS
from ui import theme
from ui.session import go_to, lab, open_page, refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmdnet.labels.agreement import Estimate
    from mmdnet.workflows.label_reviews import GroupAgreement, PairAgreement


@st.cache_data(show_spinner="Comparing readers", max_entries=20)
def compared(project_id: int, state: str) -> tuple[list[PairAgreement], list[GroupAgreement]]:
    """Agreement in a project; `state` is the label log's last hash, so that it is worked out once per state."""
    return lab().labels.agreement(project_id)


def words(estimate: Estimate) -> str:
    """An estimate as people read it: value and interval, or a dash."""
    if estimate.value is None:
        return "–"
    return f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})"


def pair_table(pairs: Sequence[PairAgreement]) -> None:
    """Coefficients of two readers, one row per task."""
    table = [
        {"Feature": task(pair.task).title, "Patches": pair.n}
        | {name: words(estimate) for name, estimate in pair.coefficients.items()}
        for pair in pairs
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Agreement of two readers per feature")


def group_table(groups: Sequence[GroupAgreement]) -> None:
    """All readers together, one row per task."""
    table = [
        {
            "Feature": task(one.task).title,
            "Fleiss' kappa (patches all graded)": words(one.fleiss),
            "Krippendorff's alpha, ordinal": words(one.alpha),
        }
        for one in groups
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, alt="Agreement of all readers per feature")


def confusion_figure(pair: PairAgreement) -> None:
    """Counts of grade pairs, darker where there are more, the diagonal where they agree."""
    grades = [str(grade.value) for grade in task(pair.task).grades]
    figure = theme.figure(f"{pair.second}", f"{pair.first}", height=270)
    ramp = [[n / (len(GRADE_RAMPS[pair.task]) - 1), fill] for n, fill in enumerate(GRADE_RAMPS[pair.task])]
    figure.add_heatmap(
        x=grades, y=grades, z=pair.counts, text=pair.counts, texttemplate="%{text}", colorscale=ramp, showscale=False,
        hovertemplate=f"{pair.first} %{{y}}, {pair.second} %{{x}}: %{{z}} patches<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(type="category", constrain="domain")
    figure.update_yaxes(type="category", autorange="reversed", scaleanchor="x", rangemode="normal")
    figure.update_layout(
        title={"text": f"{task(pair.task).title}, n = {pair.n}", "font": {"size": 14}}, margin={"t": 40}
    )
    theme.show_figure(figure, key=f"confusion_{pair.task}", alt=f"{task(pair.task).title}: grades of both readers")


def published() -> None:
    """Published human agreement, for comparison; whole biopsies, not patches."""
    table = [
        {"Published, whole biopsies": name} | {task(key).title: f"{value:.2f}" for key, value in numbers.items()}
        for name, _, numbers in PUBLISHED
    ]
    order = ["Published, whole biopsies", *(one.title for one in TASKS)]
    st.dataframe(pd.DataFrame(table)[order], hide_index=True, alt="Published weighted kappa between human readers")
    st.caption("Weighted kappa of whole biopsies; figures of single patches are not to be read on the same scale.")


def review_buttons(project_id: int, reader_id: int) -> None:
    """Start reading again: a blinded tenth of others' patches, one's own after a washout, or the disagreements."""
    kinds = {
        "second": ("Second reads", "A tenth of the patches others have graded and you have not, blinded."),
        "repeat": ("Repeat reads", "A tenth of your own patches, two weeks or more after you graded them."),
        "adjudication": ("Settle disagreements", "All patches on which readers differ; names stay hidden."),
    }
    with st.container(horizontal=True):
        for kind, (title, help_words) in kinds.items():
            if st.button(title, help=help_words, key=f"review_{kind}"):
                with refusals():
                    made = lab().labels.create_review(project_id, reader_id, kind)
                    go_to("session", made.id)
                    open_page("label")
