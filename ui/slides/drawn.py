"""What a reader drew on a slide: kept as it is drawn, listed with its measures, named, and taken away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.errors import LabError
from ui.shell.literal import literal, plain
from ui.shell.session import lab, nobody_reads, reader_id, refusals
from ui.slides.viewer import Shape

if TYPE_CHECKING:
    from mmdnet.workflows.slides.views import AnnotationView, SlideView

KINDS = {"length": "Length", "area": "Area"}
REFUSED = "drawing_refused"  # the sentence that says why what was drawn is not kept, for the next run


def own_drawings(slide: SlideView) -> Sequence[AnnotationView]:
    """The reader's own drawings on this slide; nobody else's, and none without a reader."""
    who = reader_id()
    return [] if who is None else lab().slides.annotations.of_slide(slide.id, who)


def shapes(drawings: Sequence[AnnotationView]) -> list[Shape]:
    """Drawings as the viewer shows them."""
    return [
        Shape(mine.drawn.kind, mine.drawn.points_px0, f"{plain(mine.note)}: {mine.words}" if mine.note else mine.words)
        for mine in drawings
    ]


def keep(slide: SlideView, kind: str, points: object) -> None:
    """Keep what was drawn as the reader's; why it is not kept is said when the page is drawn next (`listed`)."""
    who = reader_id()
    if who is None:
        st.session_state[REFUSED] = f"What you drew is measured but not kept. {nobody_reads()}"
        return
    try:
        lab().slides.annotations.add(slide.id, who, kind, points)
    except LabError as refusal:
        st.session_state[REFUSED] = str(refusal)


def listed(slide: SlideView, drawings: Sequence[AnnotationView]) -> None:
    """The drawings with a note each, and why the last one was not kept."""
    refused = st.session_state.pop(REFUSED, None)
    if refused:
        st.info(literal(refused))
    if not drawings:
        return
    with st.expander(f"Drawn on this slide ({len(drawings):,})", icon=":material/straighten:", key=f"drawn_{slide.id}"):
        st.caption("They go out with your labels under *QuPath*.")
        for mine in drawings:
            _line(slide, mine)


def _line(slide: SlideView, mine: AnnotationView) -> None:
    key = f"note_{mine.id}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{literal(KINDS[mine.drawn.kind])} **{literal(mine.words)}**", width=170)
        st.text_input(
            f"What {mine.words} is",
            value=mine.note,
            key=key,
            placeholder="what it is",
            label_visibility="collapsed",
            on_change=_note,
            args=(slide.id, mine.id, key),
        )
        if st.button("", icon=":material/delete:", key=f"undraw_{mine.id}", help=f"Take {literal(mine.words)} away"):
            with refusals():
                lab().slides.annotations.remove(slide.id, reader_id() or 0, mine.id)
                st.rerun()


def _note(slide_id: int, annotation_id: int, key: str) -> None:
    try:
        lab().slides.annotations.set_note(slide_id, reader_id() or 0, annotation_id, st.session_state[key])
    except LabError as refusal:
        st.session_state[REFUSED] = str(refusal)
