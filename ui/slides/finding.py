"""Finding slides among many: a search, a filter for each fact, an order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.shell import words
from ui.shell.literal import literal, plain

if TYPE_CHECKING:
    from mmdnet.workflows.scoring.views import ScoreView
    from mmdnet.workflows.slides.views import SlideView

Leading = Mapping[int, "ScoreView"]

FEWEST = 2  # slides, from which there is something to find
MOST_CHIPS = 8  # values that are chips; more are chosen from a list
FILTERS: Mapping[str, str] = {
    "stain": "Stain", "scanner": "Scanner", "site": "Site", "staining_run": "Staining run", "patient": "Patient",
}  # fmt: skip
SEARCHED = (
    "name", "patient", "visit", "stain", "scanner", "site", "staining_run", "control", "accession_number", "barcode",
)  # fmt: skip
UNKNOWN = "unknown"


def _signed(slide: SlideView, leading: Leading) -> bool:
    score = leading.get(slide.id)
    return score is not None and score.signed is not None


STATES: Mapping[str, Callable[[SlideView, Leading], bool]] = {
    "µm/px missing": lambda slide, leading: slide.status == "needs_mpp",
    "unlabelled": lambda slide, leading: slide.status == "ready" and not slide.labelled,
    "not scored": lambda slide, leading: slide.status == "ready" and slide.id not in leading,
    "not signed": lambda slide, leading: slide.id in leading and not _signed(slide, leading),
    "signed": _signed,
}
ORDERS: Mapping[str, Callable[[SlideView, Leading], tuple[object, ...]]] = {
    "Name": lambda slide, leading: (slide.name.lower(),),
    "Newest first": lambda slide, leading: (-slide.id,),
    "Patient and visit": lambda slide, leading: (slide.patient is None, slide.patient or "", slide.visit or ""),
    "Highest NAS": lambda slide, leading: (-_nas(slide, leading),),
    "Most fat": lambda slide, leading: (-(slide.fat_area_share if slide.fat_area_share is not None else -1.0),),
    "Fewest labels": lambda slide, leading: (slide.labelled,),
}


def _nas(slide: SlideView, leading: Leading) -> int:
    score = leading.get(slide.id)
    return -1 if score is None or score.nas is None else score.nas


def chosen_of(
    slides: Sequence[SlideView],
    leading: Leading,
    search: str = "",
    facts: Mapping[str, str | None] | None = None,
    state: str | None = None,
    order: str = "Name",
) -> list[SlideView]:
    """The slides whose facts hold every word of the search, of these facts and in this state, in this order."""
    sought = search.lower().split()
    kept = []
    for slide in slides:
        said = " ".join(str(getattr(slide, name) or "") for name in SEARCHED).lower()
        of_facts = all((getattr(slide, name) or UNKNOWN) == value for name, value in (facts or {}).items() if value)
        if all(word in said for word in sought) and of_facts and (state is None or STATES[state](slide, leading)):
            kept.append(slide)
    return sorted(kept, key=lambda slide: (ORDERS[order](slide, leading), slide.id))


def find(slides: Sequence[SlideView], leading: Leading) -> list[SlideView]:
    """The search, chips of every fact in which the slides differ, and the order; the slides they leave."""
    if len(slides) < FEWEST:
        return list(slides)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", key="slides_search", placeholder="name, patient, stain …", icon=":material/search:", width=320,
            persist_state="session",
        )  # fmt: skip
        order = st.selectbox("Order", list(ORDERS), key="slides_order", width=190, persist_state="session")
        facts: dict[str, str | None] = {}
        for name, title in FILTERS.items():
            values = sorted({getattr(slide, name) or UNKNOWN for slide in slides})
            if len(values) > MOST_CHIPS:
                facts[name] = st.selectbox(
                    title, values, index=None, format_func=plain, placeholder="all", key=f"slides_{name}", width=190,
                    persist_state="session",
                )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        there = [state for state, holds in STATES.items() if any(holds(slide, leading) for slide in slides)]
        state = st.pills("State", there, key="slides_state", persist_state="session")
        for name, title in FILTERS.items():
            values = sorted({getattr(slide, name) or UNKNOWN for slide in slides})
            if 1 < len(values) <= MOST_CHIPS:
                facts[name] = st.pills(
                    title, values, format_func=literal, key=f"slides_{name}", persist_state="session"
                )
    left = chosen_of(slides, leading, search or "", facts, state, order or "Name")
    if len(left) < len(slides):
        st.caption(f"{len(left):,} of {words.count(len(slides), 'slide')}")
    return left
