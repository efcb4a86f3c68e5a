"""A model's card on the page; the page itself is gone through in `tests/pages/test_model.py`."""

from streamlit.testing.v1 import AppTest

from tests.pages.conftest import texts


def a_card():
    from mmdnet.reports.model_card import model_card
    from tests.mmdnet.reports import crafted
    from ui.models import card

    document = model_card(crafted.card(), "Ours", "a *note* <b>")
    card.head(document)
    card.files(document)
    card.items(document)


def test_a_card_names_what_is_known_and_what_is_open():
    app = AppTest.from_function(a_card, default_timeout=60).run()
    assert not app.exception
    words = texts(app)
    for phrase in ("Research use only", "of 52 items", "Sample size", "open: the lab keeps no record of it"):
        assert phrase in words, phrase
    assert [download.label for download in app.get("download_button")] == ["Markdown", "JSON"]
    assert [header.value for header in app.header][:2] == ["Title and abstract", "Introduction"]
