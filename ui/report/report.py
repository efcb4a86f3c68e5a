"""What the Report page is made of: the score and its parts, the map, the evidence, quality, provenance, sign-off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.labels.grading import Grades, task
from mmdnet.reports.words import chance
from mmdnet.slides.geometry import PATCH_PX
from ui.shell import words
from ui.shell.jobs import ago
from ui.shell.literal import code, in_html, literal, plain
from ui.shell.session import at, go_to, lab, reader, refusals, say_next_run
from ui.shell.theme import chip, grade_chips, probability_bar
from ui.slides.pictures import patch_jpeg
from ui.slides.viewer import Layer, deep_zoom

if TYPE_CHECKING:
    from mmdnet.reports.schema import EvidencePatch, Feature, Quantity, Report
    from mmdnet.workflows.scoring.views import ScoreView, SignOffView
    from mmdnet.workflows.slides.views import PatchView, SlideView

FILES = (
    ("PDF", "pdf", "application/pdf"),
    ("HTML", "html", "text/html"),
    ("CSV", "csv", "text/csv"),
    ("JSON", "json", "application/json"),
    ("QuPath", "geojson", "application/geo+json"),
)
KINDS = (("top", "Drew most attention", 6), ("low", "Drew least", 3), ("random", "Drawn at random", 3))


def score_picker(scores: Sequence[ScoreView]) -> ScoreView:
    """Which score to report on."""
    ids = [score.id for score in scores]
    shown = at("score") if at("score") in ids else ids[0]
    if at("score") is not None and at("score") != shown:
        st.warning("The report this link names is not in this project; the newest one is shown.")
    if at("score") != shown:
        go_to("score", shown)
    names = {
        score.id: plain(f"{score.slide_name} · {score.model_name}")
        + f" · {ago(score.created_at)}"
        + (" · signed" if score.signed else "")
        for score in scores
    }
    st.session_state["pick_score"] = shown
    st.selectbox(
        "Report",
        ids,
        format_func=names.__getitem__,
        key="pick_score",
        on_change=lambda: go_to("score", st.session_state["pick_score"]),
        label_visibility="collapsed",
        width=430,
    )
    return next(score for score in scores if score.id == shown)


def headline(report: Report, signed: Sequence[SignOffView]) -> None:
    """The NAS with its interval and parts, on one line, and what kind of slide and reading it is."""
    nas = report.nas
    value = '<span class="mmd-muted">not assessed</span>' if nas.value is None else f"<b>{nas.value}</b>"
    interval = ""
    if nas.interval is not None:
        covers = f", {in_html(report.covers('nas'))}" if report.covers("nas") else ""
        ends = f"{nas.interval.low:.0f}–{nas.interval.high:.0f}"
        interval = f'<span class="mmd-muted">90 % interval {ends} of 0–8{covers}</span>'
    chips = grade_chips({feature.task: feature.grade for feature in report.features}, big=True)
    st.html(f'<div class="mmd-nas"><span>NAS</span>{value}{interval}{chips}</div>')
    if nas.absent:
        st.caption(literal(nas.absent))
    told = report.reliability
    if told is not None:
        icon = ":material/group:" if told.refer else ":material/check:"
        st.markdown(f"{icon} {literal(told.advice)} :gray[{literal(told.measured)}]")
    head = report.header
    facts = [
        head.stain or "stain unknown",
        head.scanner or "scanner unknown",
        f"patient {head.patient}" if head.patient else "patient unknown",
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


def caution(report: Report) -> None:
    """What to know before trusting the grades, gravest first."""
    grave = [note.words for note in report.quality.notes if note.weight == "warning"]
    grave += list(report.quantities.disagreements)
    if grave:
        listed = "\n".join(f"- {literal(sentence)}" for sentence in grave)
        st.warning(listed, title="Before trusting these grades", icon=":material/warning:")


def attention_map(report: Report, slide: SlideView, patches: Sequence[PatchView], labelled: Sequence[int] = ()) -> None:
    """The slide with each feature's attention over it."""
    score_id = report.provenance.score_id
    layers = [
        Layer(legend.task, task(legend.task).title, f"/api/zoom/heat/{score_id}/{legend.task}.png", legend)
        for legend in report.maps
    ]
    deep_zoom(
        slide,
        patches,
        layers=layers,
        labelled=labelled,
        show_patches=False,
        begin_at_patch=False,
        height_px=520,
        key=f"map_{score_id}",
    )
    st.caption("Attention says which patches a grade drew on; it does not outline lesions. Click to see a patch.")


def feature_block(feature: Feature, covers: str = "") -> None:
    """One feature: the model's grade among Kleiner's criteria, how sure it is, and what readers gave."""
    title = f"{in_html(feature.title)} {chip(feature.task, feature.grade)}"
    rows = []
    for criterion in feature.criteria:
        grade = criterion.grade
        mine = ' class="mine"' if grade == feature.grade else ""
        share = "" if feature.probabilities is None else chance(feature.probabilities[grade])
        readers = ", ".join(in_html(human.reader) for human in feature.human if human.grade == grade)
        cells = (chip(feature.task, grade), in_html(criterion.words), share, readers)
        rows.append(f"<tr{mine}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    st.html(
        f'<div class="mmd-row mmd-feature">{title}</div>'
        + (probability_bar(feature.task, feature.probabilities) if feature.probabilities else "")
        + '<table class="mmd-criteria fixed"><tr><th></th><th>Kleiner 2005</th><th>model</th><th>readers</th></tr>'
        + "".join(rows)
        + "</table>"
    )
    if feature.absent:
        st.caption(literal(f"{feature.title}: {feature.absent}"))
    elif feature.score is not None and feature.interval is not None:
        st.caption(
            f"Continuous score {feature.score:.1f} ({feature.interval.low:.1f}–{feature.interval.high:.1f}"
            f"{f', {literal(covers)}' if covers else ''}), "
            f"from {literal(str(feature.rests_on))}."
            + (f" Between pathologists κ was {feature.readers_agree:.2f}." if feature.readers_agree else "")
        )


