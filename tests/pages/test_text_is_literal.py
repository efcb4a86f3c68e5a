"""On no page does a text that a person or a file brought become anything but that text."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.hostile import LONG, MARK, SHORT, hostile, spoil
from tests.shown import shown
from ui.shell.pages import PAGES

MARKDOWN = {"label", "help", "body", "text", "caption", "title", "delta", "content", "captions"}
AS_TEXT = {
    "options", "raw_values", "default", "placeholder", "alt", "set_value", "value", "code_text", "element_id", "id",
    "accessible_label", "raw_value", "icon",
}  # fmt: skip
"""Fields that Streamlit's browser side shows as text, or not at all."""
OPENED = ({}, {"part": "Read again"}, {"part": "Files"}, {"part": "Record"})


def strings(proto: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every string in a message, with the way to it: (message, field, message, field ...)."""
    for known, value in proto.ListFields():
        here = (*path, proto.DESCRIPTOR.name, known.name)
        for item in value if known.is_repeated else [value]:
            if isinstance(item, str):
                yield here, item
            elif isinstance(item, bytes):
                continue
            elif known.message_type is not None and hasattr(item, "ListFields"):
                yield from strings(item, here)


def literal_in(text: str) -> bool:
    """Whether nothing of a hostile text is left when the whole ones are taken away."""
    rest = text.replace(LONG, "").replace(SHORT, "")
    return not any(piece in rest for piece in (MARK, "green-badge", "by D", "smile"))


def check_markdown(where: object, source: str) -> None:
    seen = shown(source)
    assert literal_in(seen.text), (where, source, seen.text)
    assert not seen.kinds() & {"link", "picture", "HTML", "struck", "formula", "emoji", "address", "mail", "arrow"}, (
        where, source, seen.alive,
    )  # fmt: skip


def check(app: AppTest) -> set[str]:
    """Look at every string that holds hostile text; in which fields there were such, for the caller to ask after."""
    assert not app.exception
    fields: set[str] = set()
    for node in app._tree:
        if hasattr(getattr(node, "proto", None), "ListFields"):
            for path, text in strings(node.proto):
                if MARK in text:
                    fields.add(".".join(path[-2:]))
                    check_field(*path[-2:], text)
    for table in app.get("table"):
        for cell in [*table.value.columns, *table.value.index, *table.value.to_numpy().flatten()]:
            if MARK in str(cell):
                fields.add("Table.cell")
                check_markdown("table", str(cell))
    return fields


def check_field(message: str, name: str, text: str) -> None:
    """Whether this field of an element's message shows the text as it is."""
    if name == "spec":
        for written in figure_texts(json.loads(text)):
            assert not set(written.replace("<br>", "").replace("<extra></extra>", "")) & set("<>$"), written
            assert "%{text}" not in written
    elif message == "Html":
        assert "<img src=http" not in text and "<b>F" not in text
        assert literal_in(html.unescape(text)), text
    elif message == "Json":
        assert name == "body", name  # its strings are drawn as text
    elif message == "BidiComponent":
        assert name in ("json", "mixed"), name  # its script writes with textContent alone
    elif name in MARKDOWN:
        check_markdown((message, name), text)
    else:
        assert name in AS_TEXT, (message, name, text)


def figure_texts(spec: Any) -> Iterator[str]:
    """The texts of a figure that hold a hostile one, whole or cut."""
    if isinstance(spec, str):
        if MARK in spec or "A*1*2" in spec:
            yield spec
    elif isinstance(spec, dict):
        for value in spec.values():
            yield from figure_texts(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from figure_texts(value)


@pytest.fixture
def spoilt(filled, filled_home):
    spoil(filled_home)
    return filled


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_every_page_shows_hostile_text_as_it_is(page, spoilt, filled_home):
    query = {"project": "1", "run": str(filled_home.run), "score": str(filled_home.score)}
    for more in OPENED if page == "agreement" else ({},):
        seen_in = check(spoilt(page, query | more))
        assert "Selectbox.options" in seen_in, "the project is named on every page"


def test_a_slide_shows_hostile_text_as_it_is(spoilt, filled_home):
    lab = filled_home.lab
    patch = lab.slides.patches(filled_home.slides[0])[0].id
    seen_in = check(spoilt("slides", {"project": "1", "slide": str(filled_home.slides[0]), "patch": str(patch)}))
    assert {"Heading.body", "Alert.body", "Table.cell"} <= seen_in
    check(spoilt("slides", {"project": "1", "slide": str(filled_home.without_mpp)}))


def test_labelling_with_plain_buttons_and_a_new_session_show_hostile_text_as_it_is(spoilt, filled_home):
    second = filled_home.lab.labels.sessions.of_project(1, filled_home.reader + 1)[0]
    state = {"reader_id": filled_home.reader + 1}
    seen_in = check(spoilt("label", {"project": "1", "session": str(second.id)}, plain=True, **state))
    assert "Image.caption" in seen_in
    check(spoilt("label", {"project": "1"}))


def test_toasts_and_refusals_show_hostile_text_as_it_is(spoilt):
    app = spoilt("overview", {"project": "1"})
    for _ in range(2):
        app.session_state["new_project_box"] = True
        app.switch_page("pages/overview.py").run()  # a new project leads to its slides
        name = next(field for field in app.text_input if field.label == "Name of the new project")
        name.set_value(SHORT)
        next(button for button in app.button if button.label == "Make project").click().run()
    seen_in = check(app)
    assert app.error and "already" in app.error[0].value
    assert "Alert.body" in seen_in


def test_the_check_itself_finds_what_is_drawn_as_markdown():
    def page():
        import streamlit as st

        from tests.hostile import hostile

        st.caption(hostile("x"))

    with pytest.raises(AssertionError):
        check(AppTest.from_function(page).run())
    with pytest.raises(AssertionError):
        check_markdown("here", hostile("x"))
