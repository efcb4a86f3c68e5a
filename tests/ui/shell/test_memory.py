"""The tab's memory of the reader, as Python writes it; `memory/remembered.test.js` holds what the tab keeps and tells."""

import json

from streamlit.testing.v1 import AppTest


def page(name):
    from ui.shell.memory import keep_reader

    keep_reader(name)


def test_the_tab_is_given_who_reads_to_keep():
    for name in ("Ada", None):
        app = AppTest.from_function(page, default_timeout=60, args=(name,)).run()
        assert not app.exception
        (drawn,) = (element.proto for element in app.get("bidi_component"))
        assert json.loads(drawn.json) == {"name": name}
