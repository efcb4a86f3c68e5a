"""What the Report page is made of below its head: the map, grades, evidence, quality, provenance, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.accounts.roles import May
from mmdnet.labels.grading import task
from mmdnet.reports.typeset import (
    absent_words,
    all_withheld,
    all_withheld_words,
    evidence_caption,
    evidence_note,
    has_grade,
    learnt_from,
    left_out,
    likeness_of,
    limits_of,
    moment,
    notes_of,
    patch_chance,
    quantities_left,
    times_text,
    typeset,
)
from mmdnet.reports.words import PLACE_ON_PAGE, chance, fibrosis_shown
from mmdnet.scoring.validity import agreement_words
from mmdnet.slides.geometry import PATCH_PX
from mmdnet.workflows.scoring.scores_again import finding_of
from ui.report import patch_maps
from ui.shell import words
from ui.shell.jobs import ago
from ui.shell.literal import code, in_html, literal
from ui.shell.session import go_to, lab, may, refusals
from ui.shell.theme import chip, in_page, probability_bar
from ui.slides.pictures import patch_jpeg
from ui.slides.viewer import Layer, deep_zoom

if TYPE_CHECKING:
    from mmdnet.reports.schema import EvidencePatch, Feature, Quantity, Report
    from mmdnet.reports.verify import Finding
    from mmdnet.scoring.cam.evidence_maps import TaskMaps
    from mmdnet.workflows.scoring.scored_slide import ScoredSlide
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import PatchView, SlideView

FILES = (
    ("PDF", "pdf", "application/pdf"),
    ("HTML", "html", "text/html"),
    ("CSV", "csv", "text/csv"),
    ("JSON", "json", "application/json"),
    ("QuPath", "geojson", "application/geo+json"),
)
HOSPITAL_FILES = {
    "sr.dcm": ("Grades · DICOM structured report", "application/dicom"),
    "map.dcm": ("Attention · DICOM parametric map", "application/dicom"),
    "patches.dcm": ("Patches · DICOM annotations", "application/dicom"),
    "fhir.json": ("Report · FHIR R4 bundle", "application/fhir+json"),
}
KINDS = (("top", "Drew most attention", 6), ("low", "Drew least", 3), ("random", "Drawn at random", 3))


def attention_map(report: Report, slide: SlideView, patches: Sequence[PatchView], labelled: Sequence[int] = ()) -> None:
    """The slide with each feature's attention over it; the slide alone at first where all grades are withheld."""
    score_id = report.provenance.score_id
    layers = [
        Layer(
            legend.task,
            task(legend.task).title,
            f"/api/zoom/heat/{score_id}/{legend.task}.png",
            legend,
            begins_shown=has_grade(report),
        )
        for legend in report.maps
    ]
    deep_zoom(
        slide,
        patches,
        layers=layers,
        labelled=labelled,
        switches={"patches": False} if patches else None,
        begin_at_patch=False,
        height_px=520,
        key=f"map_{score_id}",
    )
    hatched = "" if all(patch.usable for patch in patches) else " Hatched patches were not assessed."
    st.caption(
        f"Attention says which patches a grade drew on; it does not outline lesions.{hatched} Click to see a patch."
    )


def withheld_grades(report: Report) -> None:
    """That no grade of the model's stands below, said once for all features."""
    if said := all_withheld_words(report):
        st.caption(literal(said))


