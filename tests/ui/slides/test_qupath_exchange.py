"""QuPath's popover, drawn by itself; files go out and in on the whole page (`tests/pages/test_slides.py`)."""

from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from ui.slides import qupath_exchange


def page() -> None:
    from tests.ui.shell.test_words import slide
    from ui.slides.qupath_exchange import qupath_exchange

    qupath_exchange(slide(id=4))


@pytest.mark.parametrize("who", [None, SimpleNamespace(id=5, name="Ada")])
def test_labels_are_brought_in_by_somebody_only(monkeypatch, who):
    monkeypatch.setattr(qupath_exchange, "reader", lambda: who)
    app = AppTest.from_function(page, default_timeout=60).run()
    app.file_uploader(key="qupath_in_4").upload("drawn.geojson", b"{}").run()
    button = app.button(key="qupath_bring_4")
    assert not app.exception and button.disabled == (who is None)
    assert bool(button.help) == (who is None)
