"""Reading and signing on the Report page, beside the evidence; and the signatures there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import Grades
from ui.shell.literal import code, literal
from ui.shell.session import lab, reader, refusals, say_next_run
from ui.shell.theme import grade_chips

if TYPE_CHECKING:
    from mmdnet.reports.schema import Report
    from mmdnet.workflows.scoring.views import ScoreView, SignOffView


def sign_off(score: ScoreView, report: Report, signed: Sequence[SignOffView]) -> None:
    """The pathologist's own grades and the signature; they begin with the model's grades that may be reported."""
    who = reader()
    if who is None:
        st.info("Say at the left who is reading; then you can give your own grades and sign.")
        return
    said = {feature.task: feature.grade for feature in report.features if report.validity.holds_for(feature.task)}
    begin = signed[-1].grades if signed else said
    chosen: dict[str, int | None] = {}
    for feature in report.features:
        chosen[feature.task] = st.segmented_control(
            feature.title,
            [criterion.grade for criterion in feature.criteria],
            default=begin.get(feature.task),
            key=f"sign_{score.id}_{len(signed)}_{feature.task}",
        )
    grades = Grades(**chosen)
    total = "no NAS: a feature is left unknown" if grades.total is None else f"NAS {grades.total}"
    st.markdown(f"Your reading: **{total}**")
    reason = st.text_input(
        "Why, where you differ from the model",
        key=f"reason_{score.id}_{len(signed)}",
        placeholder="Only needed for a changed grade",
    )
    label = f"{'Amend' if signed else 'Sign'} as {literal(who.name)}"
    if st.button(label, type="primary", icon=":material/draw:", key="sign"):
        with refusals():
            lab().reports.sign(score.id, who.id, grades, reason)
            say_next_run("Signed")
            st.rerun()
    st.caption("A signature is never changed or deleted; a later one amends it.")


def signatures(signed: Sequence[SignOffView]) -> None:
    """Who signed which grades, oldest first."""
    if not signed:
        st.caption("Not signed yet.")
    amended = {later.amends_id for later in signed}
    for signature in signed:
        _signature(signature, amended=signature.id in amended)


def _signature(signature: SignOffView, amended: bool) -> None:
    with st.container(border=True):
        st.markdown(
            f"**{literal(signature.reader)}** · {moment(signature.at)}" + (" · :gray[amended since]" if amended else "")
        )
        st.html(grade_chips(signature.grades))
        if signature.reason:
            st.caption(literal(signature.reason))
        st.caption(f"Report {code(signature.report_sha256[:16])}")


def moment(when: datetime) -> str:
    """A date and time with its zone."""
    return when.strftime("%Y-%m-%d %H:%M UTC")
