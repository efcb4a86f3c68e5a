"""What the Slides page is made of: adding slides, the list, one slide's facts, its patches and their quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from mmdnet.errors import LabError
from mmdnet.slides.facts import COARSEST_MPP, FINEST_MPP, StatedFacts
from ui.shell import words
from ui.shell.jobs import job_card
from ui.shell.literal import literal, plain_all
from ui.shell.session import go_to, lab, reader, refusals, say_next_run
from ui.shell.tables import open_column, opened_row, table_height
from ui.slides.pictures import patch_jpeg, thumbnail

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import IngestOutcome, PatchView, SlideView

STAINS = ("H&E", "Masson trichrome", "Goldner trichrome")
GALLERY = 12
LAST_JOBS = 2


def add_slides(project_id: int, *, expanded: bool) -> None:
    """The two ways in: a path on the server, or a small upload."""
    with st.expander("Add slides", icon=":material/add:", expanded=expanded):
        way = st.segmented_control(
            "Where the slides are",
            ["On the server", "On this computer"],
            default="On the server",
            key="add_way",
            label_visibility="collapsed",
        )
        with st.form("add_slides", border=False):
            path, files = "", []
            if way == "On this computer":
                files = st.file_uploader("Slide files, up to 200 MB each", accept_multiple_files=True, key="add_files")
            else:
                path = st.text_input(
                    "File or folder on the server",
                    key="add_path",
                    placeholder="/data/slides/2026-03",
                    help="A folder adds every slide below it. Files stay where they are; nothing is copied.",
                )
            stated = _fact_fields("add", [known.name for known in fields(StatedFacts)])
            sent = st.form_submit_button("Add slides", type="primary", icon=":material/add:")
        if sent and path.strip():
            with refusals():
                lab().slides.submit(project_id, path.strip(), stated)
                st.rerun()
        elif sent and files:
            _upload(project_id, files, stated)
        elif sent:
            st.warning("Name a file or folder first.")


def _fact_fields(key: str, names: Sequence[str], slide: SlideView | None = None) -> StatedFacts:
    """A field for each of these facts, as a form holds them; what a person entered, which the fields keep in range."""
    st.caption("What the files do not say themselves (leave empty to take it from the file):" if slide is None else "")
    with st.grid(len(names), min_column_width=130):
        return StatedFacts(**{name: _fact_field(name, f"{key}_{name}", getattr(slide, name, None)) for name in names})


def _fact_field(name: str, key: str, known: str | None) -> Any:  # text, or a number of µm
    title = StatedFacts.title(name)
    if name == "mpp":
        return _mpp_field(key)
    if name == "stain":
        options = list(STAINS) + ([known] if known and known not in STAINS else [])
        index = options.index(known) if known else None
        return st.selectbox(title, options, index=index, accept_new_options=True, placeholder="unknown", key=key)
    return st.text_input(title, value=known or "", key=key)


def _mpp_field(key: str, width: int | Literal["stretch"] = "stretch") -> float | None:
    return st.number_input(
        StatedFacts.title("mpp"), FINEST_MPP, COARSEST_MPP, value=None, step=0.01, format="%.4f", width=width, key=key
    )


def _upload(project_id: int, files: Sequence[Any], stated: StatedFacts) -> None:
    bar = st.progress(0.0, text="Receiving")
    outcomes: list[IngestOutcome] = []
    for number, file in enumerate(files):
        bar.progress(number / len(files), text=f"{literal(file.name)}: looking for tissue, laying patches")
        with refusals():
            outcomes.append(lab().slides.uploads.add(project_id, file.name, file.getvalue(), stated))
    bar.empty()
    show_outcomes(outcomes)


def show_outcomes(outcomes: Sequence[IngestOutcome]) -> None:
    """What became of each file: those that came in as one line, each refusal as its own sentence."""
    added = [outcome.name for outcome in outcomes if outcome.problem is None]
    if added:
        st.success(f"Added {literal(', '.join(added))}.", icon=":material/check:")
    for outcome in outcomes:
        if outcome.problem:
            st.error(literal(outcome.problem), icon=":material/error:")
        if outcome.picture:
            _what_was_seen(outcome.picture)


def _what_was_seen(picture: bytes) -> None:
    st.image(
        picture,
        caption="The whole slide. What differs from glass is outlined.",
        alt="Overview of a slide without tissue",
    )


def ingest_jobs(project_id: int) -> None:
    """Jobs that are adding slides, and of those of the last hour the ones that failed or refused files."""
    since = datetime.now(UTC) - timedelta(hours=1)
    jobs = [
        job
        for job in lab().jobs.list(project_id)
        if job.kind in {"ingest", "demo"} and (job.active or job.created_at > since)
    ]
    for job in [job for job in jobs if job.active] or jobs[:LAST_JOBS]:
        refused = job.progress.get("refused") or []
        if job.active or job.status == "failed" or refused:
            job_card(job, retry=job.kind == "demo")
        seen = {sentence: number for number, sentence in (job.progress.get("seen") or {}).items()}
        for sentence in refused:
            if job.status != "failed":  # its card says it then
                st.error(literal(sentence), icon=":material/error:")
            picture = lab().slides.refused_pictures.get(job.id, seen[sentence]) if sentence in seen else None
            if picture:
                _what_was_seen(picture)


def slide_table(slides: Sequence[SlideView], nas: Mapping[int, int | None]) -> int | None:
    """All slides of the project; the id of the one that was opened in this run."""
    import base64

    import pandas as pd

    def small(slide: SlideView) -> str | None:
        try:
            return "data:image/jpeg;base64," + base64.b64encode(thumbnail(slide.id, slide.path, 160)).decode()
        except LabError:
            return None

    table = pd.DataFrame(
        {
            "open": ["Open"] * len(slides),
            "": [small(slide) for slide in slides],
            "Slide": plain_all(slide.name for slide in slides),
            "State": [words.STATUS.get(slide.status, slide.status) for slide in slides],
            "NAS": pd.array([nas.get(slide.id) for slide in slides], dtype="Int64"),
            "Patches": [slide.usable for slide in slides],
            "Labelled": [slide.labelled for slide in slides],
            "Fat, %": [None if slide.fat_area_share is None else 100 * slide.fat_area_share for slide in slides],
            "Tissue, mm²": [slide.tissue_mm2 for slide in slides],
            "Patient": plain_all(slide.patient for slide in slides),
            "Stain": plain_all(slide.stain for slide in slides),
            "Scanner": plain_all(slide.scanner for slide in slides),
            "Site": plain_all(slide.site for slide in slides),
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        placeholder=words.NOTHING,
        row_height=56,
        height=table_height(len(slides), 12, row_px=56),
        key="slide_table",
        column_config={
            "": st.column_config.ImageColumn(width=80),
            "open": open_column("slide_table_open"),
            "Stain": st.column_config.TextColumn(width=130),  # "Masson trichrome" in full
            "Tissue, mm²": st.column_config.NumberColumn(format="%.1f"),
            "Fat, %": st.column_config.NumberColumn(
                format="%.1f", help="Area of fat droplets in tissue, measured without the network."
            ),
            "Patches": st.column_config.NumberColumn(help="Patches in use; those set aside are not counted."),
        },
        alt="Slides of this project",
    )
    row = opened_row("slide_table_open", len(slides))
    return None if row is None else slides[row].id


def facts_table(slide: SlideView, patches: Sequence[PatchView]) -> None:
    """What is known of the slide, units always, what is missing said to be missing."""
    st.table(
        {
            "Size": words.micron_size(slide),
            "Resolution": words.micron_per_pixel(slide),
            "Objective": words.number(slide.objective, "×") if slide.objective else words.NOTHING,
            "Stain": literal(slide.stain or "unknown"),
            "Scanner": literal(slide.scanner or "unknown"),
            "Site": literal(slide.site or "unknown"),
            "Patient": literal(slide.patient or "unknown"),
            "Tissue": words.number(slide.tissue_mm2, "mm²"),
            "Core length": words.number(slide.core_length_mm, "mm"),
            "Fat, measured": words.share(slide.fat_area_share)
            + (" of tissue area" if slide.fat_area_share is not None else ""),
            "Patches": f"{slide.usable:,} in use of {slide.patches:,} laid; {slide.labelled:,} labelled",
            "Set aside": literal(words.set_aside_counts(patches)) if patches else words.NOTHING,
            "File format": literal(f"{slide.vendor}, read by {slide.reader}"),
        },
        border="horizontal",
        alt="Facts of this slide",
    )


def edit_facts(slide: SlideView) -> None:
    """Correct stain, scanner, site and patient, or take the slide out."""
    with st.popover("Correct", icon=":material/edit:", key=f"correct_{slide.id}"):
        with st.form(f"facts_{slide.id}", border=False):
            stated = _fact_fields(f"facts_{slide.id}", StatedFacts.words(), slide)
            if st.form_submit_button("Save", type="primary"):
                with refusals():
                    lab().slides.set_facts(slide.id, stated)
                    say_next_run("Saved")
                    st.rerun()
        if st.button("Take out of the project", icon=":material/delete:", type="tertiary"):
            remove_slide(slide)


@st.dialog("Take this slide out?")
def remove_slide(slide: SlideView) -> None:
    """Ask once, naming what goes and what stays."""
    st.write(
        f"**{literal(slide.name)}** leaves the project with its {words.count(slide.patches, 'patch', 'patches')} and "
        "unsigned scores. The file stays where it is and can be added again. A slide with labels or a signed report "
        "stays."
    )
    if st.button("Take it out", icon=":material/delete:"):
        with refusals():
            lab().slides.remove(slide.id)
            go_to("slide", None)
            say_next_run(f"{slide.name} was taken out")
            st.rerun()


def ask_mpp(slide: SlideView) -> None:
    """Ask for µm/px where the file does not say it; never guess."""
    st.warning(
        f"{literal(slide.name)} does not say how large its pixels are, so no patches are laid on it yet. "
        "The scanner's manual or the person who scanned it knows: about 0.25 at 40×, 0.5 at 20×.",
        icon=":material/straighten:",
    )
    with st.form(f"mpp_{slide.id}", border=False), st.container(horizontal=True, vertical_alignment="bottom"):
        mpp = _mpp_field(f"ask_mpp_{slide.id}", width=180)
        sent = st.form_submit_button("Lay patches", type="primary")
    if sent and mpp:
        with refusals(), st.spinner("Looking for tissue and laying patches"):
            lab().slides.set_facts(slide.id, StatedFacts(mpp=mpp))
            st.rerun()
    elif sent:
        st.warning("Enter a number first.")


def patch_card(patch: PatchView, slide: SlideView, *, labelled: bool) -> None:
    """One patch, large, with what was measured on it and whether it is used."""
    around = st.segmented_control(
        "Show", ["Patch", "With surroundings"], default="Patch", key="patch_context", label_visibility="collapsed"
    )
    with refusals():
        context = 3.0 if around == "With surroundings" else 1.0
        st.image(
            patch_jpeg(patch.id, slide.path, context, 598 if context > 1 else None),
            width="stretch",
            alt=f"Patch {words.place_of(patch, slide)}",
        )
    side_um = patch.width_px0 * (slide.mpp_x or 0.0)
    st.caption(f"{side_um * context:.0f} µm wide · {words.place_of(patch, slide)}")
    line = f"Tissue {words.share(patch.tissue_share)} · fat {words.share(patch.fat_area_share)}"
    st.markdown(line + (" · labelled" if labelled else ""))
    st.caption(words.quality_line(patch.quality))
    overrule_switch(patch, f"card_{patch.id}")


def overrule_switch(patch: PatchView, key: str) -> None:
    """Why a patch is set aside, and the person's right to use it all the same."""
    if patch.set_aside is None:
        return
    st.markdown(
        f":orange-badge[:material/block: {literal(words.why_set_aside(patch))}]"
        + (" · in use" if patch.overruled else "")
    )
    if patch.set_aside == "unreadable":
        return
    if st.button("Set aside again" if patch.overruled else "Use it all the same", key=f"overrule_{key}"):
        with refusals():
            lab().slides.overrule(patch.id, use=not patch.overruled)
            st.rerun()


