"""The head of the Report page: which report, what was signed, what the model says, and whether that may be reported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import SHOWN_TASKS, task
from mmdnet.reports.typeset import advice_of, all_withheld, cautions_of, cautions_title, typeset
from mmdnet.scoring.validity import NOT_REPORTABLE
from ui.shell import words
from ui.shell.focus import begin_at
from ui.shell.jobs import ago, made_at
from ui.shell.literal import in_html, literal, plain
from ui.shell.session import go_to, nobody_reads, open_page, pick_linked
from ui.shell.theme import chip, grade_chips

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mmdnet.labels.grading import Grades
    from mmdnet.reports.schema import Report
    from mmdnet.workflows.scoring.views import ScoreView, SignOffView
    from mmdnet.workflows.views import ReaderView


def score_picker(scores: Sequence[ScoreView]) -> ScoreView:
    """Which score to report on; a link to one that is not here draws nothing else.

    The model is named where there are several: the date tells two scores of one slide apart.
    """
    one_model = len({score.model_id for score in scores}) == 1
    names = {
        score.id: plain(score.slide_name if one_model else f"{score.slide_name} · {score.model_name}")
        + f" · {made_at(score.created_at)}"
        + (" · signed" if score.signed else "")
        for score in scores
    }
    lost = "The report this link names is not in this project. Choose one of its reports."
    look = {"label_visibility": "collapsed", "placeholder": "Choose a report", "width": 300}
    shown = pick_linked("score", "Report", names, lost, **look)
    return next(score for score in scores if score.id == shown)


def unsigned_steps(waiting: Sequence[int], score_id: int) -> None:
    """Buttons to the reports before and after this one that wait for a signature."""
    others = [key for key in waiting if key != score_id]
    if not others:
        return
    here = waiting.index(score_id) if score_id in waiting else -1
    before = waiting[here - 1] if here > 0 else others[-1]
    for target, icon, said in ((before, "skip_previous", "Previous"), (_after(waiting, score_id), "skip_next", "Next")):
        words_ = f"{said} unsigned report, {len(others)} wait"
        if st.button("", icon=f":material/{icon}:", help=literal(words_), key=f"unsigned_{said}"):
            go_to("score", target)
            st.rerun()


def after_signing(waiting: Sequence[int], score_id: int, signatures: int = 0) -> None:
    """Where one's hands are once a report is signed: the next that waits, or the overview where none does.

    Args:
        signatures: how many there are, where one was given just now: Enter goes on then.
    """
    number = sum(key != score_id for key in waiting)
    if number:
        if st.button(f"Next unsigned report, {number:d} wait", icon=":material/skip_next:", key="after_signing"):
            go_to("score", _after(waiting, score_id))
            st.rerun()
    else:
        st.caption("No other report of this project waits for a signature.")
        if st.button("Overview", icon=":material/home:", key="after_signing"):
            open_page("overview")
    if signatures:
        begin_at("after_signing", signatures, top=True)  # the head says whose report was signed, and what it says


def _after(waiting: Sequence[int], score_id: int) -> int:
    """The one behind this in the order they wait, else the first; `waiting` holds another than this one."""
    here = waiting.index(score_id) if score_id in waiting else -1
    return waiting[here + 1] if here + 1 < len(waiting) else next(key for key in waiting if key != score_id)


def headline(report: Report, signed: Sequence[SignOffView], own_read: Grades | None = None) -> None:
    """What is known of the slide; the grades that lead: signed ones with the model's below, else the model's alone.

    Below them stands what speaks against the model's, in as few boxes as it takes.

    Args:
        own_read: the reader's own grades, where the project asks for them first: they lead until somebody signs.
    """
    facts_of(report, signed)
    if signed:
        amended = ", amending an earlier signature" if signed[-1].amends_id else ""
        _leading(signed[-1].grades, f"signed by {signed[-1].reader}, {ago(signed[-1].at)}{amended}")
        _of_model(report, signed[-1].grades, "signed")
    elif own_read is not None:
        _leading(own_read, "your own grades")
        _of_model(report, own_read, "yours")
    else:
        _of_model(report, None, "")
    _not_reportable(report)
    told = report.reliability
    if told is not None and report.validity.reportable:
        icon = ":material/group:" if told.refer else ":material/check:"
        st.markdown(f"{icon} {literal(advice_of(report))} :gray[{literal(told.measured)}]")
    if not all_withheld(report):
        _caution(report)


def facts_of(report: Report, signed: Sequence[SignOffView]) -> None:
    """What is known of the slide, and whether somebody signed."""
    head = report.header
    facts = [
        head.stain or "stain unknown",
        head.scanner or "scanner unknown",
        f"patient {head.patient}" if head.patient else "patient unknown",
        *([f"accession number {head.accession_number}"] if head.accession_number else []),
        f"{words.number(head.tissue_mm2, 'mm²')} tissue",
        f"{head.patches_assessed:,} of {head.patches:,} patches assessed",
    ]
    badges = [":violet-badge[simulated slide]"] if head.simulated else []
    badges += [
        f":green-badge[:material/check: signed by {literal(signed[-1].reader)}]"
        if signed
        else ":gray-badge[not signed]"
    ]
    st.markdown(f"{literal(' · '.join(facts))} {' '.join(badges)}")


def _leading(grades: Grades, whose: str) -> None:
    total = grades.total
    value = '<span class="mmd-muted">no NAS: a feature is unknown</span>' if total is None else f"<b>{total}</b>"
    chips = grade_chips(grades, big=True)
    st.html(f'<div class="mmd-nas"><span>NAS</span>{value}<span class="mmd-muted">{in_html(whose)}</span>{chips}</div>')


def _of_model(report: Report, given: Mapping[str, int | None] | None, whose: str) -> None:
    """The model's NAS with its interval and parts; small and with the differences marked where a person's grades lead.

    Args:
        given: the grades that lead, None where the model's do.
        whose: they are, in a word.
    """
    nas = report.nas
    if nas.value is not None:
        value = f"<b>{nas.value}</b>"
    else:
        value = (
            f'<span class="mmd-muted">{"not assessed" if report.validity.reportable else NOT_REPORTABLE.lower()}</span>'
        )
    interval = ""
    if nas.interval is not None:
        covers = f", {in_html(report.covers('nas'))}" if report.covers("nas") else ""
        ends = f"{nas.interval.low:.0f}–{nas.interval.high:.0f}"
        interval = f'<span class="mmd-muted">90 % interval {ends} of 0–8{covers}</span>'
    grades = report.model_grades
    if given is None:
        chips = grade_chips(grades, big=True)
        st.html(f'<div class="mmd-nas"><span>NAS</span>{value}{interval}{chips}</div>')
    else:
        chips = _beside(grades, given, whose)
        st.html(f'<div class="mmd-nas below"><span>Model: NAS</span>{value}{interval}{chips}</div>')
    if nas.absent and report.validity.reportable:
        st.caption(literal(nas.absent))


def _beside(grades: Mapping[str, int | None], leading: Mapping[str, int | None], whose: str) -> str:
    """HTML of the model's grades; one that a person graded differently is marked and says so."""
    parts = []
    for feature in SHOWN_TASKS:
        grade = grades.get(feature.name)
        parts.append(f'<span class="mmd-muted">{feature.letter}</span>{chip(feature.name, grade)}')
        given = leading.get(feature.name)
        if grade is not None and grade != given:
            parts.append(f'<span class="mmd-differs">{whose} {"unknown" if given is None else given}</span>')
    return f'<div class="mmd-row">{"".join(parts)}</div>'


