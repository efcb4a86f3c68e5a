"""A model's card on the page: which model, how much is known, the items by section, and the card as a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from mmdnet.reports.model_card import OPEN, to_json, to_markdown
from mmdnet.reports.words import RESEARCH_USE
from ui.shell.literal import code, in_html, literal
from ui.shell.session import at, go_to, open_page
from ui.shell.words import names_of

if TYPE_CHECKING:
    from mmdnet.reports.model_card import CardDocument
    from mmdnet.workflows.scoring.views import ModelView


MUTED = ' class="mmd-muted"'


def picker(known: Sequence[ModelView]) -> ModelView:
    """Which model; a link to one that is not here draws nothing else."""
    by_id = {model.id: model for model in known}
    names = names_of(known)
    asked = at("model")
    shown = asked if asked in by_id else None if asked is not None else next(iter(by_id))
    if shown is not None and asked != shown:
        go_to("model", shown)
    st.session_state["pick_model"] = shown
    st.selectbox(
        "Model",
        list(names),
        format_func=names.__getitem__,
        key="pick_model",
        on_change=lambda: go_to("model", st.session_state["pick_model"]),
        label_visibility="collapsed",
        placeholder="Choose a model",
        width=430,
    )
    if shown is None:
        st.warning("The model this link names is not in this project. Choose one of its models.")
        st.stop()
    return by_id[shown]


def head(card: CardDocument) -> None:
    """What it is worth, and how much of the card is filled."""
    st.markdown(f"{RESEARCH_USE}. {literal(card.verdict)}")
    if card.note:
        st.markdown(literal(card.note))
    st.caption(f"{literal(card.summary)} The others are for whoever publishes the model: nothing is guessed.")
    st.caption(f"Weights {code(card.weights_sha256[:16] or 'not recorded')}")


def files(card: CardDocument) -> None:
    """The card to take along."""
    texts = (
        ("Markdown", "md", "text/markdown", to_markdown(card)),
        ("JSON", "json", "application/json", json.dumps(to_json(card), indent=1, ensure_ascii=False)),
    )
    with st.container(horizontal=True):
        for title, kind, mime, text in texts:
            name, icon = f"model_card.{kind}", ":material/download:"
            st.download_button(literal(title), text, name, mime, key=f"card_{kind}", icon=icon, on_click="ignore")


def items(card: CardDocument) -> None:
    """The items, section by section."""
    for section in dict.fromkeys(item.section for item in card.items):
        st.header(literal(section))
        rows = "".join(
            f"<tr><td{MUTED}>{item.number}</td><td>{in_html(item.topic)}</td>"
            f"<td{'' if item.said else MUTED}>{in_html(item.said or OPEN)}</td></tr>"
            for item in card.items
            if item.section == section
        )
        st.html(
            '<table class="mmd-criteria card"><tr><th>Item</th><th>What it asks</th><th>What is known</th></tr>'
            f"{rows}</table>"
        )


def link(model_id: int, key: str) -> None:
    """A button to a model's card."""
    if st.button("Model card", key=key, icon=":material/badge:"):
        go_to("model", model_id)
        open_page("model")