def qupath_exchange(slide: SlideView) -> None:
    """Patches, tissue and one's own labels as a file for QuPath; regions and labels out of one."""
    with st.popover("QuPath", icon=":material/swap_horiz:", key=f"qupath_{slide.id}"):
        st.markdown("**Out**: tissue, patches and your labels, as GeoJSON.")
        who = reader()
        st.download_button(
            "Download GeoJSON",
            data=lambda: lab().qupath.export(slide.id, who.id if who else None),
            file_name=f"{slide.name}.geojson",
            mime="application/geo+json",
            icon=":material/download:",
            on_click="ignore",
            key=f"qupath_out_{slide.id}",
        )
        st.divider()
        st.markdown(
            "**In**: annotations of class *Include* or *Region\\** restrict this slide to what lies in them; *Exclude* "
            "or *Ignore\\** leave patches out. They take the place of those brought before. Labels keep their readers' "
            "names."
        )
        file = st.file_uploader("GeoJSON from QuPath", type=["geojson", "json"], key=f"qupath_in_{slide.id}")
        with st.container(horizontal=True):
            nobody = "Choose your name under Reader in the side bar first: labels are brought in by somebody."
            ready, key = file is not None and who is not None, f"qupath_bring_{slide.id}"
            bring = st.button("Bring in", type="primary", disabled=not ready, key=key, help=None if who else nobody)
            if bring and file and who:
                with refusals():
                    done = lab().qupath.bring(slide.id, file.name, file.getvalue(), who.name, who.id)
                    say_next_run(
                        f"{words.count(done.included + done.excluded, 'region', 'regions')}: "
                        f"{words.count(done.set_aside, 'patch', 'patches')} left out. "
                        f"{words.count(done.labels, 'label', 'labels')} imported."
                    )
                    st.rerun()
            if st.button("Forget regions", type="tertiary", key=f"qupath_forget_{slide.id}"):
                with refusals():
                    lab().qupath.forget_regions(slide.id)
                    say_next_run("Patches left out by regions are used again")
                    st.rerun()


