"""A finished evaluation on the page: the worst part first, then agreement, calibration, endpoints, slides and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.evaluation import tables
from mmdnet.evaluation.definitions import DEFINITIONS
from mmdnet.evaluation.files import KINDS, cases_csv, written
from ui.evaluate import figures
from ui.shell import words
from ui.shell.jobs import ago
from ui.shell.literal import literal, plain, plain_all
from ui.shell.session import go_to, lab, open_page
from ui.shell.tables import open_column, opened_row, table_height

if TYPE_CHECKING:
    from mmdnet.evaluation.result import Evaluation
    from mmdnet.evaluation.tables import Table
    from mmdnet.workflows.evaluation.views import EvaluationHead

FILE_WORDS = {"csv": "Figures, CSV", "md": "Markdown", "tex": "LaTeX", "json": "JSON"}


@st.cache_data(show_spinner=False, max_entries=10)
def _kept(job_id: str) -> Evaluation:
    """A finished evaluation: its file is never written anew."""
    return lab().evaluations.get(job_id)


def show(head: EvaluationHead) -> None:
    """All of a finished evaluation."""
    try:
        judged = _kept(head.id)
    except LabError as refusal:
        st.error(literal(str(refusal)), icon=":material/error:")
        return
    st.header(literal(judged.subject))
    rule = f" · rule: {literal(judged.rule)}" if judged.rule else ""
    drawn = " · simulated slides only" if judged.simulated else ""
    st.caption(
        f"{words.count(judged.slides, 'slide')} of {words.count(judged.patients, 'patient')}{rule}{drawn} · "
        f"{ago(head.created_at)} · research use only"
    )
    st.markdown("\n".join(f"- {literal(sentence)}" for sentence in tables.worst_sentences(judged)))
    for sentence in tables.referral_sentences(judged):
        st.markdown(literal(sentence))
    for sentence in judged.notes:
        st.warning(literal(sentence), icon=":material/warning:")
    figures.agreement_figure(judged)
    show_table(tables.summary_table(judged))
    with st.container(key="evaluation_matrices"):
        figures.confusion_figures(judged)
    if judged.breakdowns:
        _breakdowns(judged)
    _calibration(judged)
    if judged.endpoints:
        st.markdown("### Composite endpoints")
        show_table(tables.endpoint_table(judged))
        for endpoint in judged.endpoints:
            st.caption(f"**{literal(endpoint.title)}**: {literal(endpoint.definition)}")
    st.markdown("### Beside people")
    show_table(tables.human_table(judged))
    st.caption("Published figures are of other slides and other readers; they give the scale, not a contest.")
    _slides(judged)
    _apart(judged)
    _files(judged, head)
    with st.expander("What the figures mean"):
        st.markdown("\n".join(f"- **{name}**: {literal(said)}" for name, said in DEFINITIONS.items()))


def show_table(table: Table) -> None:
    """A table of an evaluation, its cells as text."""
    import pandas as pd

    rows = [plain_all(row) for row in table.rows]
    st.dataframe(
        pd.DataFrame(rows, columns=list(_apart_names(table.columns))), hide_index=True, height="content",
        alt=plain(table.title),
    )  # fmt: skip


def _apart_names(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Names of columns, each once: what stands under a feature's accuracy carries the feature's name too."""
    named, feature = [], ""
    for column in columns:
        before, colon, _ = column.partition(": ")
        feature = before if colon else feature
        named.append(f"{feature}: {column}" if column in named or (feature and not colon) else column)
    return tuple(named)


def _breakdowns(judged: Evaluation) -> None:
    st.markdown("### Where it fails")
    by = st.segmented_control(
        "By", [breakdown.by for breakdown in judged.breakdowns], default=judged.breakdowns[0].by, required=True,
        key="evaluation_by",
    )  # fmt: skip
    breakdown = next(known for known in judged.breakdowns if known.by == by)
    figures.part_figure(breakdown, judged)
    show_table(tables.part_table(breakdown))


def _calibration(judged: Evaluation) -> None:
    st.markdown("### Calibration and intervals")
    left, right = st.columns(2, gap="large")
    with left:
        figures.reliability_figure(judged)
    with right:
        figures.coverage_figure(judged)
    show_table(tables.detail_table(judged))


def _slides(judged: Evaluation) -> None:
    """Every slide with truth and model, the largest errors first; a click opens the slide."""
    import pandas as pd

    names = tables.titles()
    rows = sorted(judged.cases, key=lambda row: -sum(abs(row.said[k] - row.truth[k]) for k in row.truth if k != "nas"))
    st.markdown("### Slides, the largest errors first")
    table = pd.DataFrame(
        {
            "open": ["Slide"] * len(rows),
            "Slide": plain_all(row.slide for row in rows),
            "Patient": plain_all(row.patient for row in rows),
            "Site": plain_all(row.site for row in rows),
            **{
                names[name]: [
                    f"{row.truth[name]} → {row.said[name]}" if name in row.truth else words.NOTHING for row in rows
                ]
                for name in judged.scales
            },
        }
    )
    st.dataframe(
        table, hide_index=True, height=table_height(len(rows), 12), key="evaluation_slides",
        column_config={"open": open_column("evaluation_open")}, alt="Slides with truth and model",
    )  # fmt: skip
    st.caption("True grade → the model's.")
    row = opened_row("evaluation_open", len(rows))
    if row is not None:
        go_to("slide", rows[row].slide_id)
        open_page("slides")


def _apart(judged: Evaluation) -> None:
    sentences = tables.apart_sentences(judged)
    if sentences:
        with st.expander(f"Kept apart or left out ({words.count(len(sentences), 'line')})"):
            st.markdown("\n".join(f"- {literal(sentence)}" for sentence in sentences))


def _files(judged: Evaluation, head: EvaluationHead) -> None:
    st.markdown("### Take it with you")
    preset = st.segmented_control(
        "Tables", list(tables.PRESETS), default="all", required=True, key="evaluation_preset",
        format_func={"all": "All", "summary": "Summary", "table4": "Table 4 of the paper"}.__getitem__,
    )  # fmt: skip
    with st.container(horizontal=True):
        for kind in KINDS:
            st.download_button(
                FILE_WORDS[kind], written(judged, kind, preset), f"evaluation-{head.id[:8]}.{kind}",
                icon=":material/download:", key=f"evaluation_{kind}", on_click="ignore",
            )  # fmt: skip
        st.download_button(
            "Slides, CSV", cases_csv(judged), f"evaluation-{head.id[:8]}-slides.csv", icon=":material/download:",
            key="evaluation_slides_csv", on_click="ignore",
        )  # fmt: skip