def reader_first(who: ReaderView | None) -> None:
    """Why the model's grades are not shown yet."""
    asked = "This project asks for the reader's grades first: grade the slide, then the model's grades are shown."
    st.info(asked if who is not None else f"{asked} {literal(nobody_reads())}", icon=":material/visibility:")


def _not_reportable(report: Report) -> None:
    """Why there is no NAS of the model to report, feature by feature, and what would change that.

    Where none of its grades is left, what else is to be known stands in the same box: there is no grade to beware of.
    """
    validity = report.validity
    if validity.reportable:
        return
    lines = []
    for objection in validity.objections:
        of = ", ".join(task(name).letter for name in objection.tasks)
        every = set(objection.tasks) == {shown.task for shown in report.evidence}
        said = objection.words[0].upper() + objection.words[1:]
        whose = "" if every else " " + literal(f"({of})")
        lines.append(f"- {literal(said)}{whose}. :gray[{literal(objection.remedy)}]")
    if all_withheld(report):
        lines += [f"- {literal(typeset(sentence))}" for sentence in cautions_of(report)]
    st.warning("\n".join(lines), title=f"The model's score is {NOT_REPORTABLE.lower()}", icon=":material/block:")


def _caution(report: Report) -> None:
    """What to know before trusting the grades, gravest first."""
    if cautions := cautions_of(report):
        listed = "\n".join(f"- {literal(typeset(sentence))}" for sentence in cautions)
        st.warning(listed, title=literal(cautions_title(report)), icon=":material/warning:")
