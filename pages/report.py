"""Report: one slide's score, what it rests on, what to beware of, and who signs it."""

import streamlit as st

from mmdnet.workflows.scoring.views import leading_of
from mmdnet.workflows.worklist import unsigned
from ui.models import card
from ui.report import headline
from ui.report import report as parts
from ui.report.signing import just_signed, sign_off, signatures
from ui.shell.focus import begin_at_top
from ui.shell.literal import literal
from ui.shell.session import lab, project_or_stop, reader
from ui.slides.overview import chosen_patch, own_labels, patch_column
from ui.slides.whole_read import read_for_report

project = project_or_stop("Report")
scores = lab().scoring.list(project.id)
if not scores:
    st.title("Report")
    st.info("There is no report yet. Score a slide: its grades, the tissue they rest on and your sign-off appear here.")
    st.page_link("pages/score.py", label="Score slides", icon=":material/speed:")
    st.stop()

heading, bar = st.container(), st.container(horizontal=True, vertical_alignment="center")
with bar:
    score = headline.score_picker(scores)
begin_at_top(f"report_{score.id}")
scored = lab().reports.open(score.id)
report, patches, signed = scored.shown, scored.patches, scored.sign_offs
slide = lab().slides.get(score.slide_id)
who = reader()
waiting = unsigned(lab().slides.list(project.id), leading_of(scores))
own_read = lab().slides.reads.own(slide.id, who.id) if who is not None and project.reader_first else None

if score.awaits_reader and own_read is None:  # nothing of the model's before the reader's own grades
    with heading:
        st.title(literal(slide.name))
        headline.facts_of(report, signed)
        headline.reader_first(who)
    with bar:
        headline.unsigned_steps(waiting, score.id)
    if who is not None:
        read_for_report(slide, who)
    st.stop()

with heading:
    st.title(literal(slide.name))
    headline.headline(report, signed, own_read)
with bar:
    headline.unsigned_steps(waiting, score.id)
    with st.container(horizontal=True, width="content"):  # on a tablet all files go to the next line, none alone
        parts.downloads(score)

labels = own_labels(slide)
picture, beside = st.container(key="report_body").columns([4, 3], gap="medium")
with picture:
    st.header("Where the grades come from")
    parts.attention_map(report, slide, patches, list(labels))
    if (chosen := chosen_patch(slide, patches)) is not None:
        with st.container(border=True, width=420):
            patch_column(slide, [lab().slides.patch(chosen.id)], labels)
    st.header("Patches")
    parts.evidence(scored, slide)
with beside:
    with st.container(border=True, key="sign_panel"):
        if signed:
            headline.after_signing(waiting, score.id, len(signed) if just_signed(score.id) else 0)
        sign_off(score, report, signed, own_read)
    st.header("Grades")
    parts.withheld_grades(report)
    for feature in report.features:
        parts.feature_block(report, feature, signed[-1].grades if signed else None)
    st.header("Measured beside the grades")
    parts.quantities(report)
    st.header("Signatures")
    signatures(signed)

with st.expander("Quality and limits"):
    parts.notes_and_limits(report)
with st.expander("Provenance"):
    parts.provenance(report)
    card.link(score.model_id, "report_card")
    parts.verification(score.id, project.id)