def feature_block(report: Report, feature: Feature, signed: Mapping[str, int | None] | None = None) -> None:
    """One feature: the grade that leads among Kleiner's criteria, how sure the model is, and what readers gave.

    Where all of the model's grades are withheld and nobody read the feature, there is nothing to show.

    Args:
        signed: the grades that were signed last: they lead, the model's stands behind them.
    """
    if all_withheld(report) and not feature.human:
        return
    covers, likely = report.covers(feature.task), feature.probabilities
    of_model = chip(feature.task, feature.grade)
    title = f"{in_html(feature.title)} {of_model}"
    if signed is not None:
        of_model = f'<span class="mmd-muted mmd-small">model</span>{of_model}'
        title = f"{in_html(feature.title)} {chip(feature.task, signed.get(feature.task))}{of_model}"
    rows = []
    for criterion in feature.criteria:
        shown = criterion.grade
        mine = ' class="mine"' if shown == feature.grade else ""
        share = [chance(likely[shown])] if likely else []
        readers = ", ".join(in_html(human.reader) for human in feature.human if human.grade == shown)
        cells = (chip(feature.task, shown), in_html(typeset(criterion.words)), *share, readers)
        rows.append(f"<tr{mine}>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    st.html(
        f'<div class="mmd-row mmd-feature">{title}</div>'
        + (probability_bar(feature.task, likely) if likely else "")
        + '<table class="mmd-criteria fixed"><tr><th>Grade</th><th>Kleiner 2005</th>'
        + ("<th>Model</th>" if likely else "")
        + "<th>Readers</th></tr>"
        + "".join(rows)
        + "</table>"
    )
    if absent := absent_words(feature, report):
        st.caption(literal(f"{feature.title}: {absent}"))
    elif feature.score is not None and feature.interval is not None:
        st.caption(
            f"Continuous score {feature.score:.1f} "
            f"(90 % interval {feature.interval.low:.1f}–{feature.interval.high:.1f}"
            f"{f', {literal(covers)}' if covers else ''}), "
            f"from {literal(str(feature.rests_on))}."
            + (f" Between pathologists κ was {feature.readers_agree:.2f}." if feature.readers_agree else "")
        )


def quantities(report: Report) -> None:
    """Measured and counted quantities beside the grades."""
    shown, not_shown = quantities_left(report)
    st.table(
        {literal(item.title): _amount(item, report.covers(item.name)) for item in shown},
        border="horizontal",
        alt="Measured quantities",
    )
    st.caption(f"A field is a 200× field of {report.quantities.field_mm2:g} mm². {literal(not_shown)}")


def _amount(quantity: Quantity, covers: str = "") -> str:
    if quantity.value is None:
        return literal(quantity.absent or words.NOTHING)
    show = words.share if quantity.unit == "share" else lambda value: words.number(value, "per field")
    interval = ""
    if quantity.interval:
        low = show(quantity.interval.low).removesuffix(" per field").removesuffix(" %")
        interval = f" (90 % interval {low}–{show(quantity.interval.high)}{f', {literal(covers)}' if covers else ''})"
    return f"**{show(quantity.value)}**{interval}  :gray[{literal(quantity.basis)}]"


def evidence(scored: ScoredSlide, slide: SlideView) -> None:
    """Six patches that drew most attention, three that drew least, three at random; each can be found on the slide.

    With the switch on, what speaks for its grade is drawn over each.
    """
    report, patches = scored.shown, scored.patches
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
        wrap=True,
    )
    shown = next(shown for shown in report.evidence if shown.task == chosen)
    maps = patch_maps.switched_on(scored).get(chosen)
    if maps is not None:
        patch_maps.about(scored.score.id, shown, maps)
    if note := evidence_note(report):
        st.caption(literal(note))
    places = {patch.id for patch in patches}
    for kind, title, number in KINDS:
        tiles = [patch for patch in getattr(shown, kind) if patch.patch_id in places][:number]
        if tiles:
            st.caption(title)
            with st.grid(3, min_column_width=76, gap="small"):
                for patch in tiles:
                    with st.container(gap="xsmall"):
                        _tile(patch, chosen, kind, slide, scored, maps)
        if kind == "top" and shown.left_out:
            st.caption(literal(left_out(shown)))
    st.caption(literal(evidence_caption(report) + PLACE_ON_PAGE))


def _tile(
    patch: EvidencePatch,
    task_name: str,
    kind: str,
    slide: SlideView,
    scored: ScoredSlide,
    maps: TaskMaps | None,
) -> None:
    with refusals():
        if maps is not None and patch.place in maps:
            picture = patch_maps.picture(scored, task_name, patch.place)
        else:
            picture = patch_jpeg(patch.patch_id, slide.path, 1.0, PATCH_PX)
        st.image(in_page(picture), width="stretch", alt=f"Patch in row {patch.row + 1}, column {patch.col + 1}")
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        numbers = " · ".join(filter(None, (patch_chance(patch), times_text(patch.attention))))
        graded = "" if patch.grade is None else f"{chip(task_name, patch.grade)} "
        st.html(f'<span class="mmd-row mmd-small">{graded}{numbers}</span>', width="content")
        key = f"find_{task_name}_{kind}_{patch.patch_id}"
        if st.button("", icon=":material/my_location:", type="tertiary", help="Show on the slide", key=key):
            go_to("patch", patch.patch_id)
            st.rerun()
    if maps is not None:
        patch_maps.under(patch, maps)