def set_aside_gallery(slide: SlideView, patches: Sequence[PatchView]) -> None:
    """Patches that are not used, by reason, to look at and to overrule."""
    aside = [patch for patch in patches if patch.set_aside]
    if not aside:
        st.caption("No patch of this slide is set aside.")
        return
    reasons = Counter(patch.set_aside for patch in aside)
    names = {
        reason: f"{literal(words.set_aside_reason(reason))} ({number})" for reason, number in reasons.most_common()
    }
    title = f"{words.count(len(aside), 'patch', 'patches')} set aside"
    with st.expander(title, icon=":material/block:", key=f"aside_{slide.id}", on_change="rerun") as box:
        if not box.open:
            return
        reason = st.pills(
            "Reason", list(names), format_func=names.__getitem__, default=next(iter(names)), key=f"why_{slide.id}"
        )
        shown = [patch for patch in aside if reason in (None, patch.set_aside)]
        pages = -(-len(shown) // GALLERY)
        start = 0
        if pages > 1:
            start = (st.pagination(pages, key=f"aside_page_{slide.id}_{reason}") - 1) * GALLERY
        with st.grid("auto", min_column_width=150):
            for patch in shown[start : start + GALLERY]:
                with st.container():
                    with refusals():
                        st.image(patch_jpeg(patch.id, slide.path, 1.0, 160), width="stretch", alt="Patch set aside")
                    overrule_switch(patch, f"gallery_{patch.id}")
