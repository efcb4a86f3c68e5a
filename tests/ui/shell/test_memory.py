"""The tab's memory of the reader, as Python asks it; `memory/remembered.test.js` holds what the tab keeps."""

import json

from streamlit.testing.v1 import AppTest


def page(name, asked):
    import streamlit as st

    from ui.shell.memory import reader_memory

    st.text(str(reader_memory(name, asked=asked)))


def test_the_tab_is_told_who_reads_and_asked_only_while_nobody_has_said():
    for name, asked in ((None, True), ("Ada", False), (None, False)):
        app = AppTest.from_function(page, default_timeout=60, args=(name, asked)).run()
        assert not app.exception and app.text[0].value == "None"
        (drawn,) = (element.proto for element in app.get("bidi_component"))
        assert json.loads(drawn.json) == {"name": name, "asked": asked}
