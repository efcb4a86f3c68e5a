"""Slides: what is here, what each is made of, which patches lie on it and what they are worth."""

import streamlit as st

from ui.shell.focus import begin_at
from ui.shell.jobs import as_slides_come
from ui.shell.literal import literal
from ui.shell.session import at, go_to, lab, project_or_stop
from ui.slides import adding, slide_facts
from ui.slides import patches as patch_parts
from ui.slides.by_table import facts_by_table, shared_patients
from ui.slides.finding import find
from ui.slides.glass_pictures import glass_pictures
from ui.slides.imported import features_from_elsewhere
from ui.slides.incoming import waiting
from ui.slides.listing import slide_list
from ui.slides.overview import look, own_labels, patch_column, place_picker
from ui.slides.qupath_exchange import qupath_exchange
from ui.slides.stains import stain_question, stains_to_confirm
from ui.slides.whole_read import current_read, read_button, read_slide, reads_due

project = project_or_stop("Slides")
slides = lab().slides.list(project.id)
read = current_read(project.id, slides)
if read is not None:
    read_slide(*read)
    st.stop()
wanted = at("slide")  # asked once: for each of 2,000 slides it takes a tenth of the page's time
slide = next((there for there in slides if there.id == wanted), None)

if slide is None:
    st.title("Slides")
    if wanted is not None:
        st.warning("The slide this link names is not in this project.")
        go_to("slide", None)
    adding.add_slides(project.id, expanded=not slides)
    if slides:
        facts_by_table(project.id)  # above what comes and goes by itself: nothing may move under a hand that writes
    coming = adding.ingest_jobs(project.id, none_yet=not slides)
    if coming and not slides:
        st.info("The first slides appear here by themselves, as soon as patches are laid on them.")
        st.stop()
    if not slides:
        if not waiting(project.id):
            st.info(
                "No slides yet. Give the path of a file or a folder above: tissue is found, patches of 0.15 mm are "
                "laid on it, and each is checked for focus, pen and folds. The files themselves are never changed."
            )
            begin_at("add_path")
        st.stop()
    if project.patches and not project.labelled_patches:
        st.page_link("pages/label.py", label="Label patches of these slides", icon=":material/edit:")
    reads_due(project.id)
    shared_patients(project.id)
    stains_to_confirm(project.id, slides)
    leading = lab().scoring.leading(project.id)
    slide_list(project.id, find(slides, leading), leading)
    as_slides_come(project)
    st.stop()

st.title(literal(slide.name))
place_picker(slides, slide)
patches, labels = lab().slides.patches(slide.id), own_labels(slide)
if slide.status == "needs_mpp":
    slide_facts.ask_mpp(slide)
elif slide.reason:
    st.warning(literal(slide.reason), icon=":material/warning:")
slide_facts.show_notes(slide)
slide_facts.measuring_state(slide)

picture, beside = st.container(key="slide_body").columns([3, 2], gap="medium")
with picture:
    look(slide, patches, labels, lab().scoring.leading(project.id).get(slide.id))
with beside:
    if patches:
        st.header("Patch")
        patch_column(slide, patches, labels)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Facts")
        slide_facts.edit_facts(slide)
        read_button(slide)
        if patches:
            qupath_exchange(slide)
            features_from_elsewhere(slide)
    stain_question(slide)
    slide_facts.facts_table(slide, patches)
    glass_pictures(slide)
if patches:
    patch_parts.set_aside_gallery(slide, patches)