def quantities(report: Report) -> None:
    """Measured and counted quantities beside the grades."""
    st.table(
        {literal(item.title): _amount(item, report.covers(item.name)) for item in report.quantities.items},
        border="horizontal",
        alt="Measured quantities",
    )
    st.caption(f"A field is a 200× field of {report.quantities.field_mm2:g} mm².")


def _amount(quantity: Quantity, covers: str = "") -> str:
    if quantity.value is None:
        return literal(quantity.absent or words.NOTHING)
    show = words.share if quantity.unit == "share" else lambda value: words.number(value, "per field")
    interval = ""
    if quantity.interval:
        low = show(quantity.interval.low).removesuffix(" per field").removesuffix(" %")
        interval = f" ({low}–{show(quantity.interval.high)}{f', {literal(covers)}' if covers else ''})"
    return f"**{show(quantity.value)}**{interval}  :gray[{literal(quantity.basis)}]"


def evidence(report: Report, slide: SlideView, patches: Sequence[PatchView]) -> None:
    """Six patches that drew most attention, three that drew least, three at random; each can be found on the slide."""
    known = [shown.task for shown in report.evidence]
    if not known:
        return
    chosen = st.segmented_control(
        "Feature",
        known,
        format_func=lambda name: task(name).title,
        default=known[0],
        required=True,
        key=f"evidence_{report.provenance.score_id}",
        label_visibility="collapsed",
    )
    shown = next(shown for shown in report.evidence if shown.task == chosen)
    places = {patch.id for patch in patches}
    for kind, title, number in KINDS:
        tiles = [patch for patch in getattr(shown, kind) if patch.patch_id in places][:number]
        if tiles:
            st.caption(title)
            with st.grid(3, min_column_width=76, gap="small"):
                for patch in tiles:
                    with st.container(gap="xsmall"):
                        _tile(patch, chosen, kind, slide)
    st.caption("The digit is the model's grade of that patch; the number is its attention, 1× being the slide's mean.")


def _tile(patch: EvidencePatch, task_name: str, kind: str, slide: SlideView) -> None:
    with refusals():
        picture = patch_jpeg(patch.patch_id, slide.path, 1.0, PATCH_PX)
        st.image(picture, width="stretch", alt=f"Patch in row {patch.row + 1}, column {patch.col + 1}")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        shown = f'<span class="mmd-row mmd-small">{chip(task_name, patch.grade)} {patch.attention:.1f}×</span>'
        st.html(shown, width="content")
        key = f"find_{task_name}_{kind}_{patch.patch_id}"
        if st.button("", icon=":material/my_location:", type="tertiary", help="Show on the slide", key=key):
            go_to("patch", patch.patch_id)
            st.rerun()


def sign_off(score: ScoreView, report: Report, signed: Sequence[SignOffView]) -> None:
    """The pathologist's own grades, beginning with the model's, and the signature."""
    who = reader()
    if who is None:
        st.info("Say at the left who is reading; then you can give your own grades and sign.")
        return
    begin = signed[-1].grades if signed else {feature.task: feature.grade for feature in report.features}
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
            f"**{literal(signature.reader)}** · {_moment(signature.at)}"
            + (" · :gray[amended since]" if amended else "")
        )
        st.html(grade_chips(signature.grades))
        if signature.reason:
            st.caption(literal(signature.reason))
        st.caption(f"Report {code(signature.report_sha256[:16])}")


def downloads(score: ScoreView) -> None:
    """The report as files; each is made when it is asked for."""
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in score.slide_name)
    for title, kind, mime in FILES:
        st.download_button(
            title,
            data=partial(getattr(lab().reports, kind), score.id),
            file_name=f"{stem}_report.{kind}",
            mime=mime,
            icon=":material/download:",
            key=f"download_{kind}",
            on_click="ignore",
        )


def provenance(report: Report) -> None:
    """What made the grades, so that they can be made again."""
    made = report.provenance
    trained = made.trained_on
    st.table(
        {
            "Model": literal(made.model),
            "Backbone": literal(made.backbone),
            "Weights": code(made.weights_sha256[:16]),
            "Label set": code(made.label_set_sha256[:16]),
            "Trained on": literal(f"{trained.get('slides', '?')} slides of {trained.get('patients', '?')} patients")
            + (", simulated ones among them" if made.simulated_training else ""),
            "Program": literal(made.code_version or words.NOTHING),
            "Scored": f"{_moment(made.scored_at)}, on {literal(made.device)}, seed {made.seed}",
            "Slide": code(report.header.fingerprint[:16]),
        },
        border="horizontal",
        alt="Provenance",
    )


def notes_and_limits(report: Report) -> None:
    """Lesser notes on quality, and what a report of this kind cannot say."""
    for note in report.quality.notes:
        if note.weight == "note":
            st.markdown(f"- {literal(note.words)}")
    if report.reliability is not None:
        st.markdown(f"- {literal(report.reliability.likeness)}")
    aside = report.quality.set_aside
    if aside:
        listed = literal(", ".join(f"{reason} {number}" for reason, number in aside.items()))
        st.markdown(f"- Patches set aside: {listed}.")
    st.markdown(f"- Fibrosis: {literal(report.fibrosis)}")
    st.markdown(f"- {literal(report.nas.meaning)}")
    for sentence in report.limits:
        st.markdown(f"- {literal(sentence)}")


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M UTC")
