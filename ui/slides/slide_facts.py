"""What is known of a slide, units always: shown, corrected, and asked for where the file is silent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from mmdnet.slides.facts import STAINS, StatedFacts, stain_meant
from ui.shell import words
from ui.shell.focus import begin_at
from ui.shell.jobs import job_card
from ui.shell.literal import literal
from ui.shell.presses import keep_open, shut, stays_open
from ui.shell.session import go_to, lab, reader_id, refusals, say_next_run

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import PatchView, SlideView

FIELD_PX = 172  # room for a µm per pixel of four decimals
TAKE_OUT = "Take this slide out?"


def fact_fields(key: str, names: Sequence[str], slide: SlideView | None = None) -> dict[str, Any]:  # by fact
    """A field for each of these facts, as a form holds them; by name what stands in it, checked only once it is sent.

    A slide's own facts come from its file, whatever it says, and must not keep a person from correcting them.
    """
    if slide is None:
        st.caption(
            "What the files do not say themselves; it counts for every file of a folder. Where a folder holds several "
            "patients, leave Patient empty: *Facts and grades by table* asks for each slide's once they are in."
        )
    with st.grid("auto", min_column_width=FIELD_PX):
        return {name: _fact_field(name, f"{key}_{name}", getattr(slide, name, None)) for name in names}


def _fact_field(name: str, key: str, known: str | None) -> Any:  # text, or a number of µm
    title = StatedFacts.title(name)
    help_ = literal(StatedFacts.help(name)) or None
    if name == "mpp":
        return mpp_field(key)
    if name == "stain":
        options = list(STAINS) + ([known] if known and known not in STAINS else [])
        index = options.index(known) if known else None
        if written := st.session_state.get(key):  # "HE" is shown as it is kept, too
            st.session_state[key] = stain_meant(written)
        look: Any = {"placeholder": "unknown", "help": help_}
        return st.selectbox(title, options, index=index, accept_new_options=True, key=key, **look)
    return st.text_input(title, value=known or "", key=key, help=help_)


def mpp_field(key: str, width: int | Literal["stretch"] = "stretch") -> float | None:
    # without its bounds: a browser keeps back a number beyond them, and nothing says why; the lab refuses it in words
    return st.number_input(StatedFacts.title("mpp"), value=None, step=0.01, format="%.4f", width=width, key=key)


def facts_table(slide: SlideView, patches: Sequence[PatchView]) -> None:
    """What is known of the slide, units always, what is missing said to be missing."""
    st.table(
        {
            "Size": words.micron_size(slide),
            "Resolution": words.micron_per_pixel(slide),
            "Objective": words.number(slide.objective, "×") if slide.objective else "unknown",
            "Stain": literal(slide.stain or "unknown"),
            "Scanner": literal(slide.scanner or "unknown"),
            "Site": literal(slide.site or "unknown"),
            "Staining run": literal(slide.staining_run or "unknown"),
            "Patient": literal(slide.patient or "unknown"),
            "Visit": literal(slide.visit or "unknown"),
            "Control": literal(slide.control or "no"),
            "Accession number": literal(slide.accession_number or "unknown"),
            "Barcode": literal(slide.barcode or "unknown"),
            "Tissue": words.number(slide.tissue_mm2, "mm²"),
            "Core length": words.number(slide.core_length_mm, "mm") if slide.core_length_mm else "not measured",
            "Fat, measured": words.measured_fat(slide),
            "Patches": f"{slide.usable:,} in use of {slide.patches:,} laid; {slide.labelled:,} labelled",
            "Set aside": literal(words.set_aside_counts(patches)) if patches else words.NOTHING,
            "File format": literal(f"{slide.vendor}, read by {slide.reader}"),
        },
        border="horizontal",
        alt="Facts of this slide",
    )


def measure(slide_id: int | None) -> None:
    """Measure a slide in the background, where that is still to be done: it can be labelled meanwhile."""
    if slide_id is not None:
        lab().slides.measuring.submit(slide_id)


def measuring_state(slide: SlideView) -> None:
    """That a slide's quality and fat are not all measured yet, how far that is, and that it can be labelled already."""
    if slide.measured or slide.status != "ready":
        return
    jobs = [job for job in lab().jobs.list(slide.project_id, active=True) if job.title == f"Measure {slide.name}"]
    if jobs:
        st.caption("Quality and fat are being measured; the patches can be labelled already.")
        job_card(jobs[0])
    elif st.button("Measure quality and fat", icon=":material/play_arrow:", key=f"measure_{slide.id}"):
        with refusals():
            measure(slide.id)
            st.rerun()


def show_notes(slide: SlideView) -> None:
    """What of the slide's file was read and what not, and what in it contradicts."""
    for note in slide.notes:
        st.warning(literal(note), icon=":material/info:")


def edit_facts(slide: SlideView) -> None:
    """Correct the facts that are text, or take the slide out."""
    with st.popover("Correct", icon=":material/edit:", key=f"correct_{slide.id}"):
        with st.form(f"facts_{slide.id}", border=False):
            entered = fact_fields(f"facts_{slide.id}", StatedFacts.words(), slide)
            if st.form_submit_button("Save", type="primary"):
                with refusals():
                    lab().slides.set_facts(slide.id, StatedFacts(**entered), by=reader_id())
                    say_next_run("Saved")
                    st.rerun()
        asked = f"{TAKE_OUT} {slide.id}"
        st.button(
            "Take out of the project", icon=":material/delete:", type="tertiary", on_click=keep_open, args=(asked,)
        )
        if stays_open(asked):
            remove_slide(slide)


@st.dialog(TAKE_OUT, on_dismiss=shut)
def remove_slide(slide: SlideView) -> None:
    """Ask once, naming what goes and what stays."""
    st.write(
        f"**{literal(slide.name)}** leaves the project with its {words.count(slide.patches, 'patch', 'patches')}, "
        "drawings and unsigned scores. The file stays where it is and can be added again. A slide with labels or a "
        "signed report stays."
    )
    if st.button("Take it out", icon=":material/delete:"):
        with refusals():
            lab().slides.remove(slide.id, by=reader_id())
            shut()
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
        mpp = mpp_field(f"ask_mpp_{slide.id}", width=320)  # room for what the field says of Enter
        sent = st.form_submit_button("Lay patches", type="primary")
    begin_at(f"ask_mpp_{slide.id}")
    if sent and mpp is not None:
        with refusals(), st.spinner("Looking for tissue and laying patches"):
            lab().slides.set_facts(slide.id, StatedFacts(mpp=mpp), by=reader_id())
            measure(slide.id)
            st.rerun()
    elif sent:
        st.warning("Enter a number first.")