def downloads(score: ScoreView) -> None:
    """The report as files; each is made when it is asked for."""
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in score.slide_name) + "_report"
    for title, kind, mime in FILES:
        st.download_button(
            title,
            data=partial(lab().reports.file, score.id, kind),
            file_name=f"{stem}.{kind}",
            mime=mime,
            icon=":material/download:",
            key=f"download_{kind}",
            on_click="ignore",
        )
    with st.popover("DICOM, FHIR", icon=":material/local_hospital:", key="hospital_files"):
        _hospital_files(score, stem)


def _hospital_files(score: ScoreView, stem: str) -> None:
    """The report for archives and hospital systems, written on a press: what is known of a slide may not allow it."""
    st.caption("For research archives and test systems: preliminary, with the patient's id as the lab keeps it")
    kind = st.radio(
        "File", list(HOSPITAL_FILES), format_func=lambda known: HOSPITAL_FILES[known][0], key="hospital_kind"
    )
    if st.button("Write", icon=":material/description:", key="hospital_write"):
        with refusals():
            data = lab().reports.file(score.id, kind)
            st.download_button(
                "Download", data, f"{stem}.{kind}", HOSPITAL_FILES[kind][1], icon=":material/download:",
                key="hospital_download", on_click="ignore",
            )  # fmt: skip


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
            "Trained on": literal(learnt_from(trained))
            + (", simulated ones among them" if made.simulated_training else ""),
            "Agreement with readers": literal(agreement_words(made.checks) or "not known"),
            "Program": literal(made.code_version or words.NOTHING),
            "Scored": f"{moment(made.scored_at)}, on {literal(made.device)}, seed {made.seed}",
            "Slide": code(report.header.fingerprint[:16]),
        },
        border="horizontal",
        alt="Provenance",
    )


def verification(score_id: int, project_id: int) -> None:
    """A report's JSON that somebody has, held against what the lab keeps; and the score, made again."""
    sent = st.file_uploader("Verify a report's JSON", type=["json"], key=f"verify_{score_id}")
    if sent is None:
        st.caption("Content, signatures and the model's weights are held against what the lab keeps.")
    else:
        with refusals():
            for finding in lab().reports.verify(score_id, sent.getvalue()):
                _say(finding)
    _made_again(score_id, project_id)


def _made_again(score_id: int, project_id: int) -> None:
    """Whether the score comes out of the slide once more as it is kept; made again in the background."""
    last = lab().scores_again.last(score_id)
    if last is not None and last.active:
        st.caption("The score is being made again in the background; what came of it appears here.")
        return
    if last is not None and (finding := finding_of(last)) is not None:
        _say(finding)
        st.caption(f"Made again {ago(last.created_at)}.")
    elif last is not None and last.failure:
        st.error(literal(last.failure), icon=":material/error:")
    if may(May.MANAGE, project_id) and st.button("Make the score again", key="score_again", icon=":material/replay:"):
        with refusals():
            lab().scores_again.start(score_id)
            st.rerun()


def _say(finding: Finding) -> None:
    drawn, icon = {True: (st.success, "check"), False: (st.error, "error"), None: (st.warning, "help")}[finding.right]
    drawn(literal(finding.words), icon=f":material/{icon}:")


def notes_and_limits(report: Report) -> None:
    """Lesser notes on quality, and what a report of this kind cannot say."""
    for note in notes_of(report):
        st.markdown(f"- {literal(note)}")
    if report.reliability is not None:
        st.markdown(f"- {literal(likeness_of(report))}")
    aside = report.quality.set_aside
    if aside:
        listed = literal(", ".join(f"{reason} {number}" for reason, number in aside.items()))
        st.markdown(f"- Patches set aside: {listed}.")
    st.markdown(f"- Fibrosis: {literal(fibrosis_shown(report.fibrosis))}")
    st.markdown(f"- {literal(typeset(report.nas.meaning))}")
    for sentence in limits_of(report):
        st.markdown(f"- {literal(typeset(sentence))}")
